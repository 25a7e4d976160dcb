"""A form's HTML as text for a terminal: its lines, lists and links; what it looks like is the page's."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset({
    "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "legend", "li",
    "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
_APART = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self._href = ""
        self._literal = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._block(tag)
        if tag == "li":
            self.text += "- "
        elif tag in ("td", "th") and self.text and not self.text.endswith("\n"):
            self.text += "  "
        elif tag == "img":
            self.text += given.get("alt") or ""
        elif tag == "a":
            self._href = given.get("href") or ""
        self._literal += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href and not self.text.endswith(self._href):
            self.text += f" <{self._href}>"
        self._href = "" if tag == "a" else self._href
        self._literal -= tag == "pre"
        self._block(tag)

    def handle_data(self, data: str) -> None:
        if not self._literal:
            data = re.sub(r"\s+", " ", data)
            data = data.lstrip() if not self.text or self.text[-1].isspace() else data
        self.text += data

    def _block(self, tag: str) -> None:
        if tag in _BLOCKS and self.text:
            self.text = self.text.rstrip(" ")
            wanted = 2 if tag in _APART else 1
            self.text += "\n" * (wanted - (len(self.text) - len(self.text.rstrip("\n"))) if tag != "br" else 1)


def text(html: str) -> str:
    """Without blank lines around it."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    return reader.text.strip()
