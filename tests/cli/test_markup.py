"""HTML of forms as lines of a terminal."""

from __future__ import annotations

import pytest

from portcall.cli.markup import text


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("", ""),
        ("<p>On <b>Friday</b>\n the servers   are down.</p>", "On Friday the servers are down."),
        ("<h4>Note</h4><p>One.<br>Two.</p><p>Three.</p>", "Note\n\nOne.\nTwo.\n\nThree."),
        ("<div>a</div>\n<div>b</div>", "a\nb"),
        ("<ul>\n <li>one</li>\n <li>two <i>more</i></li>\n</ul>after", "- one\n- two more\n\nafter"),
        ('<a href="https://x.org/s">Status</a> now', "Status <https://x.org/s> now"),
        ('<a href="https://x.org">https://x.org</a>', "https://x.org"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a  b\nc"),
        ("x<pre>  a\n   b</pre>y", "x\n\n  a\n   b\n\ny"),
        ('<img src="data:image/png;base64,AA" alt="Logo">', "Logo"),
        ("5 &lt; 6 &amp;&nbsp;7", "5 < 6 & 7"),
        ("<p>not <em>closed", "not closed"),
    ],
)
def test_its_lines_lists_and_links_are_there(html: str, shown: str) -> None:
    assert text(html) == shown
