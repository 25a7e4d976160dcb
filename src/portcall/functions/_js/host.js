// The inside of a worker: keeps the server list, calls one function at a time, and answers with JSON text.
// What this expression returns is the only door: host(operation, text, text) -> text. Names of functions that may stand
// in a stack end in __host, so that they can be cut from it. Text is joined, not added: the engine's binding cannot read
// the ropes that + makes of long strings.
(() => {
  'use strict';
  const {parse, stringify} = JSON;
  const LOG_LINES = 200, LOG_LINE = 2000, MESSAGE = 4000;
  const SLOT = Symbol('slot');
  const global = globalThis;
  let store = [], holes = 0;
  // Servers that a call left: items, or what makes them. whole: the server knows them all by their slots.
  const NONE = {number: 0, items: [], make: null, whole: false};
  let held = NONE; // the last array that a function returned
  let left = NONE; // for the call that follows at once
  const compiled = new Map();
  let run = null; // the call that is going on
  let random = () => 0;

  // --- functions see the same intrinsics for ever, and cannot change them -------------------------------------------

  const seeded = (seed) => {
    let a = seed | 0;
    return () => { // mulberry32
      a = (a + 0x6D2B79F5) | 0;
      let t = Math.imul(a ^ (a >>> 15), 1 | a);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  };
  Math.random = {random() { return random(); }}.random;

  if (typeof global.structuredClone === 'undefined') {
    const clone = (value, seen) => {
      if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError('structuredClone: cannot copy');
      if (typeof value !== 'object' || value === null) return value;
      if (seen.has(value)) return seen.get(value);
      if (value instanceof Date) return new Date(value.getTime());
      const made = Array.isArray(value) ? [] : value instanceof Map ? new Map() : value instanceof Set ? new Set() : {};
      seen.set(value, made);
      if (value instanceof Map) value.forEach((item, key) => made.set(clone(key, seen), clone(item, seen)));
      else if (value instanceof Set) value.forEach((item) => made.add(clone(item, seen)));
      else for (const key of Object.keys(value)) made[key] = clone(value[key], seen);
      return made;
    };
    Object.defineProperty(global, 'structuredClone', {value: (value) => clone(value, new Map())});
  }

  // A frozen prototype must not forbid objects to have members of their own of that name (err.name = 'Busy').
  const enable = (prototype) => {
    for (const key of Reflect.ownKeys(prototype)) {
      const described = Object.getOwnPropertyDescriptor(prototype, key);
      if (!('value' in described) || !described.configurable) continue;
      const {value, enumerable} = described;
      Object.defineProperty(prototype, key, {
        get() { return value; },
        set(own) {
          if (this === prototype || this === undefined || this === null) throw new TypeError('cannot be changed');
          Object.defineProperty(this, key, {value: own, writable: true, enumerable: true, configurable: true});
        },
        enumerable, configurable: false,
      });
    }
  };
  const errors = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError];
  for (const owner of [Object, Function, Promise, Array, Date, ...errors]) if (owner !== Array) enable(owner.prototype);

  const freeze = () => {
    const seen = new Set();
    const todo = [global];
    const also = [function*() {}, async () => {}, async function*() {}, [][Symbol.iterator](), ''[Symbol.iterator](),
      new Map().entries(), new Set().entries(), 'a'.matchAll(/a/g), [].values().map((x) => x), new Error(''),
      Object.getPrototypeOf(Int8Array), Iterator.from({next() {}}), (function*() {})(), (async function*() {})()];
    for (const one of also) todo.push(Object.getPrototypeOf(one), one.constructor);
    while (todo.length) {
      const one = todo.pop();
      if ((typeof one !== 'object' && typeof one !== 'function') || one === null || seen.has(one)) continue;
      seen.add(one);
      todo.push(Object.getPrototypeOf(one));
      for (const key of Reflect.ownKeys(one)) {
        const {value, get, set} = Object.getOwnPropertyDescriptor(one, key);
        todo.push(value, get, set);
      }
    }
    for (const one of seen) Object.freeze(one);
  };
  freeze();

  // --- the server list ----------------------------------------------------------------------------------------------

  const put = (text) => {
    for (const [slot, document] of parse(text)) {
      while (store.length <= slot) { store.push(null); holes++; }
      holes += (document === null) - (store[slot] === null);
      if (document !== null) {
        Object.defineProperty(document, SLOT, {value: slot});
        Object.preventExtensions(document);
      }
      store[slot] = document;
    }
    return '';
  };

  // A true array, whatever was given: each element is read once. The fastest way that the engine has.
  const copyOf = (array) => Reflect.apply(Array.prototype.toSpliced, array, [0, 0]);
  const copy = (value) => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(copy);
    const made = {};
    for (const key of Object.keys(value)) made[key] = copy(value[key]);
    return made;
  };
  const copied = (server) => {
    const made = copy(server);
    if (server[SLOT] !== undefined) Object.defineProperty(made, SLOT, {value: server[SLOT]});
    return made;
  };
  const same = (a, b) => {
    if (a === b) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a !== a && b !== b;
    const keys = Object.keys(a);
    return Array.isArray(a) === Array.isArray(b) && keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
  };

  // The servers that a call is given; functions must not get at this array itself.
  const source = (spec) => {
    if (spec.follows) return served(left);
    if (spec.held) return served(held);
    if (spec.items) return known(spec.items);
    return holes ? store.filter((server) => server !== null) : store;
  };
  const served = (from) => from.items ??= from.make();
  const known = (items) => { // slots, and documents that a function changed
    const list = [], count = items.length;
    for (let i = 0; i < count; i++) {
      const item = items[i], server = typeof item === 'number' ? store[item] : item;
      if (server) list.push(server);
    }
    return list;
  };

  // --- one call -----------------------------------------------------------------------------------------------------

  const show = (value, depth) => {
    if (typeof value === 'string') return depth ? stringify(value) : value;
    if (typeof value === 'function') return `[function ${value.name}]`;
    if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? value + 'n' : String(value);
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    try { return stringify(value) ?? String(value); } catch { return Object.prototype.toString.call(value); }
  };
  const log = (level) => (...values) => {
    if (!run || run.log.length > LOG_LINES) return;
    if (run.log.length === LOG_LINES) { run.log.push('… more was printed'); return; }
    const text = values.map((value) => show(value, 0)).join(' ');
    run.log.push((level ? level + ': ' : '') + (text.length > LOG_LINE ? text.slice(0, LOG_LINE) + '…' : text));
  };
  const console = Object.freeze({
    log: log(''), info: log(''), debug: log(''), dir: log(''), table: log(''), trace: log(''), warn: log('warning'),
    error: log('error'), assert: (...[good, ...values]) => { if (!good) log('assertion failed')(...values); },
    time() {}, timeEnd() {}, group: log(''), groupEnd() {},
  });

  const exec__host = (argv, options) => {
    const here = run;
    if (!here || !here.exec) throw new ReferenceError('exec is not defined');
    const words = typeof argv === 'string' ? ['/bin/sh', '-c', argv] : argv;
    if (!Array.isArray(words) || !words.length || !words.every((word) => typeof word === 'string')) {
      throw new TypeError('exec: give an array of strings, such as exec(["lmstat", "-a"])');
    }
    const id = here.next++;
    here.calls.push({id, argv: words, input: options?.input === undefined ? '' : String(options.input)});
    return new Promise((resolve, reject) => here.waiting.set(id, {resolve, reject}));
  };

  const describe = (thrown) => {
    try {
      if (thrown !== null && typeof thrown === 'object' && typeof thrown.message === 'string') {
        return {name: String(thrown.name ?? 'Error').slice(0, 100), message: thrown.message.slice(0, MESSAGE),
          stack: String(thrown.stack ?? '').slice(0, MESSAGE)};
      }
      const text = typeof thrown === 'string' ? thrown : typeof thrown === 'object' && thrown !== null
        ? stringify(thrown) ?? String(thrown) : String(thrown);
      return {name: '', message: text.slice(0, MESSAGE), stack: ''};
    } catch (error) {
      return {name: '', message: 'something that cannot be shown', stack: ''};
    }
  };
  const fail__host = (thrown, cause) => {
    if (!run || run.done) return;
    run.done = true;
    run.out = stringify({error: {cause: cause ?? 'threw', ...describe(thrown)}});
  };
  const wrong = (message) => fail__host({name: '', message, stack: ''}, 'result');

  // Which of the servers given are in the array, as a text of 0 and 1, if they are in their order; else ''. Objects are
  // compared and not looked into, and numbers are not compared, which the engine is slow at.
  const chosen = (given, items) => {
    const count = given.length, signs = new Uint8Array(count).fill(48);
    let at = 0;
    for (const one of items) {
      while (given[at] !== one) if (given[at++] === undefined) return '';
      signs[at++] = 49;
    }
    if (at > count) return ''; // there was an undefined in it
    const parts = [];
    for (let i = 0; i < count; i += 10000) parts.push(String.fromCharCode.apply(null, signs.subarray(i, i + 10000)));
    return parts.join('');
  };
  // An array of servers as text. What the next function is given is made from that alone: no array, and no changed
  // document, of this one.
  const pick = (value) => {
    const items = copyOf(value), count = items.length;
    const some = run.whole && !run.writes && chosen(run.given, items);
    if (some) {
      held = {number: run.number, items, make: null, whole: true};
      if (run.spec.more) run.left = held;
      return ['{"some":"', some, '"}'].join('');
    }
    let whole = true;
    for (let i = 0; i < count; i++) {
      const item = items[i];
      if (typeof item !== 'object' || item === null) return null;
      const slot = item[SLOT], server = typeof slot === 'number' ? store[slot] : null;
      if (!server || (run.writes && !same(item, server))) {
        if (typeof item.serverId !== 'string') return null;
        whole = false;
      } else items[i] = slot;
    }
    const text = stringify(items);
    held = {number: run.number, items: null, make: () => known(whole ? items : parse(text)), whole};
    if (run.spec.more && count) run.left = held;
    return [whole ? '{"slots":' : '{"items":', text, '}'].join('');
  };
  const finish__host = (value) => {
    if (!run || run.done) return;
    try {
      const tag = Object.prototype.toString.call(value);
      if (tag === '[object Generator]' || tag === '[object AsyncGenerator]') {
        return wrong('it is a generator, which cannot be used here: write function without *');
      }
      let out = null;
      if (run.roster && Array.isArray(value)) {
        out = pick(value);
      } else if (run.spec.more && !value) {
        const {spec, number, whole} = run, before = left;
        run.left = {number, items: null, make: () => spec.follows ? served(before) : source(spec), whole};
      }
      if (out === null) {
        if (value === undefined || typeof value === 'bigint' && !value) out = '{"value":null}';
        else {
          const text = stringify(value);
          if (text === undefined) return wrong(`it returned a ${typeof value}, which is no JSON`);
          if (text.length > run.output) return wrong(`what it returned has ${text.length} characters of JSON`);
          out = ['{"value":', text, '}'].join('');
        }
      }
      run.out = out;
      run.done = true;
    } catch (error) {
      const {name, message} = describe(error);
      if (name === 'InternalError') throw error;
      wrong(`what it returned is no JSON: ${message}`);
    }
  };

  const compile = (key, text) => { // text: a function that makes the administrator's function, for each call anew
    compiled.set(key, (0, eval)(text));
    if (compiled.size > 500) compiled.delete(compiled.keys().next().value);
    return '';
  };
  const begin__host = (key, text, body) => {
    const spec = parse(text);
    if (spec.follows && spec.follows !== left.number) return 'skipped';
    random = seeded(spec.seed);
    run = {done: false, out: null, log: [], calls: [], waiting: new Map(), next: 1, exec: spec.exec, writes: spec.writes,
      roster: spec.roster, whole: spec.follows ? left.whole : spec.whole, given: [], number: spec.number,
      output: spec.output, spec, left: NONE};
    const input = parse(body);
    if (spec.roster) {
      const set = (value) => Object.defineProperty(input, 'servers', {value, writable: true, enumerable: true, configurable: true});
      Object.defineProperty(input, 'servers', {
        get() {
          run.given = source(spec);
          const list = spec.writes ? run.given.map(copied) : copyOf(run.given);
          set(list);
          return list;
        }, set, enumerable: true, configurable: true,
      });
    }
    let made;
    try {
      made = compiled.get(key)(exec__host, console);
    } catch (error) {
      fail__host(error);
      return '';
    }
    if (typeof made !== 'function') {
      wrong('there is no function: write function(input) { … }');
      return '';
    }
    try {
      const value = made(input);
      if (value !== null && (typeof value === 'object' || typeof value === 'function') && !Array.isArray(value) &&
          typeof value.then === 'function') {
        Promise.resolve(value).then(finish__host, (thrown) => fail__host(thrown));
      } else finish__host(value);
    } catch (error) {
      fail__host(error);
    }
    return '';
  };
  const poll = () => { // '' while there is nothing to say
    if (run.done) return run.out;
    if (run.calls.length) return stringify({calls: run.calls.splice(0)});
    return run.waiting.size ? '' : '{"error":{"cause":"unsettled"}}';
  };
  const answer = (text) => {
    const {id, result, error} = parse(text);
    const waiting = run?.waiting.get(id);
    if (!waiting) return '';
    run.waiting.delete(id);
    if (error) waiting.reject(new Error(error));
    else waiting.resolve(result);
    return '';
  };
  const logged = () => stringify(run ? run.log : []);
  const end = (whole) => { // whether the call that comes with this one is made
    const beside = run && run.spec.beside;
    left = run && whole ? run.left : NONE;
    run = null;
    return beside || left !== NONE ? '1' : '';
  };
  const reset = () => { store = []; holes = 0; held = left = NONE; return ''; };

  return (operation, a, b, c) => {
    switch (operation) {
      case 'begin': return begin__host(a, b, c);
      case 'poll': return poll();
      case 'answer': return answer(a);
      case 'log': return logged();
      case 'put': return put(a);
      case 'compile': return compile(a, b);
      case 'has': return compiled.has(a) ? 'yes' : '';
      case 'end': return end(a);
      case 'reset': return reset();
      default: throw new Error(operation);
    }
  };
})()
