"""What every launcher must pass. A subclass gives the fixture ``launcher``, and ``place`` where it needs another host.

class TestMine(LauncherContract):
    @pytest.fixture
    def launcher(self) -> Launcher:
        return Mine()
"""

from __future__ import annotations

import copy

import pytest

from portcall.errors import SchedulerSilent, StartFailed
from portcall.launchers.base import Launcher
from portcall.model import codec
from portcall.model.launch import Host
from portcall.model.start import Invocation, NeedForm, Output, Scheduled, Started, StartOrder
from portcall.model.user import Account

ODD = "\x1b[31mred\x1b[0m \x1b]0;title\x07\x9b2J\0\r\nsecond\tline\x08"  # as programs write for terminals
HOSTILE = ("$(id)", "`id`", "a; id", "it's", '"', "--help", "a\nb", "\x1b[31m", "é🐙", "%s{0}", "x" * 30_000)


def order(**members: object) -> StartOrder:
    values = {"geometry": "800x600", "window_mode": "desktop", "signature": "sealed-by-the-server", **members}
    return StartOrder("s1", "ann", "ann", values.pop("command", "xterm"), **values)  # type: ignore[arg-type]


def host(**members: object) -> Host:
    values: dict[str, object] = {
        "socket_file": "/run/portcall/server.sock", "root_dir": "/usr/lib/portcall", "var_dir": "/var/lib/portcall",
        "config_dir": "/etc/portcall", "local_dir": "/var/lib/portcall/local", "tmp_dir": "/tmp",
        "runtime_dir": "/run/portcall", "start_script": "/usr/lib/portcall/scripts/start",
        "weblink_script": "/usr/lib/portcall/scripts/start-weblink",
        "session_file": "/usr/lib/portcall/portcall-session.pyz", **members,
    }  # fmt: skip
    account = Account("ann", 1001, 1001, "/home/ann", "/bin/bash", ["ann", "users"])
    return Host(account, **values)  # type: ignore[arg-type]


class LauncherContract:
    def place(self) -> Host:
        """What the launcher is told of its host: settings and templates without which it could not start anything."""
        return host()

    def test_it_has_a_name_and_a_title(self, launcher: Launcher) -> None:
        assert launcher.name.isidentifier()
        assert launcher.name.islower()
        assert launcher.title

    def test_the_same_order_is_the_same_command_and_stays_as_it_was(self, launcher: Launcher) -> None:
        given = order(params={"a": [1]})
        before = copy.deepcopy(codec.to_document(given))
        assert launcher.invocation(given, self.place()) == launcher.invocation(given, self.place())
        assert codec.to_document(given) == before

    @pytest.mark.parametrize("text", HOSTILE)
    def test_any_text_can_be_handed_to_the_system(self, launcher: Launcher, text: str) -> None:
        made = launcher.invocation(order(command=text, name=text.replace("\n", ""), params={"p": text}), self.place())
        assert isinstance(made, Invocation)
        for word in (*made.argv, made.stdin, *made.environment, *made.environment.values()):
            assert isinstance(word, str)
            assert "\0" not in word
            word.encode()
        assert made.argv[:1] != (text,)  # what a user typed is never the program that runs

    def test_no_secret_is_where_others_on_the_host_can_read_it(self, launcher: Launcher) -> None:
        made = launcher.invocation(order(), self.place())
        assert all("sealed-by-the-server" not in word for word in made.argv)

    def test_success_is_an_outcome_for_this_session(self, launcher: Launcher) -> None:
        given = order()
        outcome = launcher.outcome(given, Output(0, "", ""))
        assert isinstance(outcome, (Started, Scheduled, NeedForm))
        if not isinstance(outcome, NeedForm):
            assert outcome.session_id == given.id

    def test_failure_is_told_in_the_words_of_who_failed(self, launcher: Launcher) -> None:
        with pytest.raises(StartFailed, match="the queue is closed"):
            launcher.outcome(order(), Output(1, "", "the queue is closed\n"))
        with pytest.raises(StartFailed) as failure:
            launcher.outcome(order(), Output(127))
        assert failure.value.detail

    def test_what_was_printed_is_told_without_what_would_take_a_terminal_over(self, launcher: Launcher) -> None:
        with pytest.raises(StartFailed, match="red") as failure:
            launcher.outcome(order(), Output(1, ODD, ODD))
        told = [failure.value.detail, str(failure.value.extra.get("log", ""))]
        try:
            told.append(getattr(launcher.outcome(order(), Output(0, ODD, ODD)), "text", ""))
        except SchedulerSilent as silent:
            told.append(silent.detail)
        assert all(line.isprintable() for text in told for line in text.split("\n"))
