"""Options of portcall server, and the commands about logins and the place."""

from __future__ import annotations

import os
import pwd

import click
import pytest

from portcall import config
from portcall.cli.server import become, server
from portcall.errors import InvalidValue
from tests.cli.conftest import Portcall
from tests.client.stand_in import StandIn


def test_every_setting_is_an_option() -> None:
    options = {option for parameter in server.get_params(click.Context(server)) for option in parameter.opts}
    for row in config.SETTINGS:
        assert f"--{row.name.replace('_', '-')}" in options


@pytest.mark.parametrize(
    "arguments",
    [("--service", "--user", "root"), ("--port", "1", "status"), ("--one-person", "link"), ("--none",), ("nothing",)],
)
def test_options_that_do_not_go_together_are_usage_errors(portcall: Portcall, arguments: tuple[str, ...]) -> None:
    assert portcall("server", *arguments).code == 2


def test_a_setting_that_cannot_be_is_named(portcall: Portcall) -> None:
    refused = portcall("server", "--port", "many")
    assert refused.code == 1
    assert "--port" in refused.err
    assert "a whole number" in refused.err


def test_nobody_becomes_somebody_else_without_root() -> None:
    with pytest.raises(InvalidValue, match="no account"):
        become("no such account")
    if os.geteuid() != 0:
        with pytest.raises(InvalidValue, match="for root"):
            become("root")
    become(pwd.getpwuid(os.geteuid()).pw_name)  # oneself: nothing to do


@pytest.mark.root
def test_as_root_one_is_warned_and_told_of_user(portcall: Portcall) -> None:
    shown = portcall("server", "--one-person", "--port", "70000")  # which there is not: nothing is started
    assert shown.err.splitlines() == [
        "portcall: running as root for one person: sessions are root's. --user NAME runs it for NAME.",
        "portcall: --port: port: 70000: 65535 at most",
    ]
    assert "as root" not in portcall("server", "--service", "--port", "70000").err


def test_commands_about_this_hosts_server_say_that_none_runs(portcall: Portcall) -> None:
    for words in (("server", "link"), ("server", "reload"), ("server", "status")):
        refused = portcall(*words)
        assert refused.code == 1
        assert refused.err.startswith("portcall: No ")


def test_a_server_elsewhere_is_asked_how_it_is(at: Portcall) -> None:
    shown = at("server", "status", "--json").json
    assert (shown["serverId"], shown["pid"], shown["ownSessions"]) == ("one", None, 0)
    assert "everybody with an account" in at("server", "status").out


def test_settings_are_listed_read_and_set(at: Portcall, place: StandIn) -> None:
    assert "start_timeout" in at("settings", "ls").out
    assert at("settings", "ls", "--changed", "--json").json == []
    assert at("settings", "get", "start_timeout").out == "60.0\n"
    assert at("settings", "get", "nothing").code == 3
    assert at("settings", "set", "start_timeout", "90").code == 0
    assert place.asked[-1] == ("PUT", "/settings/start_timeout", {"value": "90"})


def test_servers_logins_tokens_and_the_audit_log_are_listed(at: Portcall, place: StandIn) -> None:
    assert at("servers").out.splitlines()[1].split()[:3] == ["one", "h", "2"]
    assert "session/start" in at("audit", "--limit", "5").out
    assert "this one" in at("logins").out
    assert at("token", "create", "nightly", "--days", "30").out == "t-secret\n"
    assert at("token", "rm", "nightly").code == 0
    assert place.asked[-1][:2] == ("DELETE", "/logins/j2")
    assert at("logins", "--revoke", "j").code == 1  # both begin so
    assert at("logins", "--revoke", "zz").code == 3
    assert "ann (uid 1000)" in at("whoami").out
