"""The link: one for each user and server; starts sessions, runs commands, keeps displays warm."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import time

import psutil
import pytest

from portcall.clock import Clock
from portcall.errors import PortcallError
from portcall.linkd.link import Link
from portcall.model.start import StartOrder
from portcall.sessiond import places, processes
from portcall.sessiond.begin import own_account
from portcall.sessiond.loop import Loop
from portcall.wire import messages
from tests.fixtures.ground import Ground, kill, until

pytestmark = pytest.mark.serial


def test_it_puts_itself_in_the_background_once_it_is_registered(ground: Ground) -> None:
    link = ground.link()
    assert link.hello.sessions == []
    assert processes.stat(link.hello.pid).name == "portcall-link"  # type: ignore[union-attr]
    assert os.getsid(link.hello.pid) != os.getsid(0)


def test_where_no_server_answers_it_says_so_and_fails(ground: Ground) -> None:
    ground.server.stop()
    with pytest.raises(RuntimeError, match="no server answers"):
        ground.link()
    until(lambda: not [pid for pid in processes.own() if ground.folder in processes.command_line(pid)])


def test_dials_that_find_nobody_do_not_put_off_its_leaving(ground: Ground) -> None:
    """It leaves an hour after its server did, and the dials in between are thousands."""
    link = Link(Loop(), ground.base, f"{ground.folder}/nobody.sock", own_account(), Clock(), "server", lambda _: None)
    began = link._alone
    for _ in range(3):
        link._state(False)
    assert link._alone is began
    link._state(True)
    link._state(False)
    lost = link._alone
    assert lost is not began
    link._state(False)
    assert link._alone is lost


def test_a_second_link_leaves_it_to_the_first(ground: Ground) -> None:
    first = ground.link()
    second = ground.link()
    assert second.hello.pid == first.hello.pid


def test_a_directory_that_others_can_write_is_refused(ground: Ground) -> None:
    os.symlink("/", ground.base)
    with pytest.raises(RuntimeError, match="cannot be used"):
        ground.link()


def test_a_session_is_started_and_the_same_id_twice_is_one_session(ground: Ground) -> None:
    link = ground.link()
    order = ground.order("exec sleep 1000")
    assert "pid" in ground.ask(link, order)
    assert ground.ask(link, order) == {"existing": True}
    ground.server.running(order.id)
    assert ground.ask(link, order) == {"existing": True}
    displays = [pid for pid in ground.of_session(order.id) if "Xvnc" in processes.command_line(pid)]
    assert len(displays) == 1


def test_an_id_that_is_no_id_reaches_no_file(ground: Ground) -> None:
    link = ground.link()
    for hostile in ("../../etc", ".new-1", "a/b", "", "x" * 65):
        order = ground.order("true", id="t0")
        with pytest.raises(PortcallError, match="no session id"):
            ground.ask(link, order.__class__(**{**order.__dict__, "id": hostile}))
    ground.ids.clear()


def test_ten_at_once_have_ten_displays(ground: Ground) -> None:
    link = ground.link()
    orders = [ground.order("exec sleep 1000") for _ in range(10)]
    for order in orders:
        ground.ask(link, order)
    numbers = [ground.server.running(order.id, 120).changes["display"] for order in orders]
    assert len(set(numbers)) == 10


def test_a_command_runs_as_a_login_would_and_is_killed_in_time(ground: Ground) -> None:
    link = ground.link()

    def run(argv: list[str], **more: object) -> dict[str, object]:
        return link.ask(lambda seq: messages.RunCommand(seq, argv, **more))[0]  # type: ignore[arg-type]

    said = run(["sh", "-c", "cat; echo $A >&2; exit 3"], stdin="in", environment={"A": "b"})
    assert said == {"code": 3, "stdout": "in", "stderr": "b\n"}
    assert run(["no-such-program"])["code"] == 127
    began = time.monotonic()
    late = run(["sh", "-c", "sleep 1000 & sleep 1000"], timeout=0.3)
    assert late["code"] == 124
    assert late["stderr"].endswith(" s was reached\n")
    assert time.monotonic() - began < 60
    assert run(["sh", "-c", "sleep 2 & echo at once"])["stdout"] == "at once\n"


def sleeping(word: str) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", word]]


def test_what_is_bound_to_a_server_that_goes_is_killed_and_nothing_else_is(ground: Ground) -> None:
    link = ground.link()
    words = {bound: f"{1000 + bound}.{secrets.randbelow(10**9)}" for bound in (True, False)}
    for bound, word in words.items():
        link.tell(messages.RunCommand(900 + bound, ["sleep", word], bound=bound))

    until(lambda: all(map(sleeping, words.values())))
    ground.server.stop()
    until(lambda: not sleeping(words[True]))
    (other,) = sleeping(words[False])
    other.kill()
    ground.server.start()
    ground.server.link()


def test_what_is_bound_dies_with_its_link(ground: Ground) -> None:
    link = ground.link()
    word = f"1000.{secrets.randbelow(10**9)}"
    link.tell(messages.RunCommand(900, ["sleep", word], bound=True))

    until(lambda: sleeping(word))
    psutil.Process(link.hello.pid).kill()
    until(lambda: not sleeping(word))


def test_it_registers_again_with_a_server_that_comes_back(ground: Ground) -> None:
    link = ground.link()
    order = ground.order("exec sleep 1000")
    ground.ask(link, order)
    ground.server.running(order.id)
    ground.server.stop()
    ground.server.start()
    assert ground.server.link().hello.sessions == [order.id]


def test_a_process_that_says_nonsense_does_not_harm_it(ground: Ground) -> None:
    link = ground.link()
    with contextlib.suppress(PortcallError):
        link.ask(lambda seq: messages.OpenDisplay(seq))
    assert link.ask(messages.Adopt)[0] == {"sessions": []}


def test_when_it_leaves_the_sessions_stay(ground: Ground) -> None:
    link = ground.link()
    order = ground.order("exec sleep 1000")
    ground.ask(link, order)
    ground.server.running(order.id)
    os.kill(link.hello.pid, signal.SIGTERM)
    until(lambda: link.closed)
    assert places.held(ground.base, order.id)
    assert ground.end(order.id).reason == "the test is over"
    ground.nothing_left(order.id)


def test_what_no_order_reaches_is_destroyed(ground: Ground) -> None:
    link = ground.link()
    order = ground.order("trap '' TERM; env -i setsid sleep 1000 & while :; do sleep 1000; done")
    ground.ask(link, order)
    ground.server.running(order.id)
    daemon, number = ground.process(order.id, "daemon"), ground.record(order.id)["number"]
    os.kill(daemon.pid, signal.SIGSTOP)  # it hears nothing
    children = processes.descendants(processes.own(), {daemon.pid})
    assert link.ask(lambda seq: messages.Destroy(seq, order.id))[0] == {"found": True}
    assert not ground.directory(order.id).exists()
    assert not [pid for pid in {daemon.pid, *children} if processes.alive(processes.process(pid))]
    assert not os.path.exists(f"/tmp/.X11-unix/X{number}")
    assert link.ask(lambda seq: messages.Destroy(seq, order.id))[0] == {"found": False}
    assert link.ask(messages.Adopt)[0] == {"sessions": []}


class TestWarm:
    def keep(self, ground: Ground, count: int = 1) -> object:
        link = ground.link()
        link.tell(messages.KeepWarm(count, "800x600", {"open_gl": False}))
        until(lambda: len(self.displays(ground)) == count)
        return link

    def displays(self, ground: Ground) -> list[str]:
        """Those whose display is up."""
        return [name for name in places.temporary(ground.base) if self.number(ground, name) is not None]

    def number(self, ground: Ground, name: str) -> object:
        with contextlib.suppress(OSError, ValueError):
            return ground.record(name)["number"]
        return None

    def test_an_order_takes_a_display_that_is_up(self, ground: Ground) -> None:
        link = self.keep(ground)
        (name,) = self.displays(ground)
        number, display = self.number(ground, name), ground.process(name, "display")

        def taken() -> StartOrder | None:
            """The link hears of a display a moment after its record says so: a first order may get a new one."""
            order = ground.order("exec sleep 1000", name="of mine", geometry="640x400", keyboard_layout="de")
            return order if ground.ask(link, order).get("warm") else None  # type: ignore[arg-type]

        order = until(taken)
        assert ground.server.running(order.id).changes["display"] == f":{number}"
        assert ground.process(order.id, "display") == display
        hello = ground.server.session(order.id).hello
        assert hello.session["name"] == "of mine"
        sock = ground.server.session(order.id).ask(messages.OpenDisplay)[1][0]
        assert _size(sock) == (640, 400)
        until(lambda: len(self.displays(ground)) == 1)  # another in its place
        ground.end(order.id)
        ground.nothing_left(order.id)

    def test_one_of_another_kind_is_not_used(self, ground: Ground) -> None:
        link = self.keep(ground)
        order = ground.order("exec sleep 1000", limits={"open_gl": True})
        assert "warm" not in ground.ask(link, order)  # type: ignore[arg-type]
        ground.server.running(order.id)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_they_go_with_the_link(self, ground: Ground, number: int) -> None:
        link = self.keep(ground, 2)
        os.kill(link.hello.pid, number)  # type: ignore[attr-defined]
        until(lambda: not list(places.temporary(ground.base)))

    def test_what_a_killed_one_leaves_is_cleaned_up(self, ground: Ground) -> None:
        link = self.keep(ground)
        (name,) = self.displays(ground)
        display = ground.process(name, "display")
        kill(ground.process(name, "daemon"))
        link.ask(messages.Adopt)  # type: ignore[attr-defined]
        until(lambda: not processes.alive(display))
        until(lambda: name not in list(places.temporary(ground.base)))


def _size(descriptor: int) -> tuple[int, int]:
    """What ServerInit says."""
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        sock.setblocking(True)
        sock.sendall(b"RFB 003.008\n\x01\x01")
        data = b""
        while len(data) < 12 + 2 + 4 + 4:
            data += sock.recv(64)
    return int.from_bytes(data[18:20], "big"), int.from_bytes(data[20:22], "big")
