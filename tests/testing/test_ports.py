"""Ports for what a test starts, and starts again."""

from __future__ import annotations

import socket

from portcall.testing.ports import free_port


def test_it_and_the_next_one_are_free_and_no_clients_to_be_had() -> None:
    port = free_port()
    for number in (port, port + 1):
        with socket.create_server(("127.0.0.1", number)):
            pass
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        assert any_port.getsockname()[1] > port + 1
