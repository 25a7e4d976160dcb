"""Sessions in containers, with real engines and an image with nothing in it but X programs: what "Job Scheduling with
Docker" (S4) says, line by line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import pytest
from PIL import Image

from portcall.client.api import Client
from portcall.errors import DisplayUnavailable, PortcallError
from portcall.launchers.docker import Docker
from portcall.launchers.podman import Podman
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features import engines
from tests.features.conftest import MakePerson, MakeServer
from tests.features.engines import Engine
from tests.features.people import Person, ended, name_of
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import until
from tests.fixtures.pam import PASSWORD, pam_service
from tests.fixtures.sshd import sshd
from tests.installation import TOP

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def runtime() -> Iterator[Path]:
    with engines.folder() as folder:
        yield engines.make_runtime(folder)


@pytest.fixture(scope="module")
def podman(runtime: Path) -> Iterator[Engine]:
    with engines.podman(runtime) as engine:
        yield engine


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    """Somebody in a second group."""
    person = new_person()
    subprocess.run(["usermod", "--append", "--groups", "games", person.name], check=True)
    return person


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str, podman: Engine) -> Server:
    return containing(new_server, podman, pam_service=pam)


@pytest.fixture
def client(server: Server, person: Person) -> Iterator[Client]:
    with person.login(server) as client:
        yield client


def containing(
    new_server: MakeServer, engine: Engine, run_as: str = "service", mode: str = "service",
    given: Mapping[str, object] = MappingProxyType({}), **settings: object,
) -> Server:  # fmt: skip
    """A server whose sessions are containers of that engine."""
    chosen = {engine.name: {"set": {**engine.options, "run_as": run_as, **given}}}
    return new_server(mode, **{
        "environment": engine.environment, "login_methods": "pam", "login_failures": 1000, "launcher": engine.name,
        "launcher_options": json.dumps(chosen), **settings,
    })  # fmt: skip


def start(client: Client, command: str, **members: Any) -> Session:
    """Without waiting for anything. S4: when using the Docker launcher, all sessions will be scheduled."""
    answer = client.start(StartRequest(command, **members))
    assert answer["stage"] == "scheduled"
    return client.session(answer["result"]["id"])


def running(client: Client, command: str, **members: Any) -> Session:
    session = start(client, command, **members)
    until(lambda: client.session(session.id).state != "pending", f"{session.id} has called in", 60)
    found = client.session(session.id)
    assert found.state == "running", found
    return found


def colours(client: Client, session: Session) -> int:
    """How many its screen has; none before it has called a server that has just begun."""
    try:
        picture = Image.open(io.BytesIO(client.screenshot(session.id))).convert("L")
    except DisplayUnavailable:
        return 0
    return len(picture.getcolors(256) or [])


def shows_something(client: Client, session: Session) -> bool:
    return colours(client, session) > 1


def commands(client: Client, session: Session) -> dict[str, int]:
    """What runs in it, with the memory of each."""
    found = [one for one in client.processes(session.id) if one["command"].strip()]
    return {Path(one["command"].split()[0]).name: one["memory"] for one in found}


def test_a_container_becomes_a_session_that_is_seen_and_leaves_nothing(
    client: Client, podman: Engine, person: Person
) -> None:
    """S4: run the FastX session within the container itself; change session state (suspend, terminate), connect and
    display images just like it was running directly on the system."""
    session = running(client, "xterm", name="contained", geometry="800x600")
    assert session.launcher == "podman"
    assert session.job is not None
    assert session.job.id == podman.inspect(session.id)["Id"][:12]
    with watching(client, session.id) as viewer:
        assert (viewer.width, viewer.height) == (800, 600)
        client.suspend(session.id)
        until(lambda: client.session(session.id).state == "suspended", "nobody looks")
    until(lambda: shows_something(client, session), "the terminal is to be seen")
    assert not person.place(session.id).exists()  # it is in the container
    client.terminate(session.id)
    assert ended(client, session.id).reason == f"It was ended by {person.name}."
    podman.gone(session.id)
    until(lambda: {name_of(one) for one in person.processes()} <= {"", "portcall-link", "systemd"}, "nothing runs")


def test_it_is_the_users_own_with_home_groups_limits_and_nothing_of_ours(
    client: Client, podman: Engine, person: Person
) -> None:
    """S4: the launcher script sets up the user id, $HOME directory, networking, X forwarding and connection back; the
    libraries to start a session are mounted."""
    script = person.home / "look.py"
    script.write_text(engines.LOOK)
    session = running(client, f"/opt/portcall/bin/python3 {script}; exec xeyes", params={"cores": 1, "memory": "200M"})
    until((person.home / "seen").exists, "the program has looked around")
    seen = json.loads((person.home / "seen").read_text())
    assert sorted(seen["groups"]) == sorted(os.getgrouplist(person.name, person.gid))
    assert len(seen["groups"]) > 1
    assert (seen["uid"], seen["gid"], seen["cwd"], seen["first"]) == (
        person.uid,
        person.gid,
        str(person.home),
        person.uid,
    )
    assert (seen["name"], seen["group"]) == (person.name, person.name)  # of which the image knows nothing
    assert (seen["status"]["CapBnd"], seen["status"]["NoNewPrivs"]) == ("0" * 16, "1")
    variables = seen["environment"]
    assert (variables["HOME"], variables["USER"]) == (str(person.home), person.name)
    assert variables["DISPLAY"].startswith(":")
    assert Path(variables["XAUTHORITY"]).name == "Xauthority"
    assert not [name for name in variables if name.startswith(("WEBLINK", "PORTCALL_ORDER", "PORTCALL_ACCOUNT"))]
    assert seen["mounts"]["/opt/portcall"] == "ro"
    assert (person.home / "seen").stat().st_uid == person.uid
    settings = podman.inspect(session.id)["HostConfig"]
    assert settings["Memory"] == 200 << 20
    assert settings["NanoCpus"] == 10**9
    client.terminate(session.id)
    podman.gone(session.id)


def test_what_is_typed_and_what_is_asked_reaches_it_and_it_tells_of_itself(
    client: Client, podman: Engine, person: Person
) -> None:
    """S4: the session within the container relays session information back; users can communicate."""
    session = running(client, "echo said in the container; exec xterm", geometry="640x480")
    with watching(client, session.id) as viewer:
        until(lambda: commands(client, session).get("xterm", 0) > 1 << 20, "its processes are told")
        viewer.type("echo typed >~/typed\n")
        until((person.home / "typed").exists, "what was typed has arrived")
    assert "said in the container" in client.log(session.id)["log"]
    assert client.change(session.id, params={"project": "wing"}).params["project"] == "wing"
    assert client.session(session.id).hostname != os.uname().nodename
    client.terminate(session.id)
    podman.gone(session.id)


def test_xfce_runs_in_a_container(new_server: MakeServer, pam: str, podman: Engine, person: Person) -> None:
    """S4, Limitations: the exception is XFCE, which typically will run without issue in a container. The image's
    programs are this host's own, but it has no entry for its user, no system bus and no systemd."""
    server = containing(
        new_server, podman, pam_service=pam, given={"image": podman.desktop, "extra": ["--volume=/usr:/usr:ro"]}
    )
    with person.login(server) as client:
        session = running(client, "startxfce4", geometry="1024x768")
        parts = {"xfce4-session", "xfwm4", "xfce4-panel", "xfdesktop"}
        until(lambda: parts <= set(commands(client, session)), "all of the desktop runs", 60)
        until(lambda: colours(client, session) > 40, "a desktop has many colours", 60)
        client.terminate(session.id)
        ended(client, session.id)
        podman.gone(session.id)


def test_a_profiles_event_scripts_run_in_it(
    client: Client, server: Server, podman: Engine, person: Person
) -> None:  # fmt: skip
    said = "echo $PORTCALL_EVENT $PORTCALL_CLIENTS $DISPLAY >>~/said"
    (server.config / "profiles.toml").write_text(
        f'[told]\non_start = \'{said}\'\non_connect = \'{said}\'\non_terminate = """\n#!/bin/sh\n{said}\n"""\n'
    )
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: "told" in [one["name"] for one in client.profiles()], "the profile is known")
    session = running(client, "xterm", profile="told")
    with watching(client, session.id):
        until(lambda: "connect 1" in (person.home / "said").read_text(), "a viewer is told of")
    client.terminate(session.id)
    ended(client, session.id)
    lines = (person.home / "said").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["start", "connect", "terminate"]
    assert all(line.endswith(f" {session.display}") for line in lines)
    podman.gone(session.id)


def test_more_memory_than_was_asked_for_is_not_given(client: Client, podman: Engine) -> None:
    """S4: all the memory requirements of the session are self contained."""
    command = (
        "exec /opt/portcall/bin/python3 -c 'import time; time.sleep(0.5); x = bytearray(300 << 20); time.sleep(60)'"
    )
    session = start(client, command, params={"memory": "100M"})
    assert ended(client, session.id).exit_code in (-9, 137)
    podman.gone(session.id)


def test_its_time_ends_it(client: Client, podman: Engine) -> None:
    session = running(client, "xeyes", params={"time": "0:10"})
    podman.run(*Podman().tidy().argv[1:])  # of those that run, none
    assert ended(client, session.id).reason == "the time of its container is over"
    podman.gone(session.id)


def test_a_command_that_ends_ends_the_container_with_its_code(client: Client, podman: Engine) -> None:
    """S4: the container cleans itself up when the container, session, or session applications terminate."""
    session = start(client, "sleep 1; exit 5")
    over = ended(client, session.id)
    assert over.exit_code == 5
    podman.gone(session.id)


def test_a_container_that_is_killed_is_a_session_that_ended(client: Client, podman: Engine) -> None:
    """S4: … when the container terminates."""
    session = running(client, "xeyes")
    podman.run("kill", f"portcall-{session.id}")
    over = ended(client, session.id)
    assert over.reason
    podman.gone(session.id)


def test_a_container_that_does_not_live_long_enough_to_call_says_how_it_ended(client: Client, podman: Engine) -> None:
    session = start(client, "xeyes", params={"memory": "6M"})
    over = ended(client, session.id, 75)  # nobody calls in, and it is looked for
    assert "not known" not in str(over.reason), over
    assert "out of memory" in str(over.reason) or "exit code" in str(over.reason)
    podman.gone(session.id)


def test_a_container_that_is_stopped_says_goodbye(client: Client, podman: Engine) -> None:
    session = running(client, "xeyes")
    podman.run("stop", f"portcall-{session.id}")
    assert ended(client, session.id).reason == "its session process was told to end"
    podman.gone(session.id)


def test_a_daemon_that_dies_in_a_container_is_replaced(client: Client, podman: Engine, person: Person) -> None:
    session = running(client, "xeyes")
    first = podman.pid(session.id)

    def below() -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return [one for one in psutil.Process(first).children() if one.name() == "portcall-sess"]
        return []

    daemon = until(below, "it has a daemon")[0]
    daemon.send_signal(signal.SIGKILL)
    until(lambda: any(one.pid != daemon.pid for one in below()), "another daemon has taken over")
    until(lambda: client.session(session.id).state == "running" and shows_something(client, session), "it goes on")
    client.terminate(session.id)
    ended(client, session.id)
    podman.gone(session.id)


def test_an_image_with_one_x_program_and_no_shell_is_enough(client: Client, podman: Engine) -> None:
    """Not even the perl that S4 requires in all containers."""
    session = running(client, "xeyes", params={"image": podman.bare}, keyboard_layout="de")
    until(lambda: shows_something(client, session), "eyes are to be seen")
    client.terminate(session.id)
    ended(client, session.id)


def test_a_rootless_session_has_our_window_manager(client: Client, podman: Engine) -> None:
    session = running(client, "xeyes", geometry="rootless", params={"image": podman.bare})
    client.terminate(session.id)
    ended(client, session.id)
    podman.gone(session.id)


def test_what_an_image_lacks_is_said(client: Client, podman: Engine) -> None:
    """S4: any X applications that you want to run in the container need to be installed beforehand."""
    session = start(client, "gimp --new-instance", params={"image": podman.bare})
    over = ended(client, session.id)
    assert over.reason == "the command cannot be run"
    assert "gimp: not found" in (over.message or "")
    with pytest.raises(PortcallError, match=r"The image pct/none:1 is not on this server") as refused:
        start(client, "xeyes", params={"image": "pct/none:1"})
    assert "make-runtime" not in str(refused.value)
    with pytest.raises(PortcallError, match="none of those allowed"):
        start(client, "xeyes", params={"image": "docker.io/library/debian"})


HOSTILE = "--privileged\n  - -v /:/host\n'\"]}{{ 7*7 }}{% raw %}$(id)`id`\\"


def test_nothing_that_is_typed_changes_the_container(client: Client, podman: Engine) -> None:
    plain = running(client, "xeyes")
    typed = running(
        client, f"xeyes # {HOSTILE}", name=HOSTILE.replace("\n", " "), params={"p": HOSTILE, HOSTILE[:90]: "x"}
    )
    found = [podman.inspect(one.id) for one in (plain, typed)]
    given = [[word for word in one["Config"]["CreateCommand"] if not ids & {*word.split("-"), *word.split("=")}]
             for one, ids in zip(found, ({plain.id}, {typed.id}), strict=True)]  # fmt: skip
    assert given[0] == given[1]
    settings = [{**one["HostConfig"], "LogConfig": None, "Binds": sorted(one["HostConfig"]["Binds"])} for one in found]
    assert settings[0] == settings[1]
    assert not settings[1]["Privileged"]
    assert client.session(typed.id).params["p"] == HOSTILE
    for session in (plain, typed):
        client.terminate(session.id)
        podman.gone(session.id)


def test_a_server_that_comes_back_finds_its_containers(
    new_server: MakeServer, pam: str, podman: Engine, person: Person
) -> None:
    """One goes on, one ended while nobody was there."""
    server = containing(new_server, podman, pam_service=pam)
    with person.login(server) as client:
        stays, ends = running(client, "xeyes"), running(client, "xeyes")
    server.kill()
    podman.run("kill", f"portcall-{ends.id}")
    server.start()
    with person.login(server) as client:
        until(lambda: client.session(stays.id).state == "running" and shows_something(client, stays), "it is back")
        assert ended(client, ends.id).reason
        client.terminate(stays.id)
        podman.gone(stays.id)


def test_a_session_without_the_socket_calls_in_over_the_network(
    new_server: MakeServer, pam: str, podman: Engine, person: Person
) -> None:
    """S4: the template is $FX_CONFIG_DIR/launcher-templates/docker.tpl, a copy of the original that admins can modify;
    the session will contact the host network."""
    server = containing(new_server, podman, pam_service=pam)
    original = (TOP / "install/config/launcher-templates/docker.tpl").read_text()
    lines = [line for line in original.splitlines() if "server_dir }}" not in line]
    own = server.config / "launcher-templates"
    own.mkdir()
    (own / "docker.tpl").write_text("\n".join(lines).replace("{{ network }}", "host"))
    with person.login(server) as client:
        session = running(client, "xterm", geometry="640x480")
        assert str(server.run) not in [mount["Destination"] for mount in podman.inspect(session.id)["Mounts"]]
        with watching(client, session.id) as viewer:
            assert (viewer.width, viewer.height) == (640, 480)
        client.terminate(session.id)
        ended(client, session.id)
        podman.gone(session.id)


def test_docker_runs_them_for_a_service_user_in_its_group(
    new_server: MakeServer, new_person: MakePerson, person: Person, runtime: Path
) -> None:
    """S4: the service's user is in the docker group."""
    owner = new_person()
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(pam_service(PASSWORD))
        # not in pytest's own folder, which every pytest that begins closes to others
        ssh = stack.enter_context(sshd(stack.enter_context(engines.folder()), pam_service=name))
        ssh.known_hosts.chmod(0o644)
        engine = stack.enter_context(engines.docker(runtime, owner.name))
        server = containing(new_server, engine, user=owner.name, **{**ssh.settings, "login_methods": "ssh"})
        with server.login(person.name, person.password, "ssh") as client:
            who = "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name)"
            command = f"/opt/portcall/bin/python3 -c '{who}' >~/who; exec xterm"
            session = running(client, command, params={"cores": 1, "memory": "200M"})
            until(lambda: shows_something(client, session), "the terminal is to be seen")
            until(lambda: (person.home / "who").read_text() == f"{person.name}\n", "it knows who runs it")
            assert engine.inspect(session.id)["HostConfig"]["Memory"] == 200 << 20
            short = start(client, "xeyes", params={"memory": "6M"})
            assert "out of memory" in str(ended(client, short.id, 75).reason)
            client.terminate(session.id)
            ended(client, session.id)
            engine.gone(session.id)
            with pytest.raises(PortcallError, match="is not on this server"):
                start(client, "xeyes", params={"image": "pct/none:1"})
        engine.run(*Docker().tidy().argv[1:])
        server.stop()


def test_ones_own_podman_runs_them_without_root(
    new_server: MakeServer, pam: str, person: Person, runtime: Path
) -> None:
    with engines.own_podman(runtime, person) as engine:
        server = containing(new_server, engine, "user", pam_service=pam)
        with person.login(server) as client:
            session = running(client, "xterm")
            until(lambda: shows_something(client, session), "the terminal is to be seen")
            settings = engine.inspect(session.id)
            assert settings["Config"]["User"] == f"{person.uid}:{person.gid}"
            client.terminate(session.id)
            ended(client, session.id)
            engine.gone(session.id)
        server.stop()
        own = containing(new_server, engine, "user", mode="one-person", user=person.name, port=0)
        with own.by_link() as client:
            session = running(client, "xeyes")
            client.terminate(session.id)
            ended(client, session.id)
            engine.gone(session.id)
        own.stop()
