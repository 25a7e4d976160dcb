"""Administrators' functions in a living server: they decide about real starts, and hostile ones harm nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portcall.client.api import Client
from portcall.errors import FunctionInvalid, FunctionThrew, InvalidValue, LoginFailed, NoServerFits, PortcallError
from portcall.model.function import find
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person
from tests.features.server import Server
from tests.features.waiting import until
from tests.functions.hostile import ALL

pytestmark = pytest.mark.root
STAYS = "exec tail -f /dev/null"
HUNG = 20.0  # seconds; a function has one at most, on a machine that is not busy
HONEST = "function(input) { return input.servers[0].serverId; }"


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str, new_person: MakePerson) -> Server:
    return new_server(pam_service=pam, login_methods="pam", login_failures=1000)


@pytest.fixture(scope="module")
def person(new_person: MakePerson, server: Server) -> Person:
    person = new_person()
    server.administered_by(person.name)
    return person


@pytest.fixture(scope="module")
def other(new_person: MakePerson) -> Person:
    """Somebody with no powers."""
    return new_person()


@pytest.fixture
def admin(server: Server, person: Person) -> Iterator[Client]:
    """Nothing that it writes outlives the test."""
    with person.login(server) as client:
        yield client
        for kind in ("chains", "functions", "bookmarks", "forms"):
            for row in client.documents(kind, everything=True):
                client.delete_document(kind, str(row["id"]), force=True)
        for session in client.sessions():
            client.purge(session.id)
        person.clean("the test is over")


def function(client: Client, kind: str, source: str, name: str = "it", **members: Any) -> None:
    client.put_document("functions", name, {"kind": kind, "name": name, "source": source, **members})


def steps(client: Client, session_id: str) -> dict[str, dict[str, Any]]:
    return {step["step"]: step for step in client.trace(session_id)["steps"]}


def test_a_start_event_changes_the_command_and_the_trace_says_so(admin: Client) -> None:
    function(admin, "start-event", "function(input) { return { data: { command: 'exec sleep 1000' } }; }")
    session = admin.start(StartRequest(STAYS))["result"]
    assert session["command"] == "exec sleep 1000"
    assert steps(admin, session["id"])["start event"]["detail"] == "command"


def test_a_start_event_refuses_with_its_own_words_and_nothing_is_started(admin: Client, person: Person) -> None:
    function(admin, "start-event", "function(input) { throw 'No more for ' + input.login.sub; }")
    with pytest.raises(FunctionThrew, match=f"No more for {person.name}"):
        admin.start(StartRequest(STAYS))
    assert not admin.sessions()
    assert admin.traces()[0]["outcome"] == "refused"


def test_exactly_one_of_the_two_events_is_asked(admin: Client) -> None:
    function(admin, "schedule", "function(input) { return input.start.params.job ? 'echo queued' : ''; }", "schedule")
    function(admin, "start-event", "function(input) { return { data: { name: 'at once' } }; }", "start")
    function(admin, "schedule-event", "function(input) { return { data: { name: 'scheduled' } }; }", "later")
    assert admin.start(StartRequest(STAYS))["result"]["name"] == "at once"
    answer = admin.start(StartRequest(STAYS, params={"job": "1"}))
    assert (answer["stage"], answer["text"], answer["result"]["name"]) == ("scheduled", "queued", "scheduled")


def test_a_scheduled_command_gets_its_values_as_single_arguments(admin: Client) -> None:
    name = "a 'b' \"c\" $(id) ; x"
    function(admin, "schedule", "function(input) { return \"printf '[%s]' ${ start.command } ${ start.name }\"; }")
    answer = admin.start(StartRequest("xterm -ls", name=name))
    assert answer["text"] == f"[xterm -ls][{name}]"


def test_three_forms_and_a_server_list_are_asked_one_after_another_and_start_once(admin: Client) -> None:
    for number, html in enumerate((
        '<input name="text" required>', '<input name="number" data-type="number" required>',
        '<select name="choice"><option value="1">one</option><option value="2">two</option></select>',
    ), 1):  # fmt: skip
        admin.put_document("forms", f"f{number}", {"name": f"Form {number}", "html": html})
    admin.put_document("bookmarks", "b", {"name": "B", "command": STAYS, "forms": ["f1", "f2", "f3"]})
    function(admin, "form-filter", "function(input) { return input.forms[0] || 'SERVERLIST'; }")
    server_id = admin.servers()[0]["serverId"]
    given = {"f1": {"text": "x"}, "f2": {"number": "2.5"}, "f3": {"choice": "2"}, "SERVERLIST": {"serverId": server_id}}
    request = StartRequest("", bookmark_id="b", key="once")
    asked: list[str] = []
    while "stage" in (answer := admin.start(request)):
        form = answer["form"]["id"]
        asked.append(form)
        params = {**request.params, **given[form]}
        request = StartRequest("", params=params, bookmark_id="b", key="once", answered=[*request.answered, form])
    assert asked == ["f1", "f2", "f3", "SERVERLIST"]
    assert len(admin.sessions()) == 1
    params = answer["result"]["params"]
    assert (params["text"], params["number"], params["choice"], params["serverId"]) == ("x", 2.5, "2", server_id)
    with pytest.raises(InvalidValue, match="number"):
        admin.start(StartRequest("", params={"text": "x", "number": "many"}, bookmark_id="b"))


def test_a_chain_that_leaves_no_server_says_which_rule_dropped_it(admin: Client) -> None:
    function(admin, "start-balance", "function(input) { return input.servers.filter(s => s.staticData.gpu); }", "gpu")
    admin.put_document("chains", "start", {"steps": ["function:gpu", "fewest_sessions"]})
    with pytest.raises(NoServerFits, match="gpu") as refused:
        admin.start(StartRequest(STAYS))
    assert refused.value.extra["servers"][0]["kept"] is False
    server_id = admin.servers()[0]["serverId"]
    admin.put_document("static-data", server_id, {"data": {"gpu": True}})
    until(lambda: admin.servers()[0]["staticData"] == {"gpu": True}, "the static data is in the record")
    assert admin.start(StartRequest(STAYS))["result"]["serverId"] == server_id
    admin.delete_document("static-data", server_id)


def test_an_event_function_refuses_an_end_and_everybody_can_read_why(admin: Client) -> None:
    function(admin, "event", "function(input) { throw 'Not before noon'; }", on=["session/terminate"])
    session = admin.start(StartRequest(STAYS))["result"]
    with pytest.raises(FunctionThrew, match="Not before noon"):
        admin.terminate(session["id"])
    assert admin.session(session["id"]).state == "running"


def test_every_action_that_the_table_names_is_asked_about(admin: Client) -> None:
    session = admin.start(StartRequest(STAYS))["result"]["id"]
    function(admin, "event", "function(input) { throw 'no ' + input.action; }")
    acts: dict[str, Callable[[str], object]] = {
        "session/connect": admin.connect, "session/disconnect": admin.suspend, "session/log": admin.log,
        "session/params": lambda one: admin.change(one, params={"a": "b"}), "session/purge": admin.purge,
        "session/screenshot": admin.screenshot, "session/terminate": admin.terminate,
    }  # fmt: skip
    for action, act in acts.items():
        with pytest.raises(FunctionThrew, match=f"^no {action}$"):
            act(session)
        assert admin.audit(1)[0]["action"] == action
    assert set(acts) == set(find("event").actions)
    assert admin.session(session).state == "running"
    started = admin.start(StartRequest(STAYS), connect=True)
    assert started["result"]["state"] == "running"
    assert "connect" not in started  # no other way in


def test_a_login_function_refuses_a_login_with_its_own_words(admin: Client, server: Server, new_person: Any) -> None:
    other = new_person()
    source = f"function(input) {{ if (input.user.login === '{other.name}') throw 'Come on Monday'; }}"
    function(admin, "login-balance", source, "monday")
    admin.put_document("chains", "login", {"steps": ["function:monday", "fewest_sessions"]})
    with pytest.raises(FunctionThrew, match="Come on Monday"):
        other.login(server)
    with pytest.raises(LoginFailed) as guess:  # who only knows the name learns nothing of it
        server.login(other.name, "wrong")
    assert "Monday" not in str(guess.value.problem())
    new_person().login(server).close()  # somebody else gets in all the same


@pytest.mark.parametrize(
    "source",
    [
        "function(input) { throw 'Nobody today'; }",
        "function(input) { return input.user.nothing.there; }",
        "function(input) { for (;;); }",
        "function(input) { return 42; }",
        "function(input) { return 'nowhere'; }",
        "function(input) { return []; }",
    ],
)
def test_a_login_chain_that_lets_nobody_in_lets_administrators_in(
    admin: Client, server: Server, person: Person, other: Person, source: str
) -> None:
    function(admin, "login-balance", source, "nobody")
    admin.put_document("chains", "login", {"steps": ["function:nobody"]})
    with pytest.raises(PortcallError) as refused:
        other.login(server)
    assert refused.value.code in ("function-threw", "function-failed", "no-server-fits")
    with person.login(server) as again:
        assert again.whoami()["level"] == "admin"


def test_code_that_cannot_be_read_is_refused_on_save_with_line_and_column(admin: Client) -> None:
    with pytest.raises(PortcallError) as refused:
        function(admin, "schedule", "function(input) {\n  return “bsub”;\n}")
    assert refused.value.code == "function-invalid"
    assert (refused.value.extra["line"], refused.value.extra["column"]) == (2, 10)


def _outcome(client: Client, name: str) -> str:
    try:
        client.start(StartRequest("true", name=name), wait=False)
    except PortcallError as error:
        return error.code
    return "started"


@pytest.mark.timeout(480)
def test_no_hostile_function_hangs_or_harms_the_server(admin: Client) -> None:
    """Each is the balancing function of a real start; the server answers meanwhile, and honest ones work after it."""
    admin.put_document("functions", "hostile", {"kind": "start-balance", "name": "hostile", "source": HONEST})
    admin.put_document("chains", "start", {"steps": ["function:hostile", "fewest_sessions"]})
    for name, _, text in ALL:
        try:
            admin.put_document("functions", "hostile", {"kind": "start-balance", "name": "hostile", "source": text})
        except FunctionInvalid:
            continue  # it did not even get in
        began = time.monotonic()
        said = _outcome(admin, name)
        assert said in ("started", "function-failed", "function-threw", "no-server-fits", "start-failed"), name
        assert time.monotonic() - began < HUNG, name
        asked = time.monotonic()
        assert admin.server()["name"] == "Portcall"
        assert time.monotonic() - asked < HUNG, name
    admin.put_document("functions", "hostile", {"kind": "start-balance", "name": "hostile", "source": HONEST})
    assert admin.start(StartRequest(STAYS))["result"]["state"] == "running"
