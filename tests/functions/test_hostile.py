"""What a function may not do: hang, eat memory, reach out, change what others are given."""

# ruff: noqa: E501 - one script, one line

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from portcall.errors import FunctionFailed, FunctionsBusy, FunctionThrew
from portcall.functions._js.nursery import Nursery
from portcall.functions.base import Call, Source
from portcall.functions.javascript import JavaScript
from portcall.model.function import Limits, find
from portcall.model.roster import Roster
from tests.functions.conftest import Run
from tests.functions.hostile import ALL

BALANCE = find("start-balance")
HONEST = "function(input) { return input.servers.length; }"


async def end(call: Awaitable[Any]) -> str:
    """What a call ended in."""
    try:
        await call
    except FunctionThrew:
        return "threw"
    except FunctionFailed as error:
        return str(error.extra["cause"])
    return "value"


@pytest.mark.parametrize(("ends", "text"), [pytest.param(ends, text, id=name) for name, ends, text in ALL])
async def test_a_hostile_function_ends_in_time_and_the_next_one_works(
    javascript: JavaScript, run: Run, roster: Roster, ends: str, text: str
) -> None:
    assert await run(HONEST, roster=roster) == 3
    assert await end(run(text, roster=roster)) in ends.split()
    assert await run(HONEST, roster=roster) == 3
    assert len(javascript.trial.workers) + len(javascript.steady.workers) <= 3


def about(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in about(pid, "status")


LEAKS = [
    "Object.prototype.leak = 1", "Array.prototype.leak = 1", "globalThis.leak = 1", "this.leak = 1", "leak = 1",
    "JSON.parse = () => 'leak'", "JSON.stringify = () => '\"leak\"'", "Array.prototype.sort = () => ['leak']",
    "Math.random = () => 'leak'", "Promise.prototype.then = () => 'leak'", "Array = 1", "Object.keys = () => ['leak']",
    "delete Array.prototype.filter", "Object.setPrototypeOf(Array.prototype, { leak: 1 })", "(async () => {}).__proto__.leak = 1",
    "Object.getPrototypeOf(function* () {}).prototype.leak = 1", "[].values().__proto__.next = () => ({ done: true })",
    "Function.prototype.leak = 1", "Error.prototype.leak = 1", "Error.prepareStackTrace = () => 'leak'", "console.leak = 1",
    "Symbol.leak = 1", "String.prototype.includes = () => true", "new Map().entries().__proto__.leak = 1",
    "Object.defineProperty(Object.prototype, 'leak', { value: 1 })", "RegExp.prototype.exec = () => null",
]  # fmt: skip
LOOK = """function(input) {
  const own = { leak: typeof leak, object: ({}).leak, array: [].leak, json: JSON.parse('{"a":[1]}').a[0],
    sorted: [3, 1, 2].sort().join(), filtered: [1, 2].filter(x => x > 1).length, keys: Object.keys({ a: 1 }).join(),
    random: typeof Math.random(), console: console.leak, error: new Error('x').leak, called: (() => 1).leak,
    listed: [...[1, 2].values()].length, found: 'abc'.includes('z'), matched: /a/.exec('a') !== null,
    generated: (function* () {})().leak, text: JSON.stringify({ a: 1 }) };
  return own;
}"""


@pytest.mark.parametrize("leak", LEAKS)
async def test_nothing_of_a_function_reaches_the_next(run: Run, leak: str) -> None:
    before = await run(LOOK, "schedule")
    for text in (f"function() {{ {leak}; return ''; }}", f"function() {{ 'use strict'; {leak}; return ''; }}"):
        with contextlib.suppress(FunctionThrew):
            await run(text, "schedule")
        assert await run(LOOK, "schedule") == before
    assert before["leak"] == "undefined"
    assert before["text"] == '{"a":1}'


WRITES = [
    "input.servers[0].sessions = 99", "input.servers[0].fresh = 99", "input.servers[0].staticData.gpu = 99",
    "Object.assign(input.servers[0], { sessions: 99 })", "input.servers[0].loadavg.push(99)", "delete input.servers[0].sessions",
    "input.servers[0].sessions++", "input.servers.forEach(async s => { s.sessions = 99; })",
    "[input.servers[0].sessions] = [99]", "({ a: input.servers[0].sessions } = { a: 99 })", "input.servers.length = 1",
    "input.servers.sort((a, b) => a.sessions - b.sessions)", "input.servers.reverse(); input.servers.pop()",
    "input.servers[0].loggedInUsers.sort(); input.servers[0].urls.reverse()", "input.servers[0]['sessi' + 'ons'] = 99",
    "const { urls } = input.servers[0]; urls.push('99')", "const list = input.servers.map(s => s.urls); list[0].push('99')",
    "for (input.servers[0].sessions of [99]);", "Reflect.set(input.servers[0], 'sessions', 99)",
    "const m = 'push'; input.servers[0].urls[m]('99')", "Array.prototype.push.call(input.servers[0].urls, '99')",
    "const s = Object.create(input.servers[0]); s.__proto__.sessions = 99", "eval('input.servers[0].sessions = 99')",
    "let best = { s: input.servers[0] }; best.s.sessions = 99", "with (input.servers[0]) { sessions = 99 }",
    "input.servers[0].__defineGetter__('sessions', () => 99)", "(s => { s.sessions -= 99 })(input.servers[0])",
    "let u = []; u = input.servers[0].urls; u.push('99')", "input.servers[0].loadavg.fill(99)",
    "Object.defineProperty(input.servers[0], 'sessions', { value: 99 })", "input.servers[0].staticData = null",
    "new Function('s', 's.sessions = 99')(input.servers[0])", "input.servers.map(s => s.loadavg)[0].splice(0, 1)",
    "const f = [].push; f.apply(input.servers[0].urls, ['99'])", "input.servers.splice(0, 2); input.servers.unshift(1)",
    "let [s] = input.servers; s.sessions = 99", "input.servers[0].sessions ||= 99; input.servers[0].sessions &&= 99",
]  # fmt: skip
ALL_SERVERS = "function(input) { return JSON.stringify(input.servers); }"


@pytest.mark.parametrize("write", WRITES)
async def test_a_function_that_writes_to_its_input_has_a_copy_of_its_own(run: Run, roster: Roster, write: str) -> None:
    before = await run(ALL_SERVERS, "schedule", roster)
    await run(f"function(input) {{ {write}; return ''; }}", "schedule", roster)
    assert await run(ALL_SERVERS, "schedule", roster) == before


async def test_a_function_that_changes_servers_hands_the_changed_ones_on(run: Run, roster: Roster) -> None:
    changed = await run("i => { i.servers[1].score = 7; return i.servers; }", roster=roster)
    assert [type(item) for item in changed] == [int, dict, int]
    assert await run("i => i.servers.map(s => s.score ?? '-').join()", roster=roster, servers=changed) == "-,7,-"


async def test_servers_that_were_picked_are_those_that_the_next_function_is_given(run: Run, roster: Roster) -> None:
    picked = await run("i => i.servers.filter(s => s.sessions > 1).reverse()", roster=roster)
    assert list(picked) == [2, 0]
    names = "i => i.servers.map(s => s.serverId).join()"
    assert await run(names, roster=roster, servers=picked) == "node3,node1"
    picked.held = 0  # as if another worker had it
    assert await run(names, roster=roster, servers=picked) == "node3,node1"


async def test_a_worker_is_told_what_changed_before_it_is_asked(run: Run, roster: Roster) -> None:
    total = "i => i.servers.map(s => s.serverId + '=' + s.sessions).join()"
    assert await run(total, roster=roster) == "node1=4,node2=1,node3=7"
    roster.put({**roster.document(0), "sessions": 40})
    roster.remove("node2")
    roster.put({"serverId": "node4", "sessions": 0})
    assert await run(total, roster=roster) == "node1=40,node3=7,node4=0"


async def test_the_seed_decides_about_chance(run: Run) -> None:
    text = "function() { return [Math.random(), Math.random()].join(); }"
    assert await run(text, seed=7) == await run(text, seed=7) != await run(text, seed=8)


async def test_a_thrown_message_reaches_the_user_as_it_is(run: Run) -> None:
    for thrown in ("'All GPU servers are in use'", "new Error('All GPU servers are in use')"):
        with pytest.raises(FunctionThrew) as caught:
            await run(f"function(input) {{\n  console.log('looked', input.isAdmin, {{a: 1}});\n  throw {thrown};\n}}")
        assert str(caught.value) == "All GPU servers are in use"
        assert caught.value.extra["line"] == 3
        assert caught.value.extra["log"] == 'looked false {"a":1}'


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("function(input) {\n  return input.nothing.at.all;\n}", "TypeError: cannot read property 'at' of undefined", 2, 24),
        ("async function(input) {\n  await 0;\n  return nothing;\n}", "ReferenceError: nothing is not defined", 3, 10),
        ("function(input) { return null.x }", "TypeError: cannot read property 'x' of null", 1, 31),
        ("function(input) {\n  const go = () => {\n    throw new RangeError('deep');\n  };\n  go();\n}", "RangeError: deep", 3, 15),
        ("function() { throw { code: 3, why: 'because' }; }", '{"code":3,"why":"because"}', 1, 14),
        ("function() { const e = new Error('no'); e.name = 'Busy'; throw e; }", "no", 1, 28),
        ("function() {\n  throw null; }", "null", 2, 3),
        ("async () => { return Promise.reject('nope'); }", "nope", None, None),
    ],
)  # fmt: skip
async def test_an_error_says_where(run: Run, text: str, message: str, line: int | None, column: int | None) -> None:
    with pytest.raises(FunctionThrew) as caught:
        await run(text)
    assert str(caught.value) == message
    found = caught.value.extra.get("line"), caught.value.extra.get("column")
    assert found[0] == line
    assert found[1] == column
    assert "__host" not in str(caught.value.extra.get("stack"))


async def test_a_metric_runs_commands_and_no_other_does(run: Run) -> None:
    text = "async function() { const {code, stdout, stderr} = await exec(['sh', '-c', 'cat; echo b >&2; exit 3'], {input: 'a'});" \
           " return [code, stdout, stderr].join(); }"  # fmt: skip
    assert await run(text, "metric") == "3,a,b\n"
    both = "async () => (await Promise.all([exec(['echo', '1']), exec('echo 2')])).map(r => r.stdout.trim()).join()"
    assert await run(both, "metric") == "1,2"
    caught = "async () => { try { await exec(['/no/such/program']) } catch (e) { return 'caught: ' + e.message } }"
    assert (await run(caught, "metric")).startswith("caught: ")
    with pytest.raises(FunctionThrew, match="only metrics may run commands"):
        await run(text)


async def test_a_metric_that_waits_too_long_is_stopped_with_its_command(javascript: JavaScript, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    text = f"async () => exec(['sh', '-c', 'echo $$ > {noted}; sleep 60'])"
    with pytest.raises(FunctionThrew, match=r"took longer than 0\.45 seconds"):
        await javascript.run(Source("f", text), Call(find("metric"), {}, limits=Limits(wall=0.5)))
    assert gone(int(noted.read_text()))


async def test_honest_calls_go_on_beside_one_that_loops(javascript: JavaScript, run: Run) -> None:
    await run(HONEST, servers=None)
    looping = asyncio.ensure_future(run("function() { for (;;); }"))
    for _ in range(20):
        await run(HONEST)
    assert not looping.done()
    with pytest.raises(FunctionFailed):
        await looping


async def test_too_many_calls_at_once_are_refused_not_kept(javascript: JavaScript) -> None:
    source = Source("f", "function() { for (;;); }")
    calls = [javascript.run(source, Call(BALANCE, {}, limits=Limits(cpu=0.01, wall=0.1))) for _ in range(300)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in found} == {FunctionFailed, FunctionsBusy}


async def test_a_call_that_is_given_up_leaves_no_worker_behind(javascript: JavaScript, run: Run) -> None:
    call = asyncio.ensure_future(run("function() { for (;;); }"))
    worker = await javascript.trial.take()  # it waits in the queue until this one is given back
    javascript.trial.give(worker)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await run(HONEST) == 3


async def test_a_worker_that_is_killed_is_replaced(javascript: JavaScript, run: Run) -> None:
    await run(HONEST)
    await run(HONEST)
    for worker in javascript.steady.workers | javascript.trial.workers:
        os.kill(worker.pid, signal.SIGKILL)
    answers = await asyncio.gather(*(run(HONEST) for _ in range(5)), return_exceptions=True)
    assert 3 in answers
    assert await run(HONEST) == 3


async def test_a_worker_is_locked_in() -> None:
    nursery = Nursery()
    worker = await nursery.worker(0, set())
    lines = about(worker.pid, "status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert status["Seccomp"] == "2"
    assert status["NoNewPrivs"] == "1"
    if os.geteuid() == 0:
        assert set(status["Uid"].split()) == {"65534"}
        assert status["CapEff"].strip("0") == ""
    descriptors = len(os.listdir(f"/proc/{worker.pid}/fd")) if os.geteuid() == 0 else 4
    assert descriptors == 4  # the socket, and nothing thrice
    await worker.stop()
    await nursery.close()
    assert gone(worker.pid)


ENGINE = """
import asyncio
from portcall.functions.base import Call, Source
from portcall.functions.javascript import JavaScript
from portcall.model.function import find

async def main():
    engine = JavaScript()
    loops = Source("f", "function() { for (;;); }")
    works = Source("g", "function() { return 1; }")
    for source in (works, works):
        await engine.run(source, Call(find("schedule"), {}))
    known = engine.steady.all() | engine.trial.all()
    print(engine.nursery.pid, *(worker.pid for worker in known), flush=True)
    while True:
        await asyncio.gather(engine.run(loops, Call(find("schedule"), {})), return_exceptions=True)

asyncio.run(main())
"""


def test_workers_end_with_the_server_however_it_ends() -> None:
    server = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pids = [int(word) for word in server.stdout.readline().split()]
    assert len(pids) >= 3
    pidfds = [os.pidfd_open(pid) for pid in pids]
    server.kill()
    server.wait()
    server.stdout.close()
    for pidfd in pidfds:
        assert select.select([pidfd], [], [], 60)[0]
        os.close(pidfd)


async def test_workers_come_again_when_what_starts_them_was_killed(javascript: JavaScript, run: Run) -> None:
    assert await run(HONEST) == 3
    os.kill(javascript.nursery.pid, signal.SIGKILL)
    for _ in range(3):  # the kernel takes their workers with it, which a call may notice
        with contextlib.suppress(FunctionFailed):
            await run(HONEST)
    assert await run(HONEST) == 3


async def test_time_is_measured_by_the_wall_too(javascript: JavaScript) -> None:
    began = time.monotonic()
    with pytest.raises(FunctionFailed):
        await javascript.run(
            Source("f", "function() { const t = '[' + '1,'.repeat(2e6) + '1]'; for (;;) JSON.parse(t); }"),
            Call(BALANCE, {}, limits=Limits(cpu=60.0, wall=0.3)),
        )
    assert time.monotonic() - began < 20
