"""Forms: their HTML made safe, their inputs, people's answers turned into params, and what remains to be answered."""

from __future__ import annotations

import functools
import html
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import nh3

from portcall.errors import InvalidValue
from portcall.model.form import BOOLEAN, JSON, NUMBER, TEXT, Form, Input
from portcall.model.start import RESERVED_PARAMS

_TAGS = {
    "a", "b", "blockquote", "br", "code", "datalist", "dd", "div", "dl", "dt", "em", "fieldset", "h1", "h2", "h3", "h4",
    "h5", "h6", "hr", "i", "img", "input", "kbd", "label", "legend", "li", "ol", "optgroup", "option", "output", "p",
    "pre", "section", "select", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "textarea", "th",
    "thead", "tr", "u", "ul",
}  # fmt: skip
_EVERY = {"class", "id", "title", "role", "dir", "lang", "hidden"}
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "input": {
        "name", "type", "value", "placeholder", "required", "min", "max", "step", "minlength", "maxlength", "pattern",
        "checked", "disabled", "readonly", "list", "size", "multiple", "autocomplete",
    },
    "select": {"name", "required", "multiple", "size", "disabled"},
    "option": {"value", "selected", "disabled", "label"},
    "optgroup": {"label", "disabled"},
    "textarea": {"name", "placeholder", "required", "rows", "cols", "minlength", "maxlength", "readonly", "disabled"},
    "label": {"for"}, "output": {"for", "name"}, "fieldset": {"disabled"},
    "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"},
}  # fmt: skip
_INPUT_TYPES = frozenset({
    "text", "number", "checkbox", "radio", "hidden", "date", "time", "datetime-local", "month", "week", "email", "tel",
    "url", "range", "color", "search",
})  # fmt: skip
_VOID = frozenset({"input", "br", "hr", "img"})
_FORM_LIMIT = 262_144
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
# quoted as in print: what stands between straight quotes is matched first, and left
_PRINTED = re.compile(r"""
    "[^"]*" | '[^']*'
    | (=\s*) (?: [“”„″«»] ([^“”„″«»"<>]*) [“”„″«»] | [‘’‚′] ([^‘’‚′"<>]*) [‘’‚′] )
""", re.VERBOSE)  # fmt: skip


def sanitise(text: str) -> str:
    """The subset of HTML that a form may hold: no scripts, no handlers, no addresses but https links, nothing loaded.

    Pictures only as data: of a bitmap. Inputs that could hand out a file, a secret or the page's control are made text.
    """
    if len(text) > _FORM_LIMIT:
        raise InvalidValue(f"a form holds {_FORM_LIMIT} characters at most", field="html")
    return nh3.clean(
        _straight(text), tags=_TAGS, attributes={"*": _EVERY, **_ATTRIBUTES},
        generic_attribute_prefixes={"data-", "aria-"}, url_schemes={"https", "data"},
        clean_content_tags={"script", "style", "template"}, attribute_filter=_attribute,
        link_rel="noopener noreferrer", strip_comments=True,
    )  # fmt: skip


def _straight(text: str) -> str:
    """The values of attributes in straight quotes: manuals, "Starting Sessions" among them, print curly ones, with
    which an input would be named ”name”."""

    def mend(found: re.Match[str]) -> str:
        return found[0] if found[1] is None else f'{found[1]}"{found[2] or found[3] or ""}"'

    return _TAG.sub(lambda tag: _PRINTED.sub(mend, tag[0]), text)


def _attribute(tag: str, name: str, value: str) -> str | None:
    value_start = value.strip().lower()
    if name == "href":
        return value if value_start.startswith("https://") else None
    if name == "src":
        bitmaps = ("data:image/png;", "data:image/jpeg;", "data:image/gif;", "data:image/webp;")
        return value if value_start.startswith(bitmaps) else None
    if tag == "input" and name == "type":
        return value_start if value_start in _INPUT_TYPES else "text"
    return value


class _Reader(HTMLParser):
    """Named inputs in the order of the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, Input] = {}
        self._labels: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._label_for: str | None = None
        self._label_text = ""
        self._in_label = False
        self._select = ""
        self._option: dict[str, str] | None = None
        self._text: str = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "label":
            self._in_label, self._label_for, self._label_text = True, given.get("for"), ""
        elif tag in ("input", "select", "textarea") and given.get("name"):
            self._input(tag, given)
        elif tag == "option" and self._select:
            self._end_option()
            self._option = {
                "value": given.get("value", "\0"),
                "label": "",
                "selected": "1" if "selected" in given else "",
            }

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._in_label = False
            if self._label_for:
                self._labels[self._label_for] = self._label_text.strip()
        elif tag in ("option", "select"):
            self._end_option()
            if tag == "select":
                self._select = ""
        elif tag == "textarea" and self._text in self.found:
            self._text = ""

    def handle_data(self, data: str) -> None:
        if self._option is not None:
            self._option["label"] += data
        elif self._text in self.found:
            self.found[self._text] = replace(self.found[self._text], value=self.found[self._text].value + data)
        elif self._in_label:
            self._label_text += data

    def finished(self) -> list[Input]:
        self.close()
        return [
            item if item.label else replace(item, label=self._labels.get(self._ids.get(name, ""), "") or name)
            for name, item in self.found.items()
        ]

    def _input(self, tag: str, given: dict[str, str]) -> None:
        name = given["name"]
        kind = given.get("type", "text").lower() if tag == "input" else tag
        data_type = given.get("data-type", TEXT).lower()
        data_type = data_type if data_type in (NUMBER, BOOLEAN, JSON) else TEXT
        required = "required" in given
        if "id" in given:
            self._ids[name] = given["id"]
        if kind == "radio":
            known = self.found.get(name, Input(name, kind, data_type, required))
            choice = {"value": given.get("value", "on"), "label": given.get("value", "on")}
            value = choice["value"] if "checked" in given else known.value
            self.found[name] = replace(
                known, choices=[*known.choices, choice], value=value, required=known.required or required
            )
            return
        label = self._label_text.strip() if self._in_label else ""
        value = given.get("value", "on" if kind == "checkbox" else "")
        self.found[name] = Input(name, kind, data_type, required, label, value, [], "multiple" in given)
        self._select = name if tag == "select" else self._select
        self._text = name if tag == "textarea" else ""

    def _end_option(self) -> None:
        if self._option is None or self._select not in self.found:
            self._option = None
            return
        label = self._option["label"].strip()
        value = label if self._option["value"] == "\0" else self._option["value"]
        item = self.found[self._select]
        first = value if self._option["selected"] or not item.choices else item.value
        choices = [*item.choices, {"value": value, "label": label or value}]
        self.found[self._select] = replace(item, choices=choices, value=first)
        self._option = None


def inputs(text: str) -> list[Input]:
    """The named inputs of a form as people see it; reserved names are the server's and do not count."""
    return list(_inputs(text))


@functools.lru_cache(maxsize=256)  # every start asks several times
def _inputs(text: str) -> tuple[Input, ...]:
    reader = _Reader()
    reader.feed(sanitise(text))
    return tuple(item for item in reader.finished() if item.name not in RESERVED_PARAMS)


def convert(item: Input, value: Any) -> Any:
    """An answer in the input's ``data-type``; text that does not parse is InvalidValue at the field.

    A value that is not text is taken as it is: it was converted before, or came from a program.
    """
    if not isinstance(value, str):
        return value
    shown = item.label or item.name
    if item.data_type == NUMBER and value.strip():
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InvalidValue(f"{shown}: {value!r} is not a number", field=item.name)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    if item.data_type == BOOLEAN:
        words = {
            "true": True,
            "on": True,
            "yes": True,
            "1": True,
            "false": False,
            "off": False,
            "no": False,
            "0": False,
            "": False,
        }
        if value.strip().lower() not in words:
            raise InvalidValue(f"{shown}: {value!r} is neither true nor false", field=item.name)
        return words[value.strip().lower()]
    if item.data_type == JSON and value.strip():
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InvalidValue(f"{shown}: not JSON: {error}", field=item.name) from None
    return value


def answer(forms: Iterable[Form], params: dict[str, Any]) -> dict[str, Any]:
    """``params`` with the answers to ``forms`` in their types. A choice that the form does not offer is refused."""
    converted = dict(params)
    for form in forms:
        for item in inputs(form.html):
            if item.name not in params:
                continue
            value = params[item.name]
            offered = {choice["value"] for choice in item.choices}
            if offered and not item.multiple and isinstance(value, str) and value and value not in offered:
                raise InvalidValue(f"{item.label or item.name}: {value!r} is not one of the choices", field=item.name)
            converted[item.name] = convert(item, value)
    return converted


def remaining(
    forms: Sequence[Form], params: dict[str, Any], answered: Iterable[str], notices: bool = False
) -> list[Form]:
    """The forms still to be answered, in their order.

    A required input without a value is asked for again whatever the client says; for the rest, a form counts as
    answered when the client says so or when one of its inputs came. One without inputs is a notice, which is for
    clients that show such (``notices``), until they say that they have: of others nothing is wanted.
    """
    said = set(answered)
    left: list[Form] = []
    for form in forms:
        items = inputs(form.html)
        if not items:
            if notices and form.id not in said and (form.html.strip() or form.description.strip()):
                left.append(form)
            continue
        missing = any(item.required and params.get(item.name) in (None, "") for item in items)
        touched = form.id in said or any(item.name in params for item in items)
        if missing or not touched:
            left.append(form)
    return left


def document(form: Form, problems: dict[str, str] | None = None) -> dict[str, Any]:
    """What a client is sent: the HTML made safe, and the inputs for clients without HTML."""
    safe = sanitise(form.html)
    return {
        "id": form.id,
        "name": form.name,
        "description": form.description,
        "html": safe,
        "inputs": [
            {
                "name": item.name, "kind": item.kind, "dataType": item.data_type, "required": item.required,
                "label": item.label, "value": item.value, "choices": item.choices, "multiple": item.multiple,
            }
            for item in inputs(safe)
        ],
        **({"errors": problems} if problems else {}),
    }  # fmt: skip


def server_list(servers: Sequence[dict[str, Any]]) -> Form:
    """The form that sets ``params.serverId`` and nothing else; honouring it is the load balancer's."""
    options = "".join(
        f'<option value="{html.escape(str(server["serverId"]))}">'
        f"{html.escape(str(server.get('hostname') or server['serverId']))}"
        f" — {int(server.get('sessions', 0))} sessions</option>"
        for server in servers
    )
    text = (
        '<div class="form-group"><label for="serverId">Server</label>'
        f'<select class="form-control" id="serverId" name="serverId" required>{options}</select></div>'
    )
    return Form("SERVERLIST", "Choose a server", text)
