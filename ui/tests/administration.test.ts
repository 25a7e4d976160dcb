import { beforeAll, describe, expect, it, vi } from 'vitest'

import type { FunctionDocument, KindField } from '../src/api/administered'
import { fieldsAt } from '../src/admin/code/fields'
import { asText, diff, folded } from '../src/admin/parts/diff'
import { freeId, slug } from '../src/admin/parts/ids'

const field = (name: string, type: string, fields?: KindField[]): KindField => ({ name, type, help: '', ...(fields && { fields }) })
const server = [field('serverId', 'string'), field('loadavg', 'array of number'), field('staticData', 'object')]
const input = [field('servers', 'array of object', server), field('user', 'object', [field('login', 'string'), field('sessions', 'array of object', [field('id', 'string')])]), field('action', 'string')]
const names = (before: string) => fieldsAt(before, input)?.fields.map((one) => one.name)

describe('completion of the input’s fields', () => {
  it('knows the input by whatever name it has', () => {
    expect(names('function(input) {\n  return input.')).toEqual(['servers', 'user', 'action'])
    expect(names('async function (x) { x.us')).toEqual(['servers', 'user', 'action'])
    expect(names('(given) => given.user.')).toEqual(['login', 'sessions'])
  })
  it('goes into lists', () => {
    expect(names('function(input) { input.servers[0].')).toEqual(['serverId', 'loadavg', 'staticData'])
    expect(names('function(input) { input.user.sessions[i].')).toEqual(['id'])
  })
  it('knows parameters of callbacks and names of parts', () => {
    expect(names('function(input) { return input.servers.filter(server => server.')).toEqual(['serverId', 'loadavg', 'staticData'])
    expect(names('function(input) { return input.servers.sort((a, b) => a.loadavg[0] - b.')).toEqual(['serverId', 'loadavg', 'staticData'])
    expect(names('function(input) { for (const one of input.servers) one.')).toEqual(['serverId', 'loadavg', 'staticData'])
    expect(names('function(input) { const few = input.servers.filter(x => x); few[0].')).toEqual(['serverId', 'loadavg', 'staticData'])
    expect(names('function(input) { const first = input.servers[0]; first.')).toEqual(['serverId', 'loadavg', 'staticData'])
  })
  it('knows Python’s ways', () => {
    expect(names('def start_balance(input):\n    return input["servers"][0]["')).toEqual(['serverId', 'loadavg', 'staticData'])
    expect(names('def start_balance(input):\n    return input.get("')).toEqual(['servers', 'user', 'action'])
  })
  it('says nothing elsewhere', () => {
    expect(names('function(input) { console.')).toBeUndefined()
    expect(names('function(input) { input.nothing.')).toBeUndefined()
  })
})

describe('a comparison', () => {
  it('shows what went and what came', () => {
    expect(diff('a\nb\nc', 'a\nx\nc').map((line) => `${line.kind} ${line.text}`)).toEqual(['same a', 'gone b', 'come x', 'same c'])
  })
  it('numbers the lines of both', () => {
    expect(diff('a\nb', 'n\na\nb').map(({ before, after }) => [before, after])).toEqual([[undefined, 1], [1, 2], [2, 3]])
  })
  it('folds what did not change', () => {
    const long = Array.from({ length: 30 }, (_, index) => `line ${index}`)
    const lines = folded(diff(long.join('\n'), long.with(20, 'other').join('\n')))
    expect(lines.filter((line) => line.kind === 'skip')).toHaveLength(2)
    expect(lines).toHaveLength(2 + 8)
  })
  it('puts long text last, as it is', () => {
    expect(asText({ id: 'x', revision: 3, source: 'a\nb', name: 'n', on: [] })).toBe('name: n\non: []\nsource:\na\nb')
  })
})

describe('ids', () => {
  it('come from names', () => {
    expect(slug('Größe & Zeit!')).toBe('gro-e-zeit'.replace('gro-e', slug('Größe')))
    expect(slug('Least loaded')).toBe('least-loaded')
    expect(freeId('Least loaded', ['least-loaded'])).toBe('least-loaded-2')
  })
  it('are never those of the pages for new entries', () => {
    expect(slug('new')).toBe('a-new')
    expect(slug('New event')).toBe('a-new-event')
  })
  it('are there for names without a letter of ours', () => {
    expect(freeId('東京', [])).toBe('item')
  })
})

// these modules come with parts that look at the page's address when they are loaded
let kinds: typeof import('../src/admin/functions/kinds')
let drafts: typeof import('../src/admin/parts/drafts')
let settings: typeof import('../src/admin/SettingsPage')
let weighed: typeof import('../src/session/Weighed').weighed
beforeAll(async () => {
  vi.stubGlobal('document', { baseURI: 'http://host/', documentElement: { dataset: {} } })
  vi.stubGlobal('location', { href: 'http://host/', pathname: '/' })
  vi.stubGlobal('window', { addEventListener: () => undefined })
  kinds = await import('../src/admin/functions/kinds')
  drafts = await import('../src/admin/parts/drafts')
  settings = await import('../src/admin/SettingsPage')
  weighed = (await import('../src/session/Weighed')).weighed
})

describe('functions', () => {
  const fn = (id: string, kind: string, position: number, enabled = true) => ({ id, kind, position, enabled }) as FunctionDocument

  it('are in use by their kind: the first, or all', () => {
    const all = [fn('a', 'schedule', 2), fn('b', 'schedule', 1, false), fn('c', 'schedule', 1), fn('e', 'event', 0), fn('f', 'event', 1)]
    expect(all.filter((one) => kinds.inUse(all, one)).map((one) => one.id)).toEqual(['c', 'e', 'f'])
  })
  it('are tried on inputs with a value for each field but the servers', () => {
    expect(kinds.madeUp([...input, field('session', 'object?'), field('isAdmin', 'boolean')], { serverId: 'v', login: 'ann', action: 'session/start' })).toEqual({
      user: { login: 'ann', sessions: [] },
      action: 'session/start',
      isAdmin: false,
    })
  })
})

describe('a draft', () => {
  it('goes on from what its own page saved beside it, and keeps what was written', () => {
    drafts.setDraft('functions/a', { description: 'mine', position: 0 }, 4)
    drafts.carry('functions/a', { position: 2 }, 4, 7)
    expect(drafts.drafts.get()['functions/a']).toEqual({ value: { description: 'mine', position: 2 }, base: 7 })
  })
  it('stays behind what somebody else has saved', () => {
    drafts.setDraft('functions/a', { description: 'mine', position: 0 }, 4)
    drafts.carry('functions/a', { position: 2 }, 6, 7)
    expect(drafts.drafts.get()['functions/a']!.base).toBe(4)
  })
  it('is not made where nothing was written', () => {
    drafts.carry('functions/b', { position: 2 }, 4, 7)
    expect('functions/b' in drafts.drafts.get()).toBe(false)
  })
})

describe('the servers that were weighed', () => {
  it('come as chosen, kept, nearest miss, and those that fell first', () => {
    const chain = [
      { name: 'A', rule: 'has gpu', result: '', before: 3, after: 2, took: 0 },
      { name: 'B', rule: 'free memory', result: '', before: 2, after: 1, took: 0 },
    ]
    const row = (serverId: string, kept: boolean, step: string, rule: string) => ({ serverId, kept, step, rule })
    const rows = weighed([row('far', false, 'A', 'has gpu'), row('near', false, 'B', 'free memory'), row('in', true, 'B', 'free memory')], 'in', chain)
    expect(rows.map((one) => one.serverId)).toEqual(['in', 'near', 'far'])
  })
})

describe('a setting', () => {
  it('is shown as a person types it, and sent as it was shown', () => {
    const { read, written } = settings
    const tables = { slurm: { set: { queue: 'a b' } } }
    expect([written(['a', 'b']), written({ staff: 3, students: 1 }), written(tables), written(null)]).toEqual([
      'a, b', 'staff=3, students=1', '{"slurm":{"set":{"queue":"a b"}}}', '',
    ])
    expect(JSON.parse(String(read({ kind: 'dict' }, written(tables))))).toEqual(tables)
    expect(read({ kind: 'dict' }, 'staff = 3, students=1')).toBe('staff=3,students=1')
  })
})

describe('what is wrong with a function', () => {
  let told: typeof import('../src/admin/functions/told')
  beforeAll(async () => {
    told = await import('../src/admin/functions/told')
  })
  const slip = { code: 'function-invalid', line: 2, column: 10, hint: "write ' in its place" }
  it('says place and hint once', () => {
    const whole = { ...slip, detail: "gpu, line 2, column 10: the curly quote ‘ is not a quote (write ' in its place)" }
    expect([told.placeIn(whole), told.hintOf(whole)]).toEqual(['', ''])
  })
  it('adds them where the sentence lacks them', () => {
    const thrown = { ...slip, detail: 'All GPU servers are in use' }
    expect(told.placeIn(thrown)).toContain('10')
    expect(told.hintOf(thrown)).toBe(slip.hint)
  })
})
