"""The custom launcher with real sessions: what the guides "Job Scheduling" (S0, S1) say, tried line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portcall.client.api import Client
from portcall.errors import Conflict, PortcallError, StartFailed
from portcall.model.session import Session
from portcall.model.start import StartRequest
from portcall.testing.ports import free_port
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import until

pytestmark = pytest.mark.root
STAYS = "exec tail -f /dev/null"
HOSTILE = "$(id > /tmp/no) `id`; 'a' \"b\" \\ é🐙 ${HOME} --help %s"


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str) -> Server:
    return new_server(pam_service=pam, login_methods="pam", login_failures=1000, launcher="custom")


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture
def client(server: Server, person: Person) -> Iterator[Client]:
    """Nothing outlives the test."""
    with person.login(server) as client:
        yield client
        for session in client.sessions():
            client.purge(session.id)
        person.clean("the test is over")


def launcher(server: Server, text: str | Path, **variables: str) -> None:
    """``fastx.env`` with a script: of this text, or a file that is there."""
    if isinstance(text, str):
        path = server.folder / "launcher"
        path.write_text(text)
        path.chmod(0o755)
    else:
        path = text
    lines = [f"LAUNCHER_SCRIPT='{path}'", *(f"{name}='{value}'" for name, value in variables.items())]
    (server.config / "fastx.env").write_text("\n".join(lines) + "\n")


def root_dir(server: Server) -> Path:
    """Where a server of a clone has its user side; the newest is in force."""
    return max((server.run / "lib").glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def linked(new_server: MakeServer, pam: str) -> Server:
    """With WEBLINK_PORT in its environment, and a path of the site's own."""
    environment = {"WEBLINK_PORT": str(free_port()), "WEBLINK_URI": "/calls/in"}
    return new_server(
        pam_service=pam, login_methods="pam", launcher="custom", log_level="debug", environment=environment
    )


def start(client: Client, command: str = STAYS, **members: Any) -> dict[str, Any]:
    return client.start(StartRequest(command, **members))


def only(client: Client) -> Session:
    (session,) = client.sessions()
    return session


def variables(person: Person, session: Session) -> dict[str, str]:
    """The environment of the session's command."""
    return person.program_of(session.id, "tail").environ()


BODY = """#!/usr/bin/python3
import json, os, subprocess, sys
from _fastx import get_input_from_stdin, process_output
my_input = get_input_from_stdin()
"""


def test_the_basic_example_starts_what_start_immediately_does(server: Server, person: Person, client: Client) -> None:
    """S1, Basic Example: This example reimplements the default launch command."""
    launcher(server, root_dir(server) / "install/config/job-scheduler.d/basic.py")
    answer = start(client, name="Mine", geometry="800x600", params={"project": HOSTILE})
    assert answer["result"]["state"] == "running"
    session = client.session(answer["result"]["id"])
    assert (session.launcher, session.origin, session.user, session.login) == (
        "custom", "pipeline", person.name, person.name,
    )  # fmt: skip
    assert (session.name, session.geometry, session.params["project"]) == ("Mine", "800x600", HOSTILE)
    assert {step["step"] for step in client.trace(session.id)["steps"]} >= {"handed over", "running"}
    # what was for the script is not for the session's programs
    leaked = {"PYTHONPATH", "PORTCALL_ORDER", "PORTCALL_RUNTIME_DIR", "FX_CONFIG_DIR", "FX_ROOT_DIR"}
    assert not leaked & set(variables(person, session))
    client.terminate(session.id)
    person.gone(session.id, session.display)


def test_it_runs_as_the_logged_in_user_in_a_login_environment(server: Server, person: Person, client: Client) -> None:
    """S1: By default runs as the logged in user."""
    text = BODY + (
        'script = my_input["defaultStartScript"]\n'
        "print(json.dumps([os.getuid(), os.getgid(), os.getcwd(), dict(os.environ), sys.argv[1:], script]))\n"
    )
    launcher(server, text, LAUNCHER_ARGS="--arg1,--arg2,--arg3")
    uid, gid, folder, environment, arguments, script = json.loads(start(client)["text"])
    assert (uid, gid, folder) == (person.uid, person.gid, str(person.home))
    assert arguments == ["--arg1", "--arg2", "--arg3"]
    assert (environment["USER"], environment["HOME"]) == (person.name, str(person.home))
    assert environment["FX_CONFIG_DIR"] == str(server.config)
    assert script == f"{environment['FX_ROOT_DIR']}/scripts/start"  # S1: "$FX_ROOT_DIR/scripts/start"
    assert "NOTIFY_SOCKET" not in environment  # the service's own


def test_launch_as_current_user_runs_it_as_the_service_and_the_session_as_the_user(
    server: Server, person: Person, client: Client
) -> None:
    """S1: LAUNCH_AS_CURRENT_USER=true — (optional) run the script as the FastX user."""
    text = BODY + (
        "assert os.getuid() == 0, os.getuid()\n"
        'command = ["runuser", "-u", my_input["login"], "--", my_input["defaultStartScript"], "--json=0"]\n'
        'start = json.dumps(my_input["start"])\n'
        "process_output(subprocess.run(command, input=start, capture_output=True, text=True))\n"
    )
    launcher(server, text, LAUNCH_AS_CURRENT_USER="true")
    answer = start(client)
    session = client.session(answer["result"]["id"])
    assert (session.state, session.user, session.launcher) == ("running", person.name, "custom")
    assert person.program_of(session.id, "tail").uids().real == person.uid
    assert person.daemon(session.id)


def test_stdin_is_the_object_of_the_guide_and_hostile_values_arrive_unharmed(
    server: Server, person: Person, client: Client
) -> None:
    """S1, Script Input."""
    launcher(server, "#!/bin/sh\ncat > seen.json; echo queued\n")
    asked = {"name": HOSTILE, "params": {HOSTILE: HOSTILE, "deep": {"a": [HOSTILE]}}, "userdata": HOSTILE}
    command = f"{HOSTILE}\nsecond line\x1b[31m"
    assert start(client, command, **asked)["text"] == "queued"
    document = json.loads((person.home / "seen.json").read_text())
    root = root_dir(server)
    session = only(client)
    given = document.pop("start")
    assert document == {
        "socketFile": str(server.run / "server.sock"), "rootDir": str(root), "varDir": str(server.var),
        "configDir": str(server.config), "localDir": str(server.var / "local"), "tmpDir": "/tmp",
        "uid": person.uid, "gid": person.gid, "homedir": str(person.home), "shell": "/bin/bash",
        "login": person.name, "defaultStartScript": f"{root}/scripts/start",
    }  # fmt: skip
    assert (given["command"], given["name"], given["id"]) == (command, HOSTILE, session.id)
    assert given["params"][HOSTILE] == given["params"]["userdata"] == HOSTILE
    assert given["params"]["deep"] == {"a": [HOSTILE]}
    assert not Path("/tmp/no").exists()


def test_any_output_is_shown_and_the_session_is_pending_until_it_calls_in(
    server: Server, person: Person, client: Client
) -> None:
    """S1, Pending Sessions: scheduled but not yet connected back to the launcher."""
    launcher(server, "#!/bin/sh\ncat > order.json\necho 'Job 5 is in the queue.'\necho 'It is full.' >&2\n")
    answer = start(client)
    assert (answer["stage"], answer["text"]) == ("scheduled", "Job 5 is in the queue.\nIt is full.")
    session = only(client)
    assert (session.state, session.message) == ("pending", answer["text"])
    # some time later, somewhere
    order = json.loads((person.home / "order.json").read_text())
    done = person.run(
        order["defaultStartScript"], "--json=0", text=json.dumps(order["start"]), environment=person.at(server)
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == session.id
    assert until(lambda: client.session(session.id).state == "running", "it runs")


def test_a_start_script_below_it_becomes_this_session_whatever_it_is_given(
    server: Server, person: Person, client: Client
) -> None:
    """As sites do that put a command line together: rootDir + '/scripts/start' --command … (S2)."""
    text = BODY + (
        'command = [my_input["rootDir"] + "/scripts/start", "--command", my_input["start"]["command"]]\n'
        "process_output(subprocess.run(command, capture_output=True))\n"
    )
    launcher(server, text)
    answer = start(client)
    assert only(client).id == answer["result"]["id"]
    assert only(client).origin == "pipeline"


def test_a_nonzero_code_is_an_error_with_the_output_and_the_session_is_over(
    server: Server, person: Person, client: Client
) -> None:
    """S1: Any nonzero return code will be an error and will remove the session."""
    launcher(server, "#!/bin/sh\necho 'No licence is free.'\nexit 3\n")
    with pytest.raises(StartFailed, match=r"No licence is free\."):
        start(client)
    session = only(client)
    assert (session.state, session.reason, session.message) == ("ended", "No licence is free.", "No licence is free.")
    assert not client.sessions(state="pending")


def test_a_session_that_was_launched_before_the_error_stays(server: Server, person: Person, client: Client) -> None:
    """S1: it still may appear in the list even though it gave an error."""
    text = BODY + (
        'subprocess.run([my_input["defaultStartScript"], "--json=0"], input=json.dumps(my_input["start"]).encode(),\n'
        "               stdout=subprocess.DEVNULL, check=True)\n"
        'sys.exit("too late")\n'
    )
    launcher(server, text)
    start(client)
    assert only(client).state == "running"


def test_a_session_that_calls_in_after_it_was_reported_failed_is_there(
    server: Server, person: Person, client: Client
) -> None:
    launcher(server, "#!/bin/sh\ncat > order.json\necho 'the scheduler did not answer' >&2\nexit 1\n")
    with pytest.raises(StartFailed, match="did not answer"):
        start(client)
    order = json.loads((person.home / "order.json").read_text())
    done = person.run(
        order["defaultStartScript"], "--json=0", text=json.dumps(order["start"]), environment=person.at(server)
    )
    assert done.returncode == 0, done.stderr
    assert until(lambda: only(client).state == "running", "it runs")
    assert only(client).reason is None


def test_an_error_of_the_start_script_is_passed_on(server: Server, person: Person, client: Client) -> None:
    text = BODY + (
        'my_input["start"]["geometry"] = "huge"\n'
        "process_output(subprocess.run([my_input['defaultStartScript'], '--json=0'],\n"
        "               input=json.dumps(my_input['start']), stdout=subprocess.PIPE, stderr=subprocess.PIPE,\n"
        "               universal_newlines=True))\n"
    )
    launcher(server, text)
    with pytest.raises(StartFailed, match="geometry 'huge'"):
        start(client)


def test_a_script_that_cannot_be_run_says_what_to_do(server: Server, person: Person, client: Client) -> None:
    (server.config / "fastx.env").write_text("# nothing\n")
    with pytest.raises(StartFailed, match=r"Write LAUNCHER_SCRIPT=/path/to/script into .*/config/fastx\.env"):
        start(client)
    for as_service in ("false", "true"):
        launcher(server, Path("/opt/nowhere/launch"), LAUNCH_AS_CURRENT_USER=as_service)
        with pytest.raises(StartFailed, match=r"/opt/nowhere/launch: .*chmod 755"):
            start(client)
        plain = server.folder / "plain"
        plain.write_text("#!/bin/sh\n")
        launcher(server, plain, LAUNCH_AS_CURRENT_USER=as_service)
        with pytest.raises(StartFailed, match=r"/plain: .*chmod 755"):
            start(client)


def test_no_secret_of_the_start_is_in_an_argument(server: Server, person: Person, client: Client) -> None:
    launcher(server, "#!/bin/sh\ncat >/dev/null\ntr '\\0' ' ' < /proc/$$/cmdline\n")
    said = start(client)["text"]
    assert said.strip() == f"/bin/sh {server.folder}/launcher"


def test_a_pending_session_is_informed_about_and_has_nothing_to_connect_to(
    server: Server, person: Person, client: Client
) -> None:
    """S0, S1: users cannot connect to a pending session; there are a limited number of maintenance and information
    gathering actions."""
    launcher(server, "#!/bin/sh\necho 'Job 5 is in the queue.'\n")
    start(client)
    session = only(client)
    assert client.session(session.id).message == "Job 5 is in the queue."
    assert client.trace(session.id)["outcome"] == "scheduled"
    assert client.log(session.id)["log"] == "Job 5 is in the queue."
    assert client.processes(session.id) == client.connections(session.id) == []
    assert client.change(session.id, params={"project": "wing"}).params["project"] == "wing"
    for refused in (client.connect, client.suspend, client.screenshot):
        with pytest.raises(PortcallError, match="that is pending"):
            refused(session.id)
    assert only(client).state == "pending"


@pytest.mark.parametrize("action", ["terminate", "purge"])
def test_a_pending_session_can_be_looked_at_and_ended_and_does_not_come_up_later(
    server: Server, person: Person, client: Client, action: str
) -> None:
    """S1: actions (get info, terminate, purge) that a user can do on a pending session; users cannot connect to it."""
    launcher(server, "#!/bin/sh\ncat > order.json\n")
    start(client)
    session = only(client)
    assert client.session(session.id).state == "pending"
    with pytest.raises(Conflict):
        client.connect(session.id)
    getattr(client, action)(session.id)
    if action == "terminate":
        until(lambda: only(client).state == "ended", "it is over")
    else:
        assert not client.sessions()
    order = json.loads((person.home / "order.json").read_text())
    person.run(order["defaultStartScript"], "--json=0", text=json.dumps(order["start"]), environment=person.at(server))
    until(lambda: not [one for one in client.sessions() if one.state != "ended"], "it may not come up")


def test_the_weblink_example_starts_a_session_that_dials_out(linked: Server, person: Person) -> None:
    """S1, Weblink Example: Weblinks connect over the network rather than unix sockets."""
    launcher(linked, root_dir(linked) / "install/config/job-scheduler.d/weblink.py")
    with person.login(linked) as client:
        answer = start(client, geometry="640x480")
        session = client.session(answer["result"]["id"])
        assert (session.state, session.launcher, session.origin) == ("running", "custom", "pipeline")
        with watching(client, session.id) as viewer:
            assert (viewer.width, viewer.height) == (640, 480)
            assert person.processes("portcall-relay")  # the display's bytes go over the network
        tokens = {"WEBLINK_PRIMARY", "WEBLINK_URL", "PYTHONPATH", "PORTCALL_ORDER"}
        assert not tokens & set(variables(person, session))
        client.terminate(session.id)
        person.gone(session.id, session.display)


def test_the_weblink_object_is_that_of_the_guide(linked: Server, person: Person) -> None:
    """S1, weblink-object: logLevel, url (WEBLINK_URL), uri (WEBLINK_URI), primary, login."""
    launcher(linked, "#!/bin/sh\ncat > seen.json\n", WEBLINK_URL="https://desk.example/")
    with person.login(linked) as client:
        start(client)
        told = json.loads((person.home / "seen.json").read_text())["weblink"]
        token = told.pop("primary")
        assert told == {
            "logLevel": "debug", "url": "https://desk.example", "uri": "/calls/in", "login": person.name,
        }  # fmt: skip
        assert isinstance(token, str)
        launcher(linked, "#!/bin/sh\ncat > seen.json\n")
        start(client)
        own = json.loads((person.home / "seen.json").read_text())["weblink"]
        assert own["url"] == f"http://127.0.0.1:{linked.environment['WEBLINK_PORT']}"
        assert own["primary"] not in ("", token)
        for session in client.sessions():
            client.purge(session.id)


def test_an_administrator_tries_a_launcher_whatever_else_would_be_chosen(
    server: Server, person: Person, client: Client, tmp_path: Path
) -> None:
    launcher(server, "#!/bin/sh\necho 'Job 5 is in the queue.'\n")
    server.administered_by(person.name)
    try:
        asked = json.dumps({"command": STAYS, "name": "A try"})
        by = {name: person.json(server, "launcher", "run", name, "--start", "-", text=asked)
              for name in ("direct", "custom")}  # fmt: skip
    finally:
        server.administered_by()
    assert (by["direct"]["state"], by["direct"]["launcher"], by["direct"]["name"]) == ("running", "direct", "A try")
    assert (by["custom"]["state"], by["custom"]["message"]) == ("pending", "Job 5 is in the queue.")
    refused = person.portcall(server, "launcher", "run", "direct", "--start", "-", text=asked)
    assert (refused.returncode, refused.stdout) == (4, "")
