"""Functions that mean harm or are broken: name, what it must end in, source. Shared with the benchmark.

What it must end in: the ``cause`` of FunctionFailed, of which any may come where the script is a race between two limits;
``threw``; or ``value``, where it fails to do harm and returns.
"""

# ruff: noqa: E501 - one script, one line

from __future__ import annotations

LOOPS = [
    ("while true", "time", "function() { while (true); }"),
    ("catch and go on", "time", "function() { for (;;) { try { for (;;); } catch (e) { } finally { continue; } } }"),
    ("endless microtasks", "time", "async function() { for (;;) await 0; }"),
    ("microtasks that breed", "time", "function() { const f = () => { queueMicrotask(f); queueMicrotask(f); }; f(); "
     "return new Promise(() => {}); }"),
    ("endless promises behind a value", "value time", "function() { const f = () => Promise.resolve().then(f); f(); return 'node1'; }"),
    ("loop after await", "time", "async function() { await null; while (true); }"),
    ("catastrophic regular expression", "time", "function() { return /^(a+)+$/.test('a'.repeat(40) + 'b'); }"),
    ("slow fill", "time memory", "function() { const b = new Uint8Array(32e6); for (;;) b.fill(1); }"),
    ("slow JSON", "time memory", "function() { const t = '[' + '1,'.repeat(2e6) + '1]'; for (;;) JSON.parse(t); }"),
    ("slow sort", "time memory", "function() { const a = Array.from({length: 1e6}, (_, i) => i * 7919 % 1e6); for (;;) a.sort(); }"),
    ("loop in a getter of the result", "time", "function() { return { get serverId() { for (;;); } }; }"),
    ("loop in toJSON", "time", "function() { return { toJSON() { for (;;); } }; }"),
    ("loop in then", "time", "function() { return { then() { for (;;); } }; }"),
    ("endless iterator", "time memory", "function() { return [...{ *[Symbol.iterator]() { for (;;) yield 1; } }]; }"),
]  # fmt: skip
BOMBS = [
    ("doubling string", "memory threw time", "function() { let s = 'x'; for (;;) s += s; }"),
    ("array without end", "memory time", "function() { const a = []; for (;;) a.push([1, 2, 3]); }"),
    ("array buffers", "memory time threw", "function() { const a = []; for (;;) a.push(new ArrayBuffer(1e7)); }"),
    ("huge array", "memory threw time", "function() { return new Array(2 ** 32 - 1).fill(0); }"),
    ("huge repeat", "memory threw", "function() { return 'x'.repeat(2 ** 30 - 1); }"),
    ("objects without end", "memory time", "function() { let o = null; for (;;) o = { o }; }"),
    ("a log without end", "time", "function() { for (;;) console.log('x'.repeat(1000)); }"),
    ("huge result", "result memory", "function() { return 'x'.repeat(5e6); }"),
    ("huge error", "threw memory time", "function() { throw new Error('x'.repeat(5e6)); }"),
]
RECURSION = [
    ("plain recursion", "threw", "function() { const f = () => f() + 1; return f(); }"),
    (
        "recursion through toString",
        "threw",
        "function() { const o = { toString() { return '' + o; } }; return '' + o; }",
    ),
    (
        "deep JSON",
        "threw result",
        "function() { let s = '[]'; for (let i = 0; i < 16; i++) s = s.replaceAll('[]', '[[]]'); "
        "return JSON.parse('['.repeat(2e5) + ']'.repeat(2e5)); }",
    ),
    ("deep result", "result threw", "function() { let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; return o; }"),
    ("recursive proxy", "threw", "function() { const p = new Proxy({}, { get: (t, k) => p[k] }); return p.x; }"),
    ("deep regular expression", "threw", "function() { return new RegExp('('.repeat(1e5) + ')'.repeat(1e5)); }"),
]
WAITING = [
    ("a promise that never settles", "unsettled", "function() { return new Promise(() => {}); }"),
    ("waits for such a one", "unsettled", "async function() { await new Promise(() => {}); return 1; }"),
    ("Atomics.wait", "threw", "function() { Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0); }"),
]
REACHING = [
    ("Node.js", "threw", "function() { return process.exit(1); }"),
    ("modules", "threw", "function() { return require('child_process').execSync('id'); }"),
    ("import()", "threw", "async function() { return (await import('fs')).readFileSync('/etc/passwd'); }"),
    (
        "import of the engine's own",
        "threw",
        "async function() { return (await import('std')).open('/etc/passwd', 'r'); }",
    ),
    (
        "constructor of a constructor",
        "threw",
        "function() { return this.constructor.constructor('return process')(); }",
    ),
    ("exec without being a metric", "threw", "async function() { return (await exec(['id'])).stdout; }"),
    ("no result at all: a function", "result", "function() { return () => 1; }"),
    ("no result at all: a symbol", "result", "function() { return Symbol('x'); }"),
    ("a result that goes in circles", "result", "function() { const o = {}; o.o = o; return o; }"),
    ("a generator", "result", "function* () { yield 1; }"),
    ("a big number", "result", "function() { return 10n; }"),
    ("throws nothing", "threw", "function() { throw undefined; }"),
    (
        "throws what cannot be shown",
        "threw",
        "function() { throw { get message() { throw 1; }, toString() { throw 2; } }; }",
    ),
    ("lone surrogates and NUL", "value", "function() { return 'node\\ud800\\u0000' + '1'.repeat(3); }"),
]
ALL = LOOPS + BOMBS + RECURSION + WAITING + REACHING
