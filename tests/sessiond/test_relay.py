"""Bytes between two sockets, both ways: all of them, in order, to the end of each."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portcall.sessiond import relay
from portcall.web import certificate

SIZE = 20_000_000
Ends = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["plain", "TLS"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ends]:
    """The two far ends of a relay that runs in a thread; of the second, TCP with or without TLS."""
    near, inner = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    outer = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    listener.close()
    if request.param == "TLS":
        outer, far = _with_tls(outer, far, tmp_path)
    thread = threading.Thread(target=_run, args=(inner, outer))
    thread.start()
    for sock in (near, far):
        sock.settimeout(20)
    yield near, far
    for sock in (near, far):
        sock.close()
    thread.join(20)
    assert not thread.is_alive(), "with its ends it has ended"


def _with_tls(outer: socket.socket, far: socket.socket, folder: Path) -> Ends:
    cert, key = certificate.own(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    client = ssl.create_default_context(cafile=str(cert))
    wrapped: list[socket.socket] = []
    thread = threading.Thread(target=lambda: wrapped.append(server.wrap_socket(far, server_side=True)))
    thread.start()
    secured = client.wrap_socket(outer, server_hostname="localhost")
    thread.join()
    return secured, wrapped[0]


def _run(inner: socket.socket, outer: socket.socket) -> None:
    with inner, outer:
        relay.carry(inner, outer)


def _in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def _read(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (part := sock.recv(1 << 20)):
        data += part
    return bytes(data)


def test_much_comes_through_both_ways_at_once(ends: Ends) -> None:
    near, far = ends
    sent = os.urandom(SIZE)
    if not isinstance(far, ssl.SSLSocket):  # which threads must not share
        threads = [_in_thread(lambda sock=sock: sock.sendall(sent)) for sock in (near, far)]
        heard: list[bytes] = []
        other = _in_thread(lambda: heard.append(_read(near, SIZE)))
        assert _read(far, SIZE) == sent
        for thread in (*threads, other):
            thread.join()
        assert heard == [sent]
        return
    for one, two in ((near, far), (far, near)):
        thread = _in_thread(lambda one=one: one.sendall(sent))
        assert _read(two, SIZE) == sent
        thread.join()


def test_the_other_is_heard_while_one_sends_without_end(ends: Ends) -> None:
    near, far = ends
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            near.sendall(bytes(1 << 20))

    def swallow() -> None:
        while far.recv(1 << 20):
            pass

    if isinstance(far, ssl.SSLSocket):
        far.sendall(b"heard")
        thread = _in_thread(flood)
    else:
        thread = _in_thread(flood)
        far.sendall(b"heard")
    swallowing = threading.Thread(target=swallow, daemon=True)
    swallowing.start()
    assert _read(near, 5) == b"heard"
    stop.set()
    thread.join()
    near.shutdown(socket.SHUT_RDWR)
    swallowing.join()


def test_what_was_said_before_the_end_arrives(ends: Ends) -> None:
    near, far = ends
    near.sendall(b"last words")
    near.shutdown(socket.SHUT_WR)
    assert _read(far, 100) == b"last words"


def test_the_answer_to_last_words_comes_back() -> None:
    """The session says that it has ended, and waits until the server has read it."""
    (near, inner), (outer, far) = socket.socketpair(), socket.socketpair()
    thread = _in_thread(lambda: _run(inner, outer))
    near.sendall(b"ended")
    near.shutdown(socket.SHUT_WR)
    assert _read(far, 100) == b"ended"
    far.sendall(b"heard")
    far.close()
    assert _read(near, 100) == b"heard"
    near.close()
    thread.join(20)
    assert not thread.is_alive()


def test_an_end_that_is_reset_ends_both() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    outer = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    near, inner = socket.socketpair()
    thread = _in_thread(lambda: _run(inner, outer))
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    far.close()
    near.settimeout(20)
    assert near.recv(10) == b""
    thread.join(20)
    assert not thread.is_alive()
    near.close()
    listener.close()


def test_a_direction_that_is_over_has_sent_all_once() -> None:
    (near, inner), (outer, far) = socket.socketpair(), socket.socketpair()
    with near, inner, outer, far:
        inner.setblocking(False)
        way = relay.Way(inner, outer, (BlockingIOError,))
        near.sendall(b"last words")
        near.shutdown(socket.SHUT_WR)
        for _ in range(2):  # poll speaks of an end again where the other direction waits for the same socket
            way.move()
            assert (way.over, way.more, way.full) == (True, False, False)
        assert (far.recv(100), far.recv(100)) == (b"last words", b"")
