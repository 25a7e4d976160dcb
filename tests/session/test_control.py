"""The control socket with real descriptors: whatever a process sends, nothing of it stays open here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from portcall.errors import Conflict, PortcallError, ProtocolError
from portcall.model import codec
from portcall.testing.processes import FarEnd
from portcall.wire import framing, messages
from tests.session.stand import Stand, pair, said, standing, until


def sockets(count: int) -> list[int]:
    """Descriptors that nobody reads."""
    found = []
    for _ in range(count):
        ours, theirs = pair()
        ours.close()
        found.append(theirs)
    return found


async def refused(end: FarEnd) -> None:
    await asyncio.wait_for(end.closed.wait(), 5)


@standing
async def test_anybody_on_the_host_may_connect(stand: Stand) -> None:
    assert stat.S_IMODE(stand.path.stat().st_mode) == 0o666


@standing
async def test_a_link_is_welcomed_and_known_by_the_kernels_word(stand: Stand) -> None:
    end = stand.dial()
    end.say(messages.LinkHello(messages.VERSION, 1, [], "user"))
    assert (await end.hears(messages.Welcome)).server_id == "here"
    (link,) = stand.links
    assert (link.account.name, link.pid, link.uid, link.started_by) == ("ann", os.getpid(), os.getuid(), "user")
    end.close()
    await until(lambda: not stand.links)


@standing
async def test_a_process_of_its_own_is_heard_like_one_of_ours(stand: Stand) -> None:
    """A real other process, which ends without a word."""
    code = (
        "import json, os, socket, struct, sys\n"
        "sock = socket.socket(socket.AF_UNIX); sock.connect(sys.argv[1])\n"
        "body = json.dumps({'type': 'link-hello', 'version': 1, 'pid': os.getpid()}).encode()\n"
        "sock.sendall(struct.pack('>I', len(body)) + body); print(sock.recv(4)[:0].decode(), flush=True); input()\n"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(stand.path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    await child.stdout.readline()
    assert stand.links[0].pid == child.pid
    child.kill()
    await child.wait()
    await until(lambda: not stand.links)


@standing
async def test_a_descriptor_that_closes_slowly_holds_nobody_up(stand: Stand) -> None:
    """A TCP connection that lingers: whoever closes it last waits until its bytes have arrived, or in vain."""
    for waits in (False, True):  # read by us, or left in the queue when the connection ends
        with socket.create_server(("127.0.0.1", 0)) as server:
            slow = socket.create_connection(server.getsockname())
            far, _ = server.accept()
            slow.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    slow.send(bytes(65_536))
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 8))
            end = stand.dial()
            if waits:
                end.write(b"\xff\xff\xff\xff")  # ends the connection
            end.write(b"\0", [slow.fileno()])
            slow.close()
            began = time.monotonic()
            await refused(end)
            other = stand.dial()
            other.say(messages.LinkHello(messages.VERSION, 1))
            await other.hears(messages.Welcome)
            assert time.monotonic() - began < 4
            far.close()
    await until(lambda: not [one for one in threading.enumerate() if one.name == "close"])


@standing
async def test_more_descriptors_than_a_message_may_have_are_all_closed(stand: Stand) -> None:
    end = stand.dial()
    many = sockets(40)
    end.write(b"\0", many)
    for descriptor in many:
        os.close(descriptor)
    await refused(end)
    await until(lambda: not [one for one in threading.enumerate() if one.name == "close"])


@standing
async def test_who_reports_faster_than_it_can_be_written_waits(stand: Stand) -> None:
    end = await stand.session()
    await stand.registry._alone("s").acquire()  # as a store that takes its time
    report = framing.encode({"type": "session-report", "id": "s", "changes": {"name": "n" * 200}})
    sock, sent = end._sock, 0
    try:
        with contextlib.suppress(BlockingIOError):
            while sent < 64 * 1024 * 1024:
                sent += sock.send(report)
                await asyncio.sleep(0)
        assert sent < 4 * 1024 * 1024
    finally:
        stand.registry._alone("s").release()
    await until(lambda: stand.registry.get("s").name)


@standing
async def test_a_hello_in_another_version_is_refused(stand: Stand) -> None:
    end = stand.dial()
    end.say(messages.LinkHello(99, 1))
    await refused(end)
    assert stand.links == []


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\2{]",
        b"\0\0\0\2[]",
        b"\0\0\0\x0e" + b'{"type":"boo"}',
        framing.encode({"type": "welcome", "serverId": "x"}),
        framing.encode({"type": "reply", "seq": 7}),
        framing.encode({"type": "link-hello", "version": "1", "pid": 1}),
        framing.encode({"type": "link-hello", "version": 1, "pid": 1, "fds": -1}),
        framing.encode({"type": "link-hello", "version": 1, "pid": 1, "fds": 1}),
        framing.encode({"type": "link-hello", "version": 1, "pid": 1, "fds": "1"}),
        framing.encode({"type": "session-hello", "version": 1, "pid": 1, "session": {"id": "s"}, "phase": "running"}),
        framing.encode({"type": "session-hello", "version": 1, "pid": 1, "session": [], "phase": "running"}),
    ],
)
def test_what_is_no_hello_ends_the_connection(data: bytes, tmp_path: Any) -> None:
    async def test(stand: Stand) -> None:
        end = stand.dial()
        end.write(data)
        await refused(end)

    standing(test)(tmp_path)


@pytest.mark.parametrize("id", ["", "../x", "a/b", "x" * 65, "a b", "é", "-x"])
def test_a_session_id_that_is_none_is_refused(id: str, tmp_path: Any) -> None:
    async def test(stand: Stand) -> None:
        end = stand.dial()
        end.hello(said(id))
        await refused(end)
        assert list(stand.registry.all()) == []

    standing(test)(tmp_path)


@standing
async def test_descriptors_before_a_hello_are_closed(stand: Stand) -> None:
    end = stand.dial()
    end.say(messages.LinkHello(messages.VERSION, 1), sockets(3))
    await end.hears(messages.Welcome)
    other = stand.dial()
    other.say(messages.DisplayOpened("s"), sockets(2))
    await refused(other)


@standing
async def test_descriptors_that_a_link_sends_are_closed(stand: Stand) -> None:
    end = stand.dial()
    end.say(messages.LinkHello(messages.VERSION, 1))
    await end.hears(messages.Welcome)
    end.say(messages.DisplayOpened("s"), sockets(2))
    await refused(end)


@standing
async def test_descriptors_with_other_messages_of_a_session_are_closed(stand: Stand) -> None:
    end = await stand.session()
    end.say(messages.SessionReport("s", {"memory": 5}), sockets(2))
    await stand.registry.until("s", lambda session: session.memory == 5, 5)
    end.say(messages.SessionEnded("s", "over"), sockets(2))
    await stand.registry.until("s", lambda session: session.state == "ended", 5)


@standing
async def test_descriptors_of_another_session_are_closed_and_the_liar_goes(stand: Stand) -> None:
    end = await stand.session()
    end.say(messages.DisplayOpened("other"), sockets(2))
    await refused(end)


@standing
async def test_a_message_broken_behind_a_good_one_leaves_no_descriptor(stand: Stand) -> None:
    end = await stand.session()
    good = framing.encode({"type": "display-opened", "id": "s", "fds": 2})
    given = sockets(2)
    end.write(good + b"\0\0\0\2{]", given)
    for descriptor in given:
        os.close(descriptor)
    await refused(end)


@standing
async def test_a_liar_behind_a_good_message_leaves_no_descriptor(stand: Stand) -> None:
    end = await stand.session()
    liar = framing.encode({"type": "display-opened", "id": "other", "fds": 1})
    last = framing.encode({"type": "display-opened", "id": "s", "fds": 1})
    given = sockets(2)
    end.write(liar + last, given)
    for descriptor in given:
        os.close(descriptor)
    await refused(end)


@standing
async def test_descriptors_that_no_message_speaks_of_are_not_collected_without_end(stand: Stand) -> None:
    end = await stand.session()
    given = sockets(16)
    piece = framing.encode({"type": "session-report", "id": "s"})
    for _ in range(20):
        if not end.closed.is_set():
            end.write(piece, given)
            await asyncio.sleep(0)
    for descriptor in given:
        os.close(descriptor)
    await refused(end)


@standing
async def test_what_is_no_socket_is_refused(stand: Stand) -> None:
    end = await stand.session()
    end.say(messages.DisplayOpened("s"), [os.open("/dev/null", os.O_RDONLY)])
    await refused(end)
    assert stand.connections._offered == {}


@standing
async def test_more_displays_than_viewers_could_need_are_closed(stand: Stand) -> None:
    end = await stand.session()
    for _ in range(5):
        end.say(messages.DisplayOpened("s"), sockets(8))
    end.say(messages.SessionReport("s", {"memory": 1}))
    await stand.registry.until("s", lambda session: session.memory == 1, 5)
    assert len(stand.connections._offered["s"].descriptors) <= 4


@standing
async def test_a_display_offered_by_a_session_that_was_refused_is_closed(stand: Stand) -> None:
    stand.refusal = Conflict("no room")
    end = stand.dial()
    end.hello(said())
    end.say(messages.DisplayOpened("s"), sockets(2))
    await end.hears(messages.EndSession)
    end.say(messages.DisplayOpened("s"), sockets(2))
    end.answers[messages.EndSession] = lambda request: ({}, [])
    end.say(messages.Reply(1))
    end.close()
    await until(lambda: stand.reports.peer("s") is None)


@standing
async def test_an_answer_brings_the_display_and_nothing_else_brings_descriptors(stand: Stand) -> None:
    end = await stand.session()
    ours, theirs = pair()
    end.answers[messages.OpenDisplay] = lambda request: ({}, [theirs])
    end.answers[messages.ReadLog] = lambda request: ({"log": "x", "size": 1}, sockets(2))
    peer = stand.reports.peer("s")
    assert peer is not None
    _, descriptors = await peer.request(messages.OpenDisplay)
    with socket.socket(fileno=descriptors[0]) as got:
        ours.send(b"RFB")
        assert got.recv(3) == b"RFB"
    ours.close()
    assert await peer.request(messages.ReadLog) == ({"log": "x", "size": 1}, [])


@standing
async def test_an_error_with_descriptors_is_raised_and_leaves_none(stand: Stand) -> None:
    end = await stand.session()
    peer = stand.reports.peer("s")
    assert peer is not None
    asking = asyncio.ensure_future(peer.request(messages.OpenDisplay))
    request = await end.hears(messages.OpenDisplay)
    end.say(messages.Reply(request.seq, {}, Conflict("not now").problem()), sockets(1))
    with pytest.raises(Conflict, match="not now"):
        await asking


@standing
async def test_an_answer_that_comes_too_late_is_thrown_away_with_what_it_holds(stand: Stand) -> None:
    end = await stand.session()
    peer = stand.reports.peer("s")
    assert peer is not None
    with pytest.raises(ProtocolError, match="no answer"):
        await peer.request(messages.OpenDisplay, timeout=0.01)
    request = await end.hears(messages.OpenDisplay)
    end.say(messages.Reply(request.seq), sockets(1))
    end.say(messages.SessionReport("s", {"memory": 1}))
    await stand.registry.until("s", lambda session: session.memory == 1, 5)


@standing
async def test_who_waits_for_an_answer_is_told_when_the_process_dies(stand: Stand) -> None:
    end = await stand.session()
    peer = stand.reports.peer("s")
    assert peer is not None
    asking = asyncio.ensure_future(peer.request(messages.OpenDisplay))
    await end.hears(messages.OpenDisplay)
    end.close()
    with pytest.raises(ProtocolError, match="closed"):
        await asking
    with pytest.raises(PortcallError):
        await peer.request(messages.OpenDisplay)


@standing
async def test_a_process_that_does_not_read_is_written_to_without_blocking(stand: Stand) -> None:
    end = await stand.session()
    end._loop.remove_reader(end._sock)
    peer = stand.reports.peer("s")
    assert peer is not None
    asking = asyncio.ensure_future(
        peer.request(lambda seq: messages.ChangeSession(seq, "x" * 3_000_000, {}), timeout=5)
    )
    await asyncio.sleep(0.01)
    end.answers[messages.ChangeSession] = lambda request: ({"size": len(request.name)}, [])
    end._loop.add_reader(end._sock, end._readable)
    assert (await asking)[0] == {"size": 3_000_000}


@standing
async def test_messages_that_come_with_the_hello_are_taken_in_their_order(stand: Stand) -> None:
    end = stand.dial()
    document = codec.to_document(said())
    ours, theirs = pair()
    channel_bytes = framing.encode({
        "type": "session-hello", "version": 1, "pid": 1, "session": document, "phase": "display",
    }) + framing.encode({"type": "display-opened", "id": "s", "fds": 1})  # fmt: skip
    for memory in range(1, 6):
        channel_bytes += framing.encode({"type": "session-report", "id": "s", "changes": {"memory": memory}})
    channel_bytes += framing.encode({"type": "session-report", "id": "s", "phase": "running"})
    end.write(channel_bytes, [theirs])
    os.close(theirs)
    await end.hears(messages.Watched)
    await stand.registry.until("s", lambda session: session.state == "running", 5)
    assert stand.registry.get("s").memory == 5
    with socket.socket(fileno=await stand.connections.descriptor("s", 1)) as got:
        ours.send(b"RFB")
        assert got.recv(3) == b"RFB"
    ours.close()


@standing
async def test_a_server_takes_the_path_over_from_one_that_died(stand: Stand) -> None:
    stand.control.close()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(stand.path))
    stand.control.open()
    end = stand.dial()
    end.say(messages.LinkHello(messages.VERSION, 1))
    await end.hears(messages.Welcome)


@standing
async def test_a_hundred_processes_come_and_go(stand: Stand) -> None:
    async def one(number: int) -> None:
        end = stand.dial()
        end.hello(said(f"s{number}"), "running")
        end.say(messages.DisplayOpened(f"s{number}"), sockets(1))
        await end.hears(messages.Watched)
        end.close()

    await asyncio.gather(*(one(number) for number in range(100)))
    assert len(list(stand.registry.all())) == 100
    await until(lambda: not stand.reports.peers())


@standing
async def test_a_server_without_descriptors_lets_in_later_and_does_not_spin(stand: Stand) -> None:
    waiting = socket.socket(socket.AF_UNIX)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(waiting.fileno())
    os.close(lowest)  # the number that the next descriptor would have
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        waiting.connect(str(stand.path))
        used = time.process_time()
        await asyncio.sleep(0.15)
        assert time.process_time() - used < 0.1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    end = FarEnd(waiting)
    stand._ends.append(end)
    end.say(messages.LinkHello(messages.VERSION, 1))
    await end.hears(messages.Welcome)
