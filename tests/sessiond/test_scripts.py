"""A profile's event scripts, with real sessions: when they run, as what, and what they cannot hold up."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from portcall.sessiond import processes
from portcall.wire import messages
from tests.fixtures.ground import USER_PYTHON, Ground, kill, until
from tests.installation import TOP

pytestmark = pytest.mark.serial
STAYS = "exec sleep 1000"


def said(ground: Ground) -> list[str]:
    """What scripts have written to ``said`` in the home."""
    path = ground.home / "said"
    return path.read_text().splitlines() if path.exists() else []


def log(ground: Ground, session: str) -> str:
    return (ground.directory(session) / "log").read_text()


def events(*names: str) -> dict[str, str]:
    """A line for each of these events."""
    return {f"on{name.title()}": f"echo {name} $PORTCALL_CLIENTS >>said" for name in names}


def test_each_event_runs_its_script_at_home_in_the_sessions_environment(ground: Ground) -> None:
    names = ("DISPLAY", "XAUTHORITY", "HOME", "USER", "PORTCALL_SESSION_ID", "PORTCALL_EVENT", "PORTCALL_PROFILE",
             "SECRET")  # fmt: skip
    shown = " ".join(f"{name}=${name}" for name in names)
    limits = {**events("connect", "disconnect"), "onStart": f'echo "{shown} PWD=$PWD" >>said; echo to the log'}
    limits["onTerminate"] = "echo terminate $PORTCALL_REASON >>said"
    os.environ["SECRET"] = "x"
    try:
        session = ground.running(ground.order(STAYS, limits=limits, profile="gpu"))
    finally:
        del os.environ["SECRET"]
    peer = ground.server.session(session)
    assert peer.hello.scripts == ["start", "connect", "disconnect", "terminate"]
    until(lambda: said(ground))
    values = dict(word.split("=", 1) for word in said(ground)[0].split())
    assert values == {
        "DISPLAY": f":{ground.record(session)['number']}", "XAUTHORITY": f"{ground.directory(session)}/Xauthority",
        "HOME": str(ground.home), "USER": ground.account.name, "PORTCALL_SESSION_ID": session, "PWD": str(ground.home),
        "PORTCALL_EVENT": "start", "PORTCALL_PROFILE": "gpu", "SECRET": "",
    }  # fmt: skip
    assert "to the log\n" in log(ground, session)
    for count, line in ((1, "connect 1"), (2, "connect 2"), (2, ""), (1, "disconnect 1"), (0, "disconnect 0")):
        before = len(said(ground))
        peer.tell(messages.Viewers(count))
        if line:
            until(lambda: len(said(ground)) > before)  # noqa: B023
            assert said(ground)[before:] == [line]
    ground.end(session)
    assert said(ground)[-1] == "terminate the test is over"
    ground.nothing_left(session)


def test_changed_params_come_as_json_and_the_servers_own_are_no_news(ground: Ground) -> None:
    limits = {"onParams": 'printf "%s\\n" "$PORTCALL_PARAMS" >>said'}
    session = ground.running(ground.order(STAYS, limits=limits, params={"old": 1, "same": [2]}))
    peer = ground.server.session(session)
    peer.ask(lambda seq: messages.ChangeSession(seq, None, {"clientIP": "192.0.2.7"}))
    peer.ask(lambda seq: messages.ChangeSession(seq, None, {"same": [2]}))
    given = {"new": 'it\'s\n"quoted" $HOME', "old": None, "same": [2]}
    peer.ask(lambda seq: messages.ChangeSession(seq, "Wing", {**given, "name": "Wing"}))
    until(lambda: said(ground))
    assert json.loads(said(ground)[0]) == {"new": given["new"], "old": None, "name": "Wing"}
    ground.end(session)
    assert len(said(ground)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo $0 one >>said", "sh one"), ("echo zwölf >>said", "zwölf"), ("\nx=two\necho $x >>said\n", "two"),
        ("#!/usr/bin/python3 -I\r\nopen('said', 'w').write('three\\n')\r\n", "three"),
        ("#!/usr/bin/env python3\nimport sys\nopen('said', 'w').write(sys.argv[0])", "on_start"),
    ],
)  # fmt: skip
def test_one_line_is_the_shells_and_more_are_a_file_with_its_own_interpreter(
    ground: Ground, text: str, expected: str
) -> None:
    session = ground.running(ground.order(STAYS, limits={"onStart": text}))
    until(lambda: said(ground))
    assert said(ground)[0].endswith(expected), log(ground, session)
    path = ground.directory(session) / "on_start"
    assert path.exists() == ("\n" in text.strip("\n") or not text.isascii())
    if path.exists():
        assert path.stat().st_mode & 0o777 == 0o700


def test_without_scripts_nothing_of_them_is_there(ground: Ground) -> None:
    session = ground.running(ground.order(STAYS, limits={"onStart": "", "onTerminate": " \n"}))
    assert ground.server.session(session).hello.scripts == []
    assert not list(ground.directory(session).glob("on_*"))
    program = (
        f"import sys; sys.path.insert(0, {str(TOP / 'src')!r}); import portcall.linkd.main as _; print(*sys.modules)"
    )
    done = subprocess.run([*USER_PYTHON, "-c", program], capture_output=True, text=True, check=True)
    assert "portcall.sessiond.daemon" in done.stdout.split()
    assert "portcall.sessiond.scripts" not in done.stdout.split()


def test_scripts_that_fail_or_cannot_be_run_are_told_in_the_log_and_hold_up_nothing(ground: Ground) -> None:
    limits = {"onStart": "exit 3", "onParams": "#!/no/such/program\n", "onTerminate": "#!/no/such\nx\n"}
    session = ground.running(ground.order(STAYS, limits={**limits, "onParams": "#!/no/such/program\nx"}))
    ground.server.session(session).ask(lambda seq: messages.ChangeSession(seq, None, {"a": 1}))
    until(lambda: "portcall: on_start ended with exit code 3\n" in log(ground, session))
    until(lambda: "portcall: on_params ended with exit code 127\n" in log(ground, session))
    assert "/no/such/program: No such file or directory" in log(ground, session)
    ended = ground.end(session)
    assert "portcall: on_terminate ended with exit code 127" in ended.log
    ground.nothing_left(session)


def test_scripts_that_hang_or_hide_end_with_the_session(ground: Ground) -> None:
    pid = ground.home / "pid"
    hides = f"env -i setsid sh -c 'trap \"\" TERM; echo $$ >{pid}; while :; do sleep 1; done' & exec sleep 1000"
    go = ground.home / "go"
    command = f"until [ -e {go} ]; do sleep 0.05; done"
    session = ground.running(ground.order(command, limits={"onStart": hides, "onConnect": "sleep 1000"}))
    for count in range(1, 30):
        ground.server.session(session).tell(messages.Viewers(count))
    until(lambda: "on_connect was not run: 16 scripts of this session have not ended yet" in log(ground, session))
    until(lambda: pid.exists() and pid.read_text().strip())
    hidden = processes.process(int(pid.read_text()))
    go.touch()
    ended = ground.server.ended(session)
    assert (ended.failed, ended.exit_code) == (False, 0)
    ground.nothing_left(session)
    until(lambda: not processes.alive(hidden))


def test_the_last_script_runs_while_display_and_programs_live_and_the_end_waits_for_it(ground: Ground) -> None:
    go = ground.home / "go"
    sees = '[ -S "/tmp/.X11-unix/X${DISPLAY#:}" ] && [ -d "${XAUTHORITY%/*}" ] && echo display >>said'
    waits = f"{sees}\nuntil [ -e {go} ]; do sleep 0.05; done\necho over >>said\n"
    session = ground.running(ground.order(STAYS, limits={"onTerminate": waits, **events("disconnect")}))
    peer = ground.server.session(session)
    peer.tell(messages.Viewers(1))
    peer.ask(lambda seq: messages.EndSession(seq, "enough", 0.0))
    until(lambda: said(ground) == ["display"])
    peer.ask(lambda seq: messages.EndSession(seq, "enough", 0.0))  # in a hurry, still not before it
    peer.tell(messages.Viewers(0))
    assert processes.alive(ground.process(session, "command"))
    assert processes.alive(ground.process(session, "display"))
    assert not peer.said(messages.SessionEnded)
    go.touch()
    ground.server.ended(session)
    assert said(ground) == ["display", "over"]
    ground.nothing_left(session)


def test_a_session_that_did_not_start_runs_none(ground: Ground) -> None:
    session = ground.start(ground.order("no-such-program", limits=events("start", "terminate")))
    assert ground.server.ended(session).failed
    assert said(ground) == []
    ground.nothing_left(session)


def test_the_last_script_is_run_once_though_its_daemon_dies(ground: Ground) -> None:
    go = ground.home / "go"
    last = f"echo began >>said; until [ -e {go} ]; do sleep 0.05; done; echo over >>said"
    session = ground.running(ground.order(STAYS, limits={"onTerminate": last}))
    ground.server.session(session).ask(lambda seq: messages.EndSession(seq, "enough", 0.0))
    until(lambda: said(ground) and "on_terminate" in ground.record(session)["processes"])
    kill(ground.process(session, "daemon"))
    ground.adopt(session)
    ground.server.session(session)
    go.touch()
    assert ground.server.ended(session).reason == "enough"
    assert said(ground) == ["began", "over"]
    ground.nothing_left(session)


def test_a_script_that_goes_on_is_no_reason_to_wait_for_a_window(ground: Ground) -> None:
    limits = {"onStart": "sleep 1000 & sleep 1000"}
    session = ground.start(ground.order("sleep 0.3", rootless=True, limits=limits))
    ended = ground.server.ended(session, 20)
    assert "without having opened a window" in ended.reason
    ground.nothing_left(session)


_LATE = """
import sys
sys.path.insert(0, sys.argv[1])
from portcall.clock import Clock
from portcall.model.start import StartOrder
from portcall.sessiond import places
from portcall.sessiond.begin import own_account, session_of
from portcall.sessiond.context import Context
from portcall.sessiond.loop import Loop
from portcall.sessiond.record import Record
from portcall.sessiond.scripts import Scripts
order = StartOrder("s", "", "", "", "64x64", "desktop", limits={"on_terminate": sys.argv[3]})
record = Record(session_of(order, Clock()), order, [])
record.phase, record.marks = "running", ["s"]
loop, done = Loop(), []
place = places.Place.make(places.prepare(sys.argv[2]))
scripts = Scripts(Context(loop, place, record, own_account(), Clock()), 0.5)
scripts.terminate(lambda: (done.append(1), loop.after(0.3, loop.stop)))
loop.run()
print(len(done), record.processes["on_terminate"].pid, open(place / "log").read())
"""


def test_the_last_script_is_killed_with_its_group_when_it_takes_too_long(tmp_path: Path) -> None:
    script: Any = "trap '' TERM; sleep 1000 & sleep 1000; sleep 1000"
    argv = [*USER_PYTHON, "-c", _LATE, str(TOP / "src"), str(tmp_path / "u"), script]
    times, pid, *words = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert (times, " ".join(words)) == ("1", "portcall: on_terminate did not end within 0.5 seconds")
    until(lambda: not [one for one in processes.own().values() if one.session == int(pid)])
