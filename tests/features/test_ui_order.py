"""Icons of bookmarks, the order of functions and what metrics measure, in a real browser as administrators see it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from portcall.client.api import Client
from tests.features.administration import Site, administration
from tests.features.server import Server
from tests.features.waiting import until

RED = (200, 30, 40)


@pytest.fixture(scope="module")
def client(own_server: Server) -> Iterator[Client]:
    with own_server.by_link() as client:
        yield client


@pytest.fixture(scope="module")
def site(own_server: Server) -> Iterator[Site]:
    with administration(own_server) as site:
        yield site


def picture(data: str) -> Image.Image:
    assert data.startswith("data:image/png;base64,")
    return Image.open(io.BytesIO(base64.b64decode(data.split(",", 1)[1]))).convert("RGBA")


def test_a_picture_becomes_a_bookmarks_icon_and_its_sessions(site: Site, client: Client, tmp_path: Path) -> None:
    Image.new("RGB", (800, 400), RED).save(tmp_path / "wide.jpeg")
    (tmp_path / "letter.png").write_text("Dear Sir")
    client.put_document("bookmarks", "drawn", {"name": "Drawn", "command": "sleep 60"})
    page = site.go("system/bookmarks/drawn")
    field = page.get_by_label("Icon")
    field.set_input_files(tmp_path / "letter.png")
    expect(page.locator(".field-error")).to_be_visible()  # what is no picture is told at the field
    field.set_input_files(tmp_path / "wide.jpeg")
    expect(page.locator(".field-error")).to_have_count(0)
    site.save()
    icon = str(until(lambda: client.document("bookmarks", "drawn")["icon"], "the icon is saved"))
    made = picture(icon)
    assert made.size == (96, 96)
    assert made.getpixel((48, 4))[3] == 0  # the whole of it, neither cut nor stretched
    middle = made.getpixel((48, 48))
    assert max(abs(one - other) for one, other in zip(middle, (*RED, 255), strict=True)) < 8

    tile = site.go().get_by_role("button", name="Start Drawn")
    expect(tile.locator("img")).to_have_attribute("src", icon)
    tile.click()
    session = until(client.sessions, "the session")[0]
    assert (session.params["icon"], session.params["bookmarkId"]) == (icon, "drawn")
    client.purge(session.id)

    site.go("system/bookmarks/drawn").get_by_role("button", name="Remove icon").click()
    site.save()
    until(lambda: client.document("bookmarks", "drawn")["icon"] == "", "the icon is gone")
    site.quiet()


def test_the_order_of_functions_of_a_kind_is_changed_by_keys_and_by_hand(site: Site, client: Client) -> None:
    for position, name in enumerate(("one", "two", "three")):
        source = f"function(input) {{ throw '{name}'; }}"
        body = {"kind": "schedule", "name": name.title(), "source": source, "position": position}
        client.put_document("functions", name, body)
    page = site.go("system/schedule")
    rows = page.get_by_role("list", name="Schedule").get_by_role("listitem")

    def order(*names: str) -> None:
        """On the page, and on the server, where the first is the one in force."""
        expect(rows).to_contain_text(list(names))
        expect(rows.filter(has=page.get_by_text("in use", exact=True))).to_contain_text([names[0]])
        until(lambda: _order(client) == [name.lower() for name in names], f"the order {names}")

    order("One", "Two", "Three")
    rows.nth(0).get_by_role("link").press("Alt+ArrowDown")
    expect(rows.nth(1).get_by_role("link")).to_be_focused()
    order("Two", "One", "Three")
    page.keyboard.press("Alt+ArrowDown")  # as fast as a key repeats
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    order("One", "Two", "Three")
    rows.nth(2).drag_to(rows.nth(0))
    order("Three", "One", "Two")
    page.reload()
    order("Three", "One", "Two")
    expect(page.get_by_role("alert")).to_have_count(0)
    site.quiet()


def test_what_is_being_written_is_saved_after_its_function_was_moved(site: Site, client: Client) -> None:
    """Its page's own change of the order is no other administrator's."""
    before = _order(client)
    page = site.go(f"system/schedule/{before[0]}")
    page.get_by_label("Description").fill("written before the move")
    rows = page.get_by_role("list", name="Schedule").get_by_role("listitem")
    rows.nth(0).get_by_role("link").press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    site.save()  # at once: the order is still being saved
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert client.document("functions", before[0])["description"] == "written before the move"
    until(lambda: _order(client) == [*before[1:], before[0]], "the order is saved, too")
    site.quiet()


def test_what_a_metric_measures_and_why_it_fails_is_shown_beside_it(site: Site, client: Client) -> None:
    source = "function(input) { if (input.previous) throw 'the licence server is silent'; return {used: 41}; }"
    body = {"kind": "metric", "name": "licences", "source": source, "every": 5}
    client.put_document("functions", "licences", body)
    row = site.go("system/metrics").get_by_role("list", name="Metric").get_by_role("listitem")
    expect(row).to_contain_text('{"used":41}', timeout=60_000)
    expect(row).to_contain_text("the licence server is silent", timeout=60_000)
    expect(row).to_contain_text('{"used":41}')  # the last value stays
    assert client.servers()[0]["metrics"] == {"licences": {"used": 41}}
    client.delete_document("functions", "licences")
    site.quiet()


@pytest.mark.parametrize("path", ["logins", "manage/logins", "system/audit", "system/permissions"])
def test_the_rows_of_a_table_are_whole_in_a_narrow_window(site: Site, path: str) -> None:
    page = site.page
    page.set_viewport_size({"width": 360, "height": 740})
    try:
        site.go(path)
        table = page.locator(".scroll").first
        expect(table.locator("tbody tr").first).to_be_visible()
        assert table.evaluate("(box) => box.scrollWidth - box.clientWidth") == 0
        expect(table.get_by_role("row").nth(1)).to_be_visible()  # and still a table for who does not see it
        site.quiet()
    finally:
        page.set_viewport_size({"width": 1360, "height": 900})


def _order(client: Client) -> list[str]:
    mine = [one for one in client.documents("functions") if one["kind"] == "schedule"]
    return [str(one["id"]) for one in sorted(mine, key=lambda one: (one["position"], one["id"]))]
