"""What start-weblink is told: addresses, tokens, proxies, and that nothing of it stays where others find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from portcall.clock import Clock
from portcall.errors import InvalidValue
from portcall.login.tokens import Tokens
from portcall.sessiond import network, weblink
from portcall.sessiond.weblink import parse, proxy_for, session_of, take
from portcall.stores.memory import Memory

GIVEN = {"WEBLINK_URL": "https://host.example/desk/", "WEBLINK_PRIMARY": "a.b.c"}


def test_it_is_taken_out_of_the_environment() -> None:
    environment = {**GIVEN, "WEBLINK_URI": "link/", "WEBLINK_HOST_ID": "x", "WEBLINK_SOCKET": "/s", "PATH": "/bin"}
    link = take(environment, "s1")
    assert environment == {"PATH": "/bin"}
    assert (link.address, link.primary, link.session_id) == ("https://host.example/desk/link", "a.b.c", "s1")
    assert link.sockets == [link.address]


def test_each_process_has_a_secret_of_its_own() -> None:
    assert take(dict(GIVEN)).key != take(dict(GIVEN)).key


def test_the_usual_path() -> None:
    assert take(dict(GIVEN)).address == "https://host.example/desk/weblink"


@pytest.mark.parametrize("missing", GIVEN)
def test_what_is_missing_is_named(missing: str) -> None:
    """S1: You MUST set WEBLINK_URL and WEBLINK_PRIMARY on start-weblink."""
    with pytest.raises(InvalidValue, match=f"{missing} is not set.*WEBLINK_PORT is set in fastx.env"):
        take({**GIVEN, missing: ""})


@pytest.mark.parametrize(
    "given",
    [
        {"WEBLINK_URL": "ftp://host"}, {"WEBLINK_URL": "host:80"}, {"WEBLINK_URL": "http://host:70000"},
        {"WEBLINK_URL": "http://ho st"}, {"WEBLINK_URL": "http://host\r\nX: y"}, {"WEBLINK_URI": "/a\r\nX: y"},
        {"WEBLINK_PRIMARY": "a b"}, {"WEBLINK_PRIMARY": "a\r\nX: y"}, {"WEBLINK_FINGERPRINT": "12:34"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidValue):
        take({**GIVEN, **given})


def test_a_fingerprint_as_tools_print_it() -> None:
    printed = ":".join(["AB"] * 32)
    assert take({**GIVEN, "WEBLINK_FINGERPRINT": printed}).fingerprint == "ab" * 32


def test_on_the_servers_own_host_its_socket_is_the_shorter_way(tmp_path: Path) -> None:
    here = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    near = tmp_path / "server.sock"
    near.touch()
    for host_id, path, first in ((here, near, str(near)), (here, tmp_path / "gone", None), ("other", near, None)):
        link = take({**GIVEN, "WEBLINK_HOST_ID": host_id, "WEBLINK_SOCKET": str(path)})
        assert link.sockets == ([first, link.address] if first else [link.address])


def test_a_token_says_whose_it_is(tmp_path: Path) -> None:
    tokens = Tokens(Memory(Clock()), Clock(), tmp_path, "here")
    assert session_of(tokens.sign_weblink("s1", "ann", 1e10)) == "s1"
    assert [session_of(text) for text in ("", "x", "a.b.c", "a.e30.c", "a.bnVsbA.c")] == [""] * 5


def test_an_address_of_ipv6() -> None:
    url = parse("http://[2001:db8::1]:81/x", "WEBLINK_URL")
    assert (url.host, url.port, url.authority, url.path) == ("2001:db8::1", 81, "[2001:db8::1]:81", "/x")


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, ""),
        ({"https_proxy": "http://p:1"}, "http://p:1"),
        ({"HTTPS_PROXY": "p:1"}, "http://p:1"),
        ({"all_proxy": "http://p:1"}, "http://p:1"),
        ({"http_proxy": "http://p:1"}, ""),  # the other scheme's
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "other, desk.example"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": ".example"}, ""),
        ({"https_proxy": "http://p:1", "NO_PROXY": "EXAMPLE"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "esk.example"}, "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "desk.example:444"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "desk.example:443"}, "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "http://p:1"),
    ],
)
def test_which_proxy(environment: dict[str, str], proxy: str) -> None:
    assert proxy_for("https://desk.example:444/weblink", environment) == proxy


def test_networks_that_need_no_proxy() -> None:
    environment = {"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8,2001:db8::/32"}
    assert [proxy_for(f"http://{host}/", environment) for host in ("10.1.2.3", "[2001:db8::1]", "11.0.0.1")] == [
        "", "", "http://p:1",
    ]  # fmt: skip


def test_a_proxys_password_may_have_any_character() -> None:
    assert network._unquoted("ann:p%40ss%25%zz") == b"ann:p@ss%%zz"
    assert weblink.parse("http://ann:p%40ss@proxy:3128", "http_proxy").user == "ann:p%40ss"
