import queue
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from portcall.client import trust
from portcall.client.address import Address
from portcall.client.api import Client
from portcall.client.tunnel import offered, viewer
from portcall.errors import DisplayUnavailable, PortcallError, ServerUnreachable
from tests.client.certificates import own_certificate
from tests.client.stand_in import ID, StandIn, served


def received(path: Path) -> bytes:
    """What a viewer gets from the session until its end."""
    with socket.socket(socket.AF_UNIX) as local:
        local.settimeout(10)
        local.connect(str(path))
        data = local.recv(12, socket.MSG_WAITALL)
        local.sendall(b"hello")
        while more := local.recv(4096):
            data += more
    return data


def test_bytes_go_both_ways_and_the_end_is_told(place: StandIn) -> None:
    place.add()
    said: queue.Queue[dict[str, Any]] = queue.Queue()
    with Client(Address(place.url), "good") as client, offered(client, ID, said.put, pytest.fail) as path:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert received(path) == b"RFB 003.008\nHELLO"
        assert said.get(timeout=30)["code"] == "ended"
        assert received(path) == b"RFB 003.008\nHELLO"  # with a ticket of its own
    assert not path.parent.exists()
    assert [path for _, path, _ in place.asked].count(f"/sessions/{ID}/connect") == 2


def test_over_a_unix_socket_too(tmp_path: Path) -> None:
    with served(StandIn(peers=True), tmp_path / "api.sock") as place:
        place.add()
        address = Address("http://localhost", socket=str(tmp_path / "api.sock"))
        with Client(address) as client, offered(client, ID, lambda _: None, pytest.fail) as path:
            assert received(path) == b"RFB 003.008\nHELLO"


def test_over_tls_with_the_certificate_that_was_pinned(tmp_path: Path) -> None:
    with served(StandIn(), **own_certificate(tmp_path / "one")) as place:
        place.add()
        address = Address(place.url)
        pinned = trust.fetch(place.url)
        with Client(address, "good", pinned=pinned) as client, offered(client, ID, lambda _: None, pytest.fail) as path:
            assert received(path) == b"RFB 003.008\nHELLO"
        with Client(address, "good") as client, pytest.raises(ServerUnreachable, match="not signed by an authority"):
            client.server()


def test_a_refusal_is_the_error_that_the_server_named(place: StandIn) -> None:
    place.add(name="no display")
    with (
        Client(Address(place.url), "good") as client,
        pytest.raises(DisplayUnavailable, match="no display there"),
        viewer(client, ID),
    ):
        pass


def test_a_viewer_that_cannot_be_served_is_told_by_the_end_of_its_connection(place: StandIn) -> None:
    place.add(name="no display")
    failures: queue.Queue[PortcallError] = queue.Queue()
    with Client(Address(place.url), "good") as client, offered(client, ID, lambda _: None, failures.put) as path:
        with socket.socket(socket.AF_UNIX) as local:
            local.settimeout(10)
            local.connect(str(path))
            assert local.recv(1) == b""
        assert failures.get(timeout=30).code == "display-unavailable"
