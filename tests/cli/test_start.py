"""What portcall start makes of options, documents and pipes, and of what a server asks back."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Portcall
from tests.cli.terminal import Terminal
from tests.client.stand_in import ID, StandIn


def item(name: str, label: str = "", **members: Any) -> dict[str, Any]:
    """An input as a form's document describes it."""
    known = {"kind": "text", "dataType": "text", "required": False, "value": "", "choices": [], "multiple": False}
    return {**known, "name": name, "label": label or name, **members}


FORM = {
    "id": "where",
    "name": "Where",
    "html": "",
    "inputs": [
        item("project", "Project", value="wing", required=True),
        item("minRam", "Memory", kind="select", dataType="number", value="2",
             choices=[{"value": "1", "label": "1 GB"}, {"value": "2", "label": "2 GB"}]),
        item("site", kind="hidden", value="here"),
        item("pin", "Pin", kind="password"),
    ],
}  # fmt: skip


def asked(place: StandIn) -> dict[str, Any]:
    (body,) = [body for method, path, body in place.asked if (method, path) == ("POST", "/sessions")]
    return dict(body)


def test_words_are_the_command_and_options_go_before_them(at: Portcall, place: StandIn) -> None:
    started = at(
        "start", "--geometry", "rootless", "--param", "a=b=c", "--name", "wing", "xterm", "-e", "a b", "--name"
    )
    assert started.json["id"] == ID
    sent = asked(place)
    assert (sent["command"], sent["geometry"], sent["name"]) == ("xterm -e 'a b' --name", "rootless", "wing")
    assert sent["params"] == {"a": "b=c"}
    assert sent["key"]


def test_one_word_is_a_command_line(at: Portcall, place: StandIn) -> None:
    at("start", "xterm -ls; true")
    assert asked(place)["command"] == "xterm -ls; true"


def test_options_come_before_the_pipe_and_the_pipe_before_the_document(at: Portcall, place: StandIn) -> None:
    reading, writing = os.pipe()
    secret = {"token": "hidden", "args": {"command": "two", "profile": "p", "params": {"b": 2}}}
    os.write(writing, json.dumps(secret).encode())
    os.close(writing)
    document = json.dumps({"command": "one", "profile": "x", "userdata": "u", "params": {"a": 1, "b": 1, "name": "n"}})
    assert at("start", "--env", str(reading), "--json", document, "--command", "three").code == 0
    os.close(reading)
    sent = asked(place)
    assert (sent["command"], sent["profile"], sent["userdata"], sent["name"]) == ("three", "p", "u", "n")
    assert sent["params"] == {"a": 1, "b": 2}
    assert "hidden" not in json.dumps(sent)


def test_a_document_may_be_a_file(at: Portcall, place: StandIn, tmp_path: Path) -> None:
    (tmp_path / "start.json").write_text('{"command": "xclock", "keyboardLayout": "de"}')
    assert at("start", "--json", str(tmp_path / "start.json")).code == 0
    assert asked(place)["keyboardLayout"] == "de"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--name", "x"], 1, "command: it is needed"),
        (["--geometry", "big", "xterm"], 1, "WIDTHxHEIGHT"),
        (["--json", "{", "xterm"], 1, "not JSON"),
        (["--json", "[]", "xterm"], 1, "No such file"),
        (["--json", '{"params": 3}', "xterm"], 1, "params must be an object"),
        (["--env", "77", "xterm"], 1, "Bad file descriptor"),
        (["--param", "novalue", "xterm"], 2, "KEY=VALUE"),
        (["--command", "a", "b"], 2, "once"),
        (["--connect", "xterm"], 1, "no screen"),
    ],
)
def test_what_cannot_be_right_is_said_before_anything_is_asked(
    at: Portcall, place: StandIn, arguments: list[str], code: int, words: str
) -> None:
    refused = at("start", *arguments)
    assert refused.code == code
    assert words in refused.err
    assert not place.asked


@pytest.mark.parametrize("how", ["--cli", "--local"])
def test_what_only_a_server_can_do_is_refused_where_none_is_asked(at: Portcall, place: StandIn, how: str) -> None:
    for options, said in (
        (["--connect", "xterm"], "--connect needs a server"),
        (["--bookmark", "b"], "A bookmark is known to a server only"),
    ):
        shown = at("start", how, *options)
        assert shown.code != 0
        assert said in shown.err
    assert place.starts == []


def test_forms_are_asked_in_the_terminal_one_after_another(at: Portcall, place: StandIn) -> None:
    place.starts = [{"stage": "form", "form": FORM}, {"stage": "form", "form": {"id": "b", "inputs": [item("last")]}}]
    with Terminal([sys.executable, "-m", "portcall", "start", "xterm"], os.environ) as terminal:
        terminal.wait_for("Project [wing]")
        terminal.type("\n")
        terminal.wait_for("Memory [2]")
        terminal.type("9\n")  # not one of them
        terminal.wait_for("Memory [2]")
        terminal.type("1\n")
        terminal.wait_for("Pin")
        terminal.type("1234\n")
        terminal.wait_for("last")
        terminal.type("\n")
        assert terminal.end() == 0
    assert "1234" not in terminal.seen.split("last")[0]
    sent = [body for method, path, body in place.asked if (method, path) == ("POST", "/sessions")]
    first = {"project": "wing", "minRam": "1", "site": "here", "pin": "1234"}
    assert [body["params"] for body in sent] == [{}, first, {**first, "last": ""}]
    assert [body.get("answered", []) for body in sent] == [[], ["where"], ["where", "b"]]
    assert len({body["key"] for body in sent}) == len(set(place.keys)) == 1


def test_boxes_lists_and_what_was_given_already(at: Portcall, place: StandIn) -> None:
    choices = [{"value": value, "label": value} for value in ("a", "b", "c")]
    inputs = [item("agree", kind="checkbox", required=True, value="on"),
              item("gpu", kind="checkbox", dataType="boolean", value="on"), item("mail", kind="checkbox", value="on"),
              item("parts", kind="select", multiple=True, choices=choices), item("project", required=True),
              item("more", dataType="json")]  # fmt: skip
    place.starts = [{"stage": "form", "form": {"id": "f", "name": "F", "inputs": inputs}}]
    program = [sys.executable, "-m", "portcall", "start", "--param", "project=wing", "xterm"]
    with Terminal(program, os.environ) as terminal:
        terminal.wait_for("agree (yes or no)")
        terminal.type("no\n")
        terminal.wait_for("must be agreed to")
        terminal.type("yes\n")
        terminal.wait_for("gpu (yes or no)")
        terminal.type("\n")
        terminal.wait_for("mail (yes or no)")
        terminal.type("\n")
        terminal.wait_for("parts (several")
        terminal.type("a, d\n")
        terminal.wait_for("One of: a, b, c")
        terminal.type("a, c\n")
        terminal.wait_for("project [wing]")
        terminal.type("\n")
        terminal.wait_for("more:")
        terminal.type("{\n")
        terminal.wait_for("no JSON")
        terminal.type("[1]\n")
        assert terminal.end() == 0
    (_, last) = [body for method, path, body in place.asked if (method, path) == ("POST", "/sessions")]
    assert last["params"] == {
        "agree": "on", "gpu": "false", "parts": ["a", "c"], "project": "wing", "more": "[1]",
    }  # fmt: skip


def test_without_a_terminal_a_form_is_an_error_that_names_its_fields(at: Portcall, place: StandIn) -> None:
    place.starts = [{"stage": "form", "form": FORM}]
    refused = at("start", "xterm")
    assert refused.code == 1
    assert "'Where'" in refused.err
    assert "Missing: project" in refused.err
    assert "--param project=wing" in refused.err


NOTICE = {"id": "friday", "name": "Friday", "html": "<p>The servers are <b>down</b>.</p>\x1b[2J", "inputs": []}


def test_a_notice_is_printed_once_and_nothing_is_asked(at: Portcall, place: StandIn) -> None:
    place.starts = [{"stage": "form", "form": NOTICE}]
    started = at("start", "xterm")  # with nobody there
    assert started.json["id"] == ID
    assert started.err == "Friday\nThe servers are down.\n\n\\x1b[2J\n"
    first, second = [body for method, path, body in place.asked if (method, path) == ("POST", "/sessions")]
    assert first["notices"] is second["notices"] is True
    assert (second["answered"], second["params"], second["key"]) == (["friday"], {}, first["key"])


def test_a_notice_without_end_is_an_error(at: Portcall, place: StandIn) -> None:
    place.starts = [{"stage": "form", "form": NOTICE}] * 9
    refused = at("start", "xterm")
    assert refused.code == 1
    assert "'Friday' again" in refused.err


def test_prompts_of_a_start_are_answered_in_the_terminal(at: Portcall, place: StandIn) -> None:
    prompts = [{"text": "Password", "echo": False}]
    place.starts = [{"stage": "auth", "attempt": "a1", "title": "On node 7", "prompts": prompts}]
    with Terminal([sys.executable, "-m", "portcall", "start", "xterm"], os.environ) as terminal:
        terminal.wait_for("On node 7\r\nPassword: ")
        terminal.type("pw\n")
        assert terminal.end() == 0
    assert place.asked[-1] == ("POST", "/starts/a1", {"answers": ["pw"]})


def test_a_given_server_that_is_off_is_an_error_and_starts_nothing_here(portcall: Portcall) -> None:
    refused = portcall("start", "--url", "http://127.0.0.1:1", "xterm")
    assert refused.code == 1
    assert "No server answers" in refused.err
