"""The functions and examples of the clustering guide and of "Starting Sessions", verbatim, as they are pasted."""

from __future__ import annotations

import pytest

from portcall.errors import FunctionInvalid
from portcall.functions.base import Source
from portcall.functions.javascript import JavaScript
from portcall.model.function import (
    Chosen,
    Continue,
    ShowForm,
    ShowServerList,
    Template,
    find,
    read_result,
)
from portcall.model.roster import Roster
from tests.functions.conftest import Run

# the clustering guide, "The Load Balancing Function"; blanks at the line's end as they come out of the PDF
LOCAL = """function(input) {  
    return input.local.serverId;  
}"""  # noqa: W291

# the clustering guide, "A Job Scheduling Example"
BSUB = """function(input) {
  return "bsub \\
    /usr/lib/fastx/3/scripts/start \\
    --command ${ start.command } --name ${ start.name } \\
    > /dev/null; \\
    echo Your Job Has Been Scheduled"
}"""

# "Starting Sessions", Form Filter Function: with the curly quotes of the page, in comments
FORM_FILTER = """async function(input) {
  // input.data — input sent from the api call
  // input.user — user login object
  // input.isAdmin — is the user an admin
  // input.isManager — is the user a manager
  // input.userGroups — Linux User Groups of the user
  // input.forms — array of form object

  //return a falsy value to continue
  //return a form object to pop up a form
  //return the string ‘SERVERLIST’ to allow the user to choose from the available servers (dynamically generated form from the serverList function)
  return;
}"""  # noqa: E501

SERVER_LIST = """async function(input) {
  // input.data — input sent from the api call
  // input.user — user login object
  // input.servers — array of server objects
  // input.isAdmin — is the user an admin
  // input.isManager — is the user a manager
  // input.userGroups — Linux User Groups of the user

  //return a filtered list of servers for the user specified by username, or none to disable server selection
  return;
}"""


async def test_the_load_balancing_example_chooses_the_local_server(run: Run) -> None:
    kind = find("start-balance")
    assert read_result(kind, await run(LOCAL)) == Chosen("node1")
    assert await run(LOCAL, local={"serverId": "gateway"}) == "gateway"


async def test_the_job_scheduling_example_returns_its_template_with_the_variables_in_it(run: Run) -> None:
    value = await run(BSUB, "schedule")
    assert value == (
        "bsub     /usr/lib/fastx/3/scripts/start     --command ${ start.command } --name ${ start.name }     "
        "> /dev/null;     echo Your Job Has Been Scheduled"
    )
    assert read_result(find("schedule"), value) == Template(value)


async def test_the_form_filter_of_the_guide_shows_no_form(run: Run) -> None:
    assert read_result(find("form-filter"), await run(FORM_FILTER, "form-filter")) == Continue()


async def test_the_server_list_of_the_guide_makes_no_form(run: Run, roster: Roster) -> None:
    assert read_result(find("server-list"), await run(SERVER_LIST, "server-list", roster)) == Continue()


async def test_the_filter_may_ask_for_the_server_list_or_a_form(run: Run) -> None:
    kind = find("form-filter")
    wanted = FORM_FILTER.replace("return;\n", "return 'SERVERLIST';\n")
    assert read_result(kind, await run(wanted, "form-filter")) == ShowServerList()
    first = FORM_FILTER.replace("return;\n", "return input.forms[0];\n")
    outcome = read_result(kind, await run(first, "form-filter"))
    assert isinstance(outcome, ShowForm)
    assert outcome.form["name"] == "Memory"


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        (FORM_FILTER.replace("return;\n", "return ‘SERVERLIST’;\n"), 12, 10, "curly quote ‘"),
        ("function(input) {\n  throw “All GPU servers are in use”;\n}", 2, 9, "curly quote “"),
        ("function(input) {\n  return { “stage”: 1 };\n}", 2, 12, "curly quote “"),
        ("function(input) {\n  return –1;\n}", 2, 10, "dash –"),
        ("function(input) {\n  let a = 1 1;\n}", 2, 13, ""),
        ("function(input) {\n  return 1;\n", 3, 1, "not complete"),
        ("function(input) {\n  if (input.isAdmin { return 1; }\n}", 2, 21, ""),
        ("function(input) { return 'a\n}", 1, 26, ""),
        ("function(input) { return 1; }\nfunction(input) { return 2; }", 2, 1, ""),
        ("return input.local.serverId;", 1, 1, "wrap it"),
        ("function* (input) { yield 1; }", 1, 1, "generator"),
        ("class Balance {}", 1, 1, "class"),
        ("", 1, 1, "no function"),
    ],
)
async def test_a_slip_is_told_on_save_with_line_and_column(
    javascript: JavaScript, text: str, line: int, column: int, said: str
) -> None:
    with pytest.raises(FunctionInvalid) as caught:
        await javascript.check(Source("my function", text), find("start-balance"))
    assert (caught.value.extra["line"], caught.value.extra["column"]) == (line, column), str(caught.value)
    assert f"my function, line {line}, column {column}: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "function(input) { return input.local.serverId; }",
        "async function(input) { return input.local.serverId; }",
        "input => input.local.serverId",
        "async input => input.local.serverId",
        "(input) => { return input.local.serverId }",
        "function balance(input) { return input.local.serverId; };\n\n",
        "\ufefffunction(input) {\r\n  return input.local.serverId;\r\n}\r\n",
        "// which server\nfunction(input) { /* the local one */ return input.local.serverId; } // done",
        "async ({local: {serverId}}) => { await 0; return serverId; }",
        "(() => { const name = 'serverId'; return function(input) { return input.local[name]; }; })()",
        "function(input) { for (i = 0; i < 3; i++) last = input.local.serverId; return last; }",
        "function(input) { return new Promise(resolve => resolve(input.local.serverId)); }",
    ],
)
async def test_every_way_to_write_a_function_works(javascript: JavaScript, run: Run, text: str) -> None:
    await javascript.check(Source("f", text), find("start-balance"))
    assert await run(text) == "node1"
