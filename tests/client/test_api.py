import socket
from pathlib import Path

import pytest

from portcall.client.address import Address
from portcall.client.api import Client, open_client
from portcall.client.credentials import Credential, Credentials
from portcall.errors import Forbidden, InvalidValue, NoSuchSession, NotFound, NotLoggedIn, ServerUnreachable
from portcall.model.start import StartRequest
from tests.client.stand_in import ID, StandIn, served


def test_problems_become_the_errors_that_they_were_made_from(place: StandIn) -> None:
    with Client(Address(place.url), "good") as client:
        with pytest.raises(NoSuchSession) as raised:
            client.session("x")
        assert raised.value.extra["instance"] == "p-404"
        place.add(login="bob")
        with pytest.raises(Forbidden):
            client.terminate(ID)
    with Client(Address(place.url), "bad") as client, pytest.raises(NotLoggedIn):
        client.sessions()


def test_sessions_are_the_models(place: StandIn) -> None:
    place.add(name="wing", unknown={"newer": [1]})
    with Client(Address(place.url), "good") as client:
        (one,), number = client.listing()
        assert (one.id, one.name, one.unknown, number) == (ID, "wing", {"newer": [1]}, 7)
        assert client.change(ID, params={"a": 1}).params == {"a": 1}
        assert client.change(ID, params={"a": None}).params == {}


def test_a_start_whose_connection_broke_is_sent_again_under_the_same_key(place: StandIn) -> None:
    place.drop_starts = 1
    with Client(Address(place.url), "good") as client:
        assert client.start(StartRequest("xterm"))["result"]["id"] == ID
    assert len(place.keys) == 2
    assert len(set(place.keys)) == 1


def test_nobody_listening_is_said_with_what_to_do() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with Client(Address(url)) as client, pytest.raises(ServerUnreachable, match=r"refused.*--url") as raised:
            client.server()
    assert raised.value.extra["refused"]


def test_another_kind_of_server_is_recognised(place: StandIn) -> None:
    with (
        Client(Address(f"{place.url}/elsewhere"), "good") as client,
        pytest.raises(NotFound, match="not as a Portcall server"),
    ):
        client.server()


def test_a_path_cannot_be_changed_by_what_is_in_an_id(place: StandIn) -> None:
    with Client(Address(place.url), "good") as client:
        for hostile in ("../settings", "a/terminate", "x?all=1", "..", "", "a%2Fb"):
            with pytest.raises(NotFound):
                client.terminate(hostile)
    assert not place.asked


def test_the_token_of_the_environment_comes_before_the_one_kept(place: StandIn, home: dict[str, str]) -> None:
    Credentials(home).save(Credential(place.url, "good"))
    with open_client(environment=home) as client:  # the last login's address
        assert client.whoami()["login"]["sub"] == "ann"
    with open_client(environment={**home, "PORTCALL_TOKEN": "bad"}) as client, pytest.raises(NotLoggedIn):
        client.whoami()


def test_the_server_of_this_host_is_found_and_needs_no_token(home: dict[str, str], tmp_path: Path) -> None:
    runtime = tmp_path / "r"
    runtime.mkdir(mode=0o700)
    with (
        served(StandIn(peers=True), runtime / "api.sock"),
        open_client(environment={**home, "PORTCALL_RUNTIME_DIR": str(runtime)}) as client,
    ):
        assert client.address.socket == str(runtime / "api.sock")
        assert client.whoami()["login"]["sub"] == "ann"


def test_a_file_of_authorities_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="--ca"):
        Client(Address("https://127.0.0.1:1"), ca=str(tmp_path / "none.pem"))
