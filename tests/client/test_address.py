import json
import os
import socket
from pathlib import Path

import pytest

from portcall.client.address import DEFAULT_URL, find, parse, trusted
from portcall.errors import InvalidValue


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    directory = tmp_path / "runtime"
    directory.mkdir(mode=0o700)
    return directory


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://viz.example.org/", "https://viz.example.org"),
        ("viz.example.org:8443/portcall/", "https://viz.example.org:8443/portcall"),
        ("http://[::1]:3300", "http://[::1]:3300"),
    ],
)
def test_an_address_is_read_as_people_write_it(text: str, url: str) -> None:
    assert parse(text).url == url


@pytest.mark.parametrize("text", ["ftp://x", "https://", "http://x:port", "https://u:p@x", "https://x/?a=b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse(text)


def test_a_given_address_comes_before_the_environments() -> None:
    environment = {"PORTCALL_URL": "http://two"}
    assert find("http://one", environment).url == "http://one"
    assert find("", environment).url == "http://two"


def test_a_server_that_listens_on_this_host_comes_before_the_last_login(runtime: Path) -> None:
    (runtime / "public.json").write_text(json.dumps({"url": "https://here/prefix"}))
    environment = {"PORTCALL_RUNTIME_DIR": str(runtime)}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "api.sock"))
        listener.listen()
        found = find("", environment, remembered="https://far")
        assert (found.socket, found.url) == (str(runtime / "api.sock"), "http://localhost/prefix")
    # the socket's file is still there, but nobody listens
    assert find("", environment, remembered="https://far").url == "https://far"
    assert find("", environment).url == "https://here/prefix"


def test_without_anything_known_it_is_the_usual_port(runtime: Path) -> None:
    assert find("", {"PORTCALL_RUNTIME_DIR": str(runtime)}).url == DEFAULT_URL


def test_a_directory_that_others_could_have_made_is_not_trusted(tmp_path: Path, runtime: Path) -> None:
    me, other = os.getuid(), os.getuid() + 1
    assert trusted(runtime, me)
    tmp_path.chmod(0o1777)
    if me:  # root's is everybody's to trust
        assert not trusted(runtime, other)
    runtime.chmod(0o707)
    assert not trusted(runtime, me)
    link = tmp_path / "link"
    link.symlink_to(runtime)
    assert not trusted(link, me)
