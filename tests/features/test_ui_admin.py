"""What administrators write, and the forms of a start, in a real browser on a real server."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from portcall.client.api import Client
from tests.features.administration import Site, administration
from tests.features.server import Server
from tests.features.waiting import until
from tests.fixtures.markup import MARKUP
from tests.installation import TOP

AXE = TOP / "ui/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def client(own_server: Server) -> Iterator[Client]:
    with own_server.by_link() as client:
        yield client


@pytest.fixture(scope="module")
def site(own_server: Server) -> Iterator[Site]:
    with administration(own_server) as site:
        yield site


PROJECT = """
<div class="form-group"><label>Project code</label>
  <input type="text" class="form-control" name="project" required pattern="[A-Z]{3}-[0-9]+"></div>
<div class="form-group"><label for="minRam">Memory</label>
  <select name="minRam" id="minRam" data-type="number" class="form-control">
    <option value="1">1 GB</option><option value="2">2 GB</option></select></div>"""
TIME = """
<div class="row"><div class="col-6"><label for="h">Hours</label>
  <input type="number" class="form-control" id="h" name="hours" min="1" max="24" value="2"
  data-type="number"></div></div>
<div class="form-check"><input class="form-check-input" type="checkbox" id="gpu" name="gpu" data-type="boolean">
  <label class="form-check-label" for="gpu">With a GPU</label></div>
<div class="form-group"><label for="m">Modules</label><select multiple class="form-control" id="m" name="modules">
  <option value="a">Alpha</option><option value="b">Beta</option></select></div>"""
NOTES = '<label for="n">Remarks</label><textarea class="form-control" id="n" name="notes" data-type="json"></textarea>'
FILTER = """async function(input) {
  if (input.forms.length) return input.forms[0];
  if (input.data.params.project && !input.data.params.serverId) return 'SERVERLIST';
}"""


@pytest.fixture(scope="module")
def bookmark(client: Client) -> None:
    for name, html in (("project", PROJECT), ("time", TIME), ("notes", NOTES)):
        client.put_document("forms", name, {"name": name.title(), "html": html})
    client.put_document("functions", "filter", {"kind": "form-filter", "name": "Filter", "source": FILTER})
    document = {"name": "Simulation", "command": "sleep 60", "forms": ["project", "time", "notes"]}
    client.put_document("bookmarks", "simulation", document)


def test_a_start_asks_three_forms_and_the_server_and_shows_a_summary(
    site: Site, client: Client, bookmark: None
) -> None:
    page = site.go()
    page.get_by_role("button", name="Start Simulation").press("Enter")
    dialog = page.get_by_role("dialog")
    go_on = dialog.get_by_role("button", name="Continue")

    # the browser's own check, at the field
    code = dialog.get_by_label("Project code")
    expect(code).to_be_focused()
    go_on.click()
    expect(code).to_have_attribute("aria-invalid", "true")
    code.fill("ABC-12")
    dialog.get_by_label("Memory").select_option("2")
    code.press("Enter")

    dialog.get_by_label("Hours").fill("3")
    dialog.get_by_label("With a GPU").check()
    dialog.get_by_label("Modules").select_option(["a", "b"])
    dialog.get_by_role("button", name="Back").click()
    expect(dialog.get_by_label("Project code")).to_have_value("ABC-12")
    go_on.click()
    expect(dialog.get_by_label("Hours")).to_have_value("3")
    expect(dialog.get_by_label("With a GPU")).to_be_checked()
    go_on.click()

    # the server's check, at the field
    remarks = dialog.get_by_label("Remarks")
    remarks.fill("{not json")
    go_on.click()
    expect(dialog.locator(".field-error")).to_contain_text("not JSON")
    expect(remarks).to_be_focused()
    remarks.fill('{"urgent": true}')
    go_on.click()

    expect(dialog.get_by_label("Server", exact=True)).to_have_value(client.servers()[0]["serverId"])
    go_on.click()
    expect(dialog.get_by_text("Nothing has been started yet")).to_be_visible()
    for words in ("ABC-12", "2 GB", "Alpha, Beta", "With a GPU"):
        expect(dialog.locator(".summary", has_text=words)).to_have_count(1)
    assert client.sessions() == []
    dialog.get_by_role("button", name="Start", exact=True).click()

    session = until(client.sessions, "the session")[0]
    assert {name: session.params[name] for name in ("project", "minRam", "hours", "gpu", "modules", "notes")} == {
        "project": "ABC-12", "minRam": 2, "hours": 3, "gpu": True, "modules": ["a", "b"], "notes": {"urgent": True},
    }  # fmt: skip
    assert session.params["bookmarkId"] == "simulation"
    client.purge(session.id)
    site.quiet()


def test_a_notice_is_shown_before_the_start_and_started_from(site: Site, client: Client, bookmark: None) -> None:
    client.put_document("forms", "friday", {"name": "Friday", "html": "<p>The servers are down on Friday.</p>"})
    client.put_document("bookmarks", "told", {"name": "Told", "command": "sleep 60", "forms": ["friday"]})
    page = site.go()
    page.get_by_role("button", name="Start Told").click()
    dialog = page.get_by_role("dialog", name="Told")
    expect(dialog.get_by_role("heading", name="Friday")).to_be_visible()
    expect(dialog).to_contain_text("The servers are down on Friday.")
    assert client.sessions() == []
    dialog.get_by_role("button", name="Start", exact=True).click()
    expect(dialog).to_have_count(0)
    session = until(client.sessions, "the session")[0]
    assert session.params["bookmarkId"] == "told"
    client.purge(session.id)
    client.delete_document("bookmarks", "told")
    site.quiet()


def test_the_last_answers_are_there_the_next_time(site: Site, bookmark: None) -> None:
    page = site.go()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("simul")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Simulation")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Simulation")
    expect(dialog.get_by_label("Project code")).to_have_value("ABC-12")
    expect(dialog.get_by_label("Memory")).to_have_value("2")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)


FIRST = "async function(input) {\n  console.log('weighing', input.servers.length);\n  return input.servers;\n}"
SLIP = "async function(input) {\n  return input.servers.filter(server => );\n}"
SECOND = "function(input) {\n  return input.servers[0].serverId;\n}"


def test_a_function_is_written_tried_saved_and_had_back(site: Site, client: Client) -> None:
    page = site.go("system/session-start/scripts")
    page.get_by_role("link", name="New script: start balancing").click()
    page.get_by_label("Name", exact=True).fill("Keep light")

    site.write(SLIP)
    site.save()
    alert = page.get_by_role("alert").filter(has_text="Line 2, column")
    expect(alert).to_be_visible()
    expect(page.locator(".function-code .cm-lintRange-error")).to_have_count(1)

    # what is not saved is not lost by looking elsewhere
    page.get_by_role("link", name="Permissions").click()
    page.get_by_role("link", name="Session start").click()
    page.get_by_role("link", name="Scripts").click()
    page.get_by_role("link", name="New script: start balancing").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Keep light")
    expect(site.code).to_contain_text("server => ")

    site.write(FIRST)
    page.keyboard.press("Control+Enter")
    tried = page.get_by_role("region", name="Try")
    expect(tried.get_by_label("Log", exact=True)).to_have_text("weighing 1")
    expect(tried.get_by_label("Returned value")).to_contain_text("serverId")
    expect(tried.get_by_text("The whole chain would choose")).to_be_visible()
    assert [item for item in client.documents("functions") if item["kind"] == "start-balance"] == []
    page.keyboard.press("Control+s")
    page.wait_for_url(re.compile("/scripts/keep-light$"))
    assert client.document("functions", "keep-light")["source"] == FIRST

    site.write(SECOND)
    page.get_by_role("button", name="Run").click()
    expect(tried.get_by_role("heading", name="The version in force")).to_be_visible()
    site.save()
    until(lambda: client.document("functions", "keep-light")["source"] == SECOND, "it is saved")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()

    page.get_by_role("button", name="Versions").click()
    versions = page.get_by_role("dialog", name="Versions of Keep light")
    versions.get_by_role("list", name="Versions").get_by_role("button").nth(1).click()
    versions.get_by_text("From this to the present one").click()
    expect(versions.locator(".diff .come")).to_contain_text(["function(input)", "return input.servers[0].serverId"])
    versions.get_by_role("button", name="Go back to this version").click()
    expect(versions).to_have_count(0)
    assert client.document("functions", "keep-light")["source"] == FIRST
    expect(site.code).to_contain_text("weighing")
    site.quiet()


def test_fields_of_the_input_are_completed(site: Site) -> None:
    page = site.go("system/session-start/scripts/keep-light")
    site.write("function(input) {\n  return input.servers.filter((server) => server.")
    page.keyboard.type("stat")
    page.keyboard.press("Control+Space")
    option = page.locator(".cm-tooltip-autocomplete [role=option]", has_text="staticData")
    expect(option).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Discard changes").click()
    expect(page.get_by_role("button", name="Discard changes")).to_have_count(0)


def test_the_order_of_the_chain_is_set_by_keys_and_by_hand(site: Site, client: Client) -> None:
    page = site.go("system/session-start")
    executed = page.get_by_role("list", name="Scripts that will be executed")
    expect(executed.get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Add Keep light").click()
    executed.get_by_role("listitem").nth(2).press("Alt+ArrowUp")
    expect(executed.get_by_role("listitem").nth(1)).to_be_focused()
    site.save()
    until(
        lambda: client.document("chains", "start")["steps"]
        == ["user_selection", "function:keep-light", "fewest_sessions"],
        "the order is saved",
    )  # fmt: skip

    available = page.get_by_role("list", name="Available scripts")
    available.get_by_role("listitem").filter(has_text="Round Robin").drag_to(executed.get_by_role("listitem").first)
    expect(executed.get_by_role("listitem").first).to_contain_text("Round Robin")
    page.get_by_role("button", name="Source of Round Robin").click()
    source = page.get_by_role("dialog", name="Round Robin")
    expect(source.locator(".cm-content")).to_contain_text("lastPlaced")
    source.get_by_role("button", name="Copy to make my own").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("My Round Robin")
    page.get_by_role("button", name="Discard changes").click()
    site.go("system/session-start").get_by_role("button", name="Discard changes").click()
    expect(executed.get_by_role("listitem")).to_have_count(3)


def test_when_no_server_fits_the_page_says_which_came_nearest(site: Site, client: Client) -> None:
    before = client.document("functions", "keep-light")
    client.put_document("functions", "none", {"kind": "start-balance", "name": "None", "source": "() => []"})
    client.put_document("chains", "start", {"steps": ["function:none"]})
    page = site.go()
    page.get_by_label("New session").first.fill("true")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Why?").first.click()
    expect(page.get_by_text("Nearest miss")).to_contain_text("None")
    expect(page.get_by_role("region", name="Servers that were weighed")).to_contain_text(
        client.servers()[0]["serverId"]
    )
    client.put_document("chains", "start", {"steps": ["fewest_sessions"]})
    assert before["name"] == "Keep light"


def test_two_administrators_who_change_the_same_are_shown_both(site: Site, client: Client) -> None:
    client.put_document("forms", "both", {"name": "Both", "html": "<p>first</p>"})
    page = site.go("system/forms/form/both")
    page.get_by_label("Description").fill("mine")
    client.put_document("forms", "both", {"name": "Both", "html": "<p>theirs</p>"})
    site.save()
    conflict = page.get_by_role("dialog", name="Somebody else has saved first")
    expect(conflict.locator(".diff .gone")).to_contain_text(["theirs"])
    conflict.get_by_role("button", name="Save mine over it").click()
    expect(conflict).to_have_count(0)
    kept = client.document("forms", "both")
    assert (kept["description"], kept["html"]) == ("mine", "<p>first</p>")
    client.delete_document("forms", "both")


def test_what_is_in_use_is_named_before_it_is_deleted(site: Site, client: Client) -> None:
    client.put_document("forms", "asked", {"name": "Asked", "html": '<input name="a">'})
    client.put_document("bookmarks", "asks", {"name": "Asks", "command": "true", "forms": ["asked"]})
    page = site.go("system/forms/form/asked")
    for answer in ("Cancel", "Delete all the same"):
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("dialog", name="Delete Asked?").get_by_role("button", name="Delete").click()
        question = page.get_by_role("dialog", name="It is in use.")
        expect(question).to_contain_text("The form 'Asked' is used by the bookmark 'Asks'")
        question.get_by_role("button", name=answer).click()
        if answer == "Cancel":
            expect(page.get_by_role("alert")).to_contain_text("the bookmark 'Asks'")
    expect(page.get_by_label("Forms").get_by_role("link", name="Asked")).to_have_count(0)
    until(lambda: "asked" not in [form["id"] for form in client.documents("forms")], "it is gone")
    client.delete_document("bookmarks", "asks")
    site.quiet()


@pytest.mark.parametrize("what", ["preview", "start"])
def test_markup_that_means_harm_does_nothing(site: Site, client: Client, what: str) -> None:
    every = "\n".join(MARKUP.values())
    client.put_document("forms", "harm", {"name": '<img src=x onerror="window.harmed=1">', "html": every})
    client.put_document("bookmarks", "harm", {"name": "Harm", "command": "true", "forms": ["harm"]})
    if what == "preview":
        page = site.go("system/forms/form/harm")
        shown = page.get_by_role("region", name="Preview")
    else:
        page = site.go()
        page.get_by_role("button", name="Start Harm").click()
        shown = page.get_by_role("dialog", name="Harm")
    expect(shown.locator(".b-form")).to_contain_text("go")
    site.quiet()
    for tag in ("script", "iframe", "object", "svg", "style", "form", "[style]", "[onerror]", "[type=password]"):
        expect(shown.locator(f".b-form {tag}")).to_have_count(0)
    assert shown.locator(".b-form a[href]").count() == 0
    # nothing of it is taken for the page's own
    assert page.evaluate("document.querySelectorAll('#root').length") == 1
    if what == "start":
        shown.get_by_role("button", name="Cancel").click()
        expect(shown).to_have_count(0)
    site.quiet()


@pytest.mark.parametrize("name", MARKUP)
def test_each_piece_of_harmful_markup_by_itself_does_nothing(site: Site, name: str) -> None:
    page = site.page if "/form/new" in site.page.url else site.go("system/forms/form/new")
    editor = page.locator(".form-edit .cm-content").first
    editor.click()
    page.keyboard.press("Control+a")
    with page.expect_response(lambda answer: answer.url.endswith("/forms/preview")):
        page.keyboard.insert_text(f'{MARKUP[name]}<p class="seen">{name}</p>')
    site.quiet()


def test_an_honest_form_with_all_of_bootstrap_breaks_no_policy(site: Site, client: Client, bookmark: None) -> None:
    page = site.go("system/forms/form/time")
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_label("Hours")).to_have_value("2")
    preview.get_by_role("button", name="Check the answers").click()
    expect(preview.get_by_label("Answers as they are sent")).to_contain_text('"gpu": "false"')
    site.quiet()


def test_permissions_are_given_by_name_group_and_box(site: Site, client: Client) -> None:
    page = site.go("system/permissions")
    page.get_by_label("Login name").fill("guest")
    people = page.locator("section", has=page.get_by_role("heading", name="People"))
    people.get_by_label("Level to give").select_option("limited")
    people.get_by_role("button", name="Add").click()
    page.get_by_label("Group name").fill("support")
    groups = page.locator("section", has=page.get_by_role("heading", name="Linux groups"))
    groups.get_by_label("Level to give").select_option("manager")
    groups.get_by_role("button", name="Add").click()
    page.get_by_label("Managers may do to anybody’s: session/screenshot").check()
    page.get_by_label("Everybody else").select_option("full")
    site.save()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    kept = client.permissions()
    assert (kept["users"], kept["groups"]) == ({"guest": "limited"}, {"support": "manager"})
    assert "session/screenshot" in kept["boxes"]
    page.get_by_role("button", name="Remove guest").click()
    site.save()
    until(lambda: client.permissions()["users"] == {}, "nobody is named")


def test_a_profile_is_given_to_groups_and_kept_for_bookmarks(site: Site, client: Client) -> None:
    page = site.go("system/profiles/default")
    expect(page.get_by_text("it is everybody’s")).to_be_visible()
    expect(page.get_by_label("Linux groups")).to_have_count(0)
    page = site.go("system/profiles/new")
    page.get_by_label("Name", exact=True).fill("exam")
    page.get_by_label("Linux groups").fill("students")
    page.get_by_label("Linux groups").press("Enter")
    page.get_by_label("For bookmarks alone").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile("system/profiles/exam$"))
    kept = client.document("profiles", "exam")
    assert (kept["groups"], kept["hidden"]) == (["students"], True)
    assert "exam" not in [one["name"] for one in client.profiles()]
    page = site.go("system/bookmarks/new")
    page.get_by_label("Profile", exact=True).select_option("exam")
    page = site.go("system/profiles/exam")
    expect(page.get_by_label("When a viewer comes")).to_be_hidden()
    page.get_by_text("Scripts", exact=True).click()
    page.get_by_label("Before it ends").fill("x" * 4097)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("on_terminate: 4096 bytes at most").last).to_be_visible()
    page.get_by_label("Before it ends").fill("#!/bin/bash\ntidy-up")
    page.get_by_role("button", name="Save", exact=True).click()
    until(lambda: client.document("profiles", "exam")["onTerminate"] == "#!/bin/bash\ntidy-up", "it is saved")
    expect(site.go("system/profiles/exam").get_by_label("Before it ends")).to_be_visible()
    client.delete_document("profiles", "exam")
    site.quiet()


def test_a_launchers_options_are_set_and_it_is_tried_dry(site: Site, client: Client) -> None:
    page = site.go("system/launchers/pbs")
    row = page.get_by_role("row", name=re.compile("^time"))
    row.get_by_label("time: Set to").fill("soon")
    site.save()
    expect(row.get_by_role("alert")).to_contain_text("MINUTES, H:MM:SS or D-H:MM:SS")
    row.get_by_label("time: Set to").fill("2:00:00")
    row.get_by_label("time: At most").fill("8:00:00")
    page.get_by_label("queue: Set to").fill("interactive")
    page.get_by_label("account: People may choose").uncheck()
    page.get_by_label("Give sessions more time when their users ask").check()
    site.save()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_attribute("aria-disabled", "true")
    page.reload()
    expect(page.get_by_label("queue: Set to")).to_have_value("interactive")
    expect(page.get_by_label("account: People may choose")).not_to_be_checked()
    expect(page.get_by_label("Give sessions more time when their users ask")).to_be_checked()
    page.get_by_label("Command", exact=True).fill("xterm -T '$(id)'")
    page.get_by_role("button", name="Dry run").click()
    command, stdin = page.get_by_label("Command", exact=True).last, page.get_by_label("Standard input")
    expect(command).to_contain_text("qsub")
    expect(command).to_contain_text("interactive")
    expect(command).not_to_contain_text("$(id)")
    expect(stdin).to_contain_text("xterm -T '$(id)'")
    expect(stdin).to_contain_text("SIGNATURE")
    site.quiet()


def test_the_default_launcher_is_chosen_on_its_page(site: Site, client: Client) -> None:
    page = site.go("system/launchers/custom")
    expect(page.get_by_text("LAUNCHER_SCRIPT").first).to_be_visible()  # what it lacks
    page.get_by_role("button", name="Use by default").click()
    question = page.get_by_role("dialog", name="Use Custom by default, though it is not ready?")
    expect(question).to_contain_text("LAUNCHER_SCRIPT")
    question.get_by_role("button", name="Use it all the same").click()
    expect(page.get_by_role("link", name=re.compile("Custom"))).to_contain_text("default")
    site.go("system/launchers/direct").get_by_role("button", name="Use by default").click()
    expect(page.get_by_role("link", name=re.compile("Start Immediately"))).to_contain_text("default")


def test_what_a_file_says_is_shown_as_such_and_only_read(site: Site, client: Client, own_server: Server) -> None:
    path = own_server.config / "bookmarks.toml"
    path.write_text('[fromfile]\nname = "From a file"\ncommand = "true"\n')
    os.kill(own_server.pid, signal.SIGHUP)
    until(lambda: "fromfile" in [one["id"] for one in client.documents("bookmarks")], "it is read")
    page = site.go("system/bookmarks/fromfile")
    expect(page.get_by_text(str(path))).to_be_visible()
    expect(page.get_by_label("Command")).to_have_attribute("readonly", "")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


PAGES = (
    "", "system/session-start", "system/session-start/login", "system/session-start/scripts/keep-light",
    "system/schedule", "system/events/new-event", "system/metrics/new-metric", "system/forms", "system/forms/form/time",
    "system/forms/default", "system/bookmarks/simulation", "system/profiles/default", "system/permissions",
    "system/static-data", "system/launchers", "system/launchers/pbs",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_fits_a_narrow_window(site: Site, bookmark: None, path: str) -> None:
    page = site.go(path)
    expect(page.locator(".state [role=status], .spinner")).to_have_count(0)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(rule["id"], rule["nodes"][0]["target"]) for rule in found] == []
    page.set_viewport_size({"width": 360, "height": 740})
    try:
        # the layout follows the window a moment later
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        until(lambda: page.evaluate(fits), "the page fits")
    finally:
        page.set_viewport_size({"width": 1360, "height": 900})
    site.quiet()
