"""Where weblinks are taken."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from portcall.errors import SettingRefused
from portcall.web import weblink


@pytest.mark.parametrize(("written", "path"), [
    ({}, "/weblink"), ({"WEBLINK_URI": ""}, "/weblink"), ({"WEBLINK_URI": "/"}, "/weblink"),
    ({"WEBLINK_URI": "calls/in/"}, "/calls/in"), ({"WEBLINK_URI": " /w "}, "/w"),
])  # fmt: skip
def test_the_path_is_that_of_weblink_uri(written: dict[str, str], path: str) -> None:
    """S1, weblink-object: "uri": WEBLINK_URI."""
    assert weblink.uri(lambda: written) == path


@pytest.mark.parametrize("written", ["/a b", "/a?b", "/a\r\nX: y", "http://host/w", "/a//b", "/é", "/" + "x" * 5_000])
def test_what_is_no_path_is_refused_by_name(written: str) -> None:
    with pytest.raises(SettingRefused, match="WEBLINK_URI"):
        weblink.uri(lambda: {"WEBLINK_URI": written})


def test_calls_are_taken_there_and_at_the_usual_path_and_nowhere_else() -> None:
    here = SimpleNamespace(weblinks=None, weblink_uri="/calls/in")
    for path in ("/calls/in/control", "/calls/in/display", "/weblink/control", "/weblink/display"):
        assert weblink.call(here, path, {}, "127.0.0.1") is not None
    for path in ("/calls/in", "/calls/control", "/calls/in/control/more", "/calls/in/other", "/control", "control", ""):
        assert weblink.call(here, path, {}, "127.0.0.1") is None
