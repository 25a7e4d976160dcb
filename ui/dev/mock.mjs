// A server in memory for working on the pages: every state of theirs by a command's name. No display, no security.
//   node dev/mock.mjs [--port 3399] [--prefix /some/prefix] [--sessions 3] [--level full] [--login]
// Commands: slow (pending for a while), fail (starts, then says why not), refuse (no seat), ask (two rounds of prompts).

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: given } = parseArgs({
  options: {
    port: { type: 'string', default: '3399' },
    prefix: { type: 'string', default: '' },
    sessions: { type: 'string', default: '3' },
    level: { type: 'string', default: 'admin' },
    login: { type: 'boolean', default: false },
  },
})
const STATIC = fileURLToPath(new URL('../../src/portcall/web/static/', import.meta.url))
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' }
const POLICY = "default-src 'self'; style-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'"
const now = () => Date.now() / 1000
const listeners = new Set()
const attempts = new Map()
const traces = new Map()
let loggedIn = !given.login
let event = 1

const me = () => {
  const any = given.level === 'admin' ? 'any' : 'own'
  const actions = 'login/self login/list login/revoke token/create session/start session/list session/info session/connect session/disconnect session/params session/terminate session/purge session/log session/screenshot session/processes session/explain server/list'
  const permissions = Object.fromEntries(actions.split(' ').map((name) => [name, any]))
  if (any === 'any') for (const name of ['server/settings', 'server/log', 'audit/read']) permissions[name] = 'any'
  return { login: logins[0], user: { name: 'ann', uid: 1000, groups: ['ann'] }, level: given.level, permissions, notice: '', title: 'Harbour cluster', serverId: 'node-1', onePerson: false, extendable: [] }
}
const logins = ['web', 'api', 'api'].map((aud, index) => ({
  sub: 'ann', iss: 'node-1', iat: now() - 4000 * (index + 1), exp: now() + 86400 * (index + 1), aud, jti: `jti${index}`, method: aud === 'web' ? 'pam' : '',
  level: given.level, address: `10.0.0.${index + 4}`, name: aud === 'api' ? ['laptop', 'nightly run'][index - 1] : '', lastSeen: now() - 60 * index, current: index === 0,
}))
const PROGRAMS = ['startxfce4', 'paraview', 'matlab -desktop', 'xterm', 'gvim report.tex', 'firefox']
const makeSession = (index, more = {}) => ({
  id: `s${index}`.padEnd(12, '0'), serverId: `node-${(index % 3) + 1}`, login: index % 7 === 6 ? 'bob' : 'ann', user: 'ann', command: PROGRAMS[index % 6], state: index % 4 === 1 ? 'suspended' : 'running',
  hostname: 'node-1', display: `:${index + 10}`, geometry: '1280x800', windowMode: 'desktop', name: index % 3 === 0 ? `Project ${index}` : '', params: { case: 'wing-7', cores: 4 },
  profile: 'default', keyboardLayout: 'us', created: now() - 300 * index - 40, started: now() - 300 * index - 38, ended: null, lastConnect: null, lastDisconnect: null, clients: index % 4 === 1 ? 0 : 1,
  launcher: 'direct', job: null, cpuPercentage: (index * 13) % 90, memory: 4e7 * (1 + (index % 9)), bytesOut: 1e6 * index, openGl: 'software', origin: 'pipeline', reason: null,
  exitCode: null, message: null, endsAt: null, lookedBy: null, lookedAt: null, ...more,
})
const sessions = new Map(Array.from({ length: Number(given.sessions) }, (_, index) => makeSession(index)).map((one) => [one.id, one]))
const over = makeSession(9001, { state: 'ended', ended: now() - 500, clients: 0, reason: 'Its command ended.', exitCode: 0, login: 'ann' })
const lost = makeSession(9002, { state: 'lost', clients: 0, login: 'ann', name: 'Lost one' })
if (sessions.size > 0) for (const one of [over, lost]) sessions.set(one.id, one)
const settings = [
  { name: 'title', value: 'Harbour cluster', default: 'Portcall', help: 'name of the place, shown on top of every page', scope: 'global', live: true, kind: 'str', unit: '', choices: [], fixed: null },
  { name: 'port', value: 3300, default: 3300, help: 'TCP port to listen on; 0: any free one', scope: 'local', live: false, kind: 'int', unit: '', choices: [], fixed: '--port' },
  { name: 'starts_enabled', value: true, default: true, help: 'Start new sessions on this server', scope: 'local', live: true, kind: 'bool', unit: '', choices: [], fixed: null },
  { name: 'login_hours', value: 8, default: 12, help: "how long a browser's login lasts", scope: 'global', live: true, kind: 'float', unit: 'hours', choices: [], fixed: null },
  { name: 'seats_groups', value: { students: 2 }, default: {}, help: 'sessions at once of all members of a group, by group', scope: 'global', live: true, kind: 'dict', unit: '', choices: [], fixed: null },
  { name: 'log_level', value: 'info', default: 'info', help: 'least severe level logged', scope: 'local', live: true, kind: 'str', unit: '', choices: ['debug', 'info', 'warning', 'error'], fixed: 'the environment (PORTCALL_LOG_LEVEL)' },
]

function tell(kind, document) {
  event += 1
  for (const send of listeners) send(`id: ${event}\nevent: ${kind}\ndata: ${JSON.stringify(document)}\n\n`)
}
const changed = (session, more) => {
  const after = { ...session, ...more }
  sessions.set(after.id, after)
  tell('session', after)
  return after
}
class Problem {
  constructor(status, code, detail, more = {}) {
    Object.assign(this, { status, body: { type: `urn:portcall:error:${code}`, title: detail, status, code, detail, instance: 'req-7f3a', ...more } })
  }
}
const need = (id) => sessions.get(id) ?? fail(404, 'no-such-session', 'There is no such session.')
const fail = (...words) => {
  throw new Problem(...words)
}

function start(request) {
  const word = request.command.split(' ')[0]
  const steps = ['request', 'permissions', 'record', 'form filter', 'load balancing', 'seats', 'link'].map((step, index) => ({
    step, took: 0.0004 * (index + 1), at: now(), result: step === 'form filter' ? 'nothing configured' : 'ok',
    ...(step === 'load balancing' && { servers: [{ serverId: 'node-1', kept: true, rule: 'starts enabled', figure: true }, { serverId: 'node-2', kept: false, rule: 'most free memory', figure: '2.1 GiB' }] }),
  }))
  if (word === 'refuse') throw new Problem(409, 'seats-taken', 'You have 4 sessions; your limit is 4.', { steps })
  const session = makeSession(sessions.size, { ...request, state: 'pending', login: 'ann', created: now(), started: null, clients: 0, cpuPercentage: 0, memory: 0 })
  traces.set(session.id, { id: session.id, outcome: 'open', steps })
  if (word === 'ask') return ask(session, 1)
  return launch(session, word)
}
function ask(session, round) {
  const attempt = `a${round}-${session.id}`
  attempts.set(attempt, (answers) => (round === 1 ? ask(session, 2) : answers[0] === '0' ? fail(502, 'no-link', 'ssh: the code was wrong.') : launch(session, 'xterm')))
  const prompts = round === 1 ? [{ text: 'Password: ', echo: false }] : [{ text: 'Verification code: ', echo: true }]
  return { stage: 'auth', attempt, title: 'SSH on node-1', instructions: round === 1 ? '' : 'From your token.', prompts, session: session.id }
}
function launch(session, word) {
  changed(session, {})
  const step = (name, wait, result = '') => setTimeout(() => {
    traces.get(session.id).steps.push({ step: name, took: wait / 1000, at: now(), result })
    tell('trace', { id: session.id })
  }, wait)
  const slow = word === 'slow' ? 40 : 1
  step('display-spawned', 200)
  step('display-alive', 300 * slow)
  setTimeout(() => {
    if (word !== 'fail') return changed(sessions.get(session.id) ?? session, { state: 'running', started: now(), cpuPercentage: 3, memory: 5e7 })
    step('failed', 0, 'start-failed')
    changed(session, { state: 'ended', ended: now(), reason: 'The command ended before it was ready, with exit code 127.', cause: 'command-not-run', exitCode: 127 })
  }, 500 * slow)
  return { result: sessions.get(session.id), trace: traces.get(session.id).steps }
}

const ROUTES = [
  ['GET', '', () => ({ name: 'Portcall', version: '0.1.0', title: 'Harbour cluster', serverId: 'node-1', loginNotice: 'For members of the institute. Maintenance on Sunday.', onePerson: given.level === 'one', methods: [{ name: 'pam', title: 'Password', user: true, password: true }, { name: 'ssh', title: 'SSH', user: true, password: true }] })],
  ['GET', 'login', () => (loggedIn ? me() : fail(401, 'not-logged-in', 'Log in first.'))],
  ['POST', 'login', (_, body) => {
    if (body.password === 'wrong' || body.token) fail(401, 'login-failed', 'The user name or the password is wrong.')
    if (body.method === 'ssh') return { stage: 'prompt', attempt: 'l1', title: 'Second factor', instructions: 'A code was sent to your phone.', prompts: [{ text: 'Verification code: ', echo: true }] }
    loggedIn = true
    return { stage: 'success', login: logins[0] }
  }],
  ['POST', 'login/l1', () => ((loggedIn = true), { stage: 'success', login: logins[0] })],
  ['DELETE', 'login', () => void (loggedIn = false)],
  ['GET', 'logins', () => ({ logins })],
  ['DELETE', 'logins/(.+)', (jti) => void logins.splice(logins.findIndex((one) => one.jti === jti), 1)],
  ['POST', 'tokens', (_, body) => {
    const made = { ...logins[0], aud: 'api', jti: `jti${Math.random()}`, name: body.name, current: false, lastSeen: null, iat: now() }
    logins.push(made)
    return { token: 'pct_4fJ0rQxN1t9dYw', login: made }
  }],
  ['GET', 'sessions', () => ({ sessions: [...sessions.values()], event })],
  ['POST', 'sessions', (_, body) => start(body)],
  ['POST', 'starts/(.+)', (attempt, body) => attempts.get(attempt)(body.answers)],
  ['DELETE', 'starts/.+', () => undefined],
  ['GET', 'sessions/([^/]+)', need],
  ['PATCH', 'sessions/([^/]+)', (id, body) => {
    const params = Object.fromEntries(Object.entries({ ...need(id).params, ...body.params }).filter(([, value]) => value !== null))
    return changed(need(id), { name: body.name ?? need(id).name, params })
  }],
  ['POST', 'sessions/([^/]+)/suspend', (id) => changed(need(id), { state: 'suspended', clients: 0 })],
  ['POST', 'sessions/([^/]+)/terminate', (id) => (need(id).command === 'stuck' ? fail(502, 'display-unavailable', 'The session does not answer.') : changed(need(id), { state: 'ended', ended: now(), reason: 'It was ended by ann.', clients: 0 }))],
  ['POST', 'sessions/([^/]+)/purge', (id) => {
    need(id)
    sessions.delete(id)
    tell('session-gone', { id })
  }],
  ['POST', 'sessions/([^/]+)/connect', (id) => ({ ticket: 't', url: `${given.prefix}/view/${id}`, expires: now() + 60, session: need(id) })],
  ['GET', 'sessions/([^/]+)/log', (id) => ({ log: need(id).command === 'fail' ? 'Loading modules…\nbash: line 1: fail: command not found\n' : Array.from({ length: 60 }, (_, line) => `[${line}] solver: residual 1.${line}e-5`).join('\n'), size: 90_000 })],
  ['GET', 'sessions/([^/]+)/processes', () => ({ processes: [[10, 1, 'Xvnc :10'], [12, 1, 'xfce4-session'], [14, 12, 'xfwm4'], [15, 12, 'xterm -ls'], [16, 15, 'bash']].map(([pid, ppid, command]) => ({ pid, ppid, command, cpuPercentage: pid / 4, memory: pid * 2e6, started: now() - 800 })) })],
  ['GET', 'sessions/([^/]+)/connections', () => ({ connections: [{ id: 'c1', login: 'ann', address: '10.0.0.4', since: now() - 100, bytesIn: 4000, bytesOut: 5e6 }] })],
  ['GET', '(?:sessions/)?([^/]+)/trace', (id) => traces.get(id) ?? { id, outcome: 'started', steps: [{ step: 'request', took: 0.001, at: now(), result: 'received', detail: 'from 10.0.0.4' }, { step: 'form filter', took: 0, at: now(), result: 'nothing configured' }, { step: 'load balancing', took: 0.002, at: now(), result: 'node-1', servers: [{ serverId: 'node-1', kept: true, rule: 'starts enabled', figure: true }] }, { step: 'display-alive', took: 0.031, at: now(), result: ':10' }, { step: 'command-started', took: 0.004, at: now(), result: '' }] }],
  ['GET', 'traces/(.+)', (id) => traces.get(id) ?? fail(404, 'not-found', 'There is no such trace.')],
  ['GET', 'profiles', () => ({ profiles: [{ name: 'default', description: 'What a session gets when nothing else is asked for.', geometry: '1280x800', maximumGeometry: '7680x4320', endAfterDisconnected: 0, disconnectWhenIdle: 0, openGl: true, clipboard: 'both' }, { name: 'short', description: 'For a quick look', geometry: '1280x800', maximumGeometry: '1920x1200', endAfterDisconnected: 3600, disconnectWhenIdle: 600, openGl: false, clipboard: 'both' }] })],
  ['GET', 'keyboards', () => ({ layouts: [['us', 'English (US)'], ['de', 'German'], ['fr', 'French']].map(([name, title]) => ({ name, title })) })],
  ['GET', 'bookmarks', () => ({ bookmarks: [] })],
  ['GET', 'servers', () => ({ servers: [1, 2].map((n) => ({ serverId: `node-${n}`, hostname: `node-${n}`, version: '0.1.0', sessions: 4 * n, pending: n - 1, uniqueSessionUsers: 3, logins: 5, uptime: 90_000 * n, cpu: 20 * n * (1 + Math.random()), loadavg: [0.4, 0.6, 0.5], cpus: 8, totalmem: 3.2e10, freemem: 1.1e10, loginsEnabled: true, startsEnabled: n === 1, draining: n === 2, updated: now(), loggedInUsers: ['ann', 'bob'] })) })],
  ['GET', 'settings', () => ({ settings })],
  ['PUT', 'settings/(.+)', (name, body) => {
    const row = settings.find((one) => one.name === name)
    if (row.kind === 'float' && typeof body.value !== 'number') fail(422, 'setting-refused', `${name}: ${JSON.stringify(body.value)}: a number`)
    return Object.assign(row, { value: body.value })
  }],
  ['GET', 'audit', () => ({ entries: Array.from({ length: 30 }, (_, n) => ({ at: now() - n * 300, login: n % 3 ? 'ann' : 'bob', action: ['session/start', 'login', 'session/connect'][n % 3], session: n % 3 === 1 ? null : 's00000000000', address: '10.0.0.4', outcome: n % 5 === 4 ? 'forbidden' : 'ok', detail: n % 3 ? '' : 'startxfce4' })) })],
] // prettier-ignore

function stream(response, path) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const send = (text) => response.write(text)
  if (path === 'log') {
    let line = 0
    const more = () => send(`event: line\ndata: ${JSON.stringify(`2026-01-01 12:00:${String(line % 60).padStart(2, '0')} [${['info', 'debug', 'warning', 'error'][line++ % 4]}] session said hello id=s${line}`)}\n\n`)
    for (let count = 0; count < 20; count++) more()
    const timer = setInterval(more, 1000)
    return response.on('close', () => clearInterval(timer))
  }
  send(`event: hello\ndata: {"event":${event}}\n\n`)
  listeners.add(send)
  response.on('close', () => listeners.delete(send))
}
setInterval(() => {
  const live = [...sessions.values()].filter((one) => one.state === 'running').slice(0, 20)
  for (const one of live) changed(one, { cpuPercentage: Math.max(0, Math.min(100, one.cpuPercentage + Math.random() * 16 - 8)) })
}, 2000)

function picture(id) {
  const hue = (id.charCodeAt(1) * 47) % 360
  return `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200"><rect width="320" height="200" fill="hsl(${hue} 30% 32%)"/><rect x="24" y="24" width="190" height="120" rx="4" fill="#f4f4f4"/><rect x="24" y="24" width="190" height="14" fill="#ccc"/><rect y="186" width="320" height="14" fill="#222"/></svg>`
}

createServer(async (request, response) => {
  const address = new URL(request.url, 'http://x')
  let path = address.pathname
  if (given.prefix && path.startsWith(given.prefix)) path = path.slice(given.prefix.length)
  if (path.startsWith('/api')) {
    const rest = path.slice(4).replace(/^\//, '')
    if (rest === 'events' || rest === 'log') return stream(response, rest)
    if (/screenshot$/.test(rest)) return response.writeHead(200, { 'content-type': 'image/svg+xml' }).end(picture(rest.split('/')[1]))
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : {}
    try {
      if (request.method !== 'GET' && request.headers['x-portcall'] !== '1') fail(403, 'missing-header', 'A change needs the header X-Portcall.')
      for (const [method, pattern, act] of ROUTES) {
        const match = method === request.method && new RegExp(`^${pattern}$`).exec(rest)
        if (!match) continue
        const answer = act(match[1], body)
        return response.writeHead(answer === undefined ? 204 : 200, { 'content-type': 'application/json' }).end(answer && JSON.stringify(answer))
      }
      fail(404, 'not-found', 'There is no such thing here.')
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return response.writeHead(error.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(error.body))
    }
  }
  const headers = { 'content-security-policy': POLICY }
  try {
    const file = await readFile(STATIC + path.slice(1))
    response.writeHead(200, { ...headers, 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(file)
  } catch {
    const page = (await readFile(`${STATIC}index.html`, 'utf8')).replace('<head>', `<head><base href="${given.prefix}/">`)
    response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end(page)
  }
}).listen(Number(given.port), '127.0.0.1', () => console.log(`http://127.0.0.1:${given.port}${given.prefix}/`))
