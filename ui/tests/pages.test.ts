import { QueryClient } from '@tanstack/react-query'
import { expect, test, vi } from 'vitest'

import type { Me, Session, Step } from '../src/api/types'

vi.stubGlobal('document', { baseURI: 'http://host/prefix/', documentElement: { dataset: {} }, addEventListener() {} })
vi.stubGlobal('window', Object.assign(new EventTarget(), { innerWidth: 1281, innerHeight: 799 }))
vi.stubGlobal('location', new URL('http://host/prefix/'))
const { apply, withSession } = await import('../src/api/live')
const { below, at } = await import('../src/base')
const { guessKeyboard } = await import('../src/sessions/defaults')
const { geometryOf, keepShape, shapeOf, windowGeometry, GEOMETRY } = await import('../src/sessions/shape')
const { isDesktop } = await import('../src/sessions/desktops')
const { inOrder, matches } = await import('../src/sessions/order')
const { Problem } = await import('../src/api/problem')
const { bytes, duration, startFailed, stateWord } = await import('../src/app/words')
const { actionsOn } = await import('../src/sessions/actions')
const { reached } = await import('../src/session/progress')
const { codeOf, whatToTry, lastLines } = await import('../src/session/failure')
const { t } = await import('../src/strings/t')
const { en } = await import('../src/strings/en')

const session = (id: string, more: Partial<Session> = {}): Session =>
  ({ id, state: 'running', name: '', command: 'xterm', login: 'ann', serverId: 'n1', created: 1, started: 2, ended: null, ...more }) as Session

test('addresses stand below the prefix of the page', () => {
  expect(at('api/sessions').href).toBe('http://host/prefix/api/sessions')
  expect(below(new URL('http://host/prefix/session/x'))).toBe('session/x')
})

test('an event puts a session in its place, a purge takes it away', () => {
  const client = new QueryClient()
  client.setQueryData(['sessions', 'own'], { sessions: [session('a'), session('b')], event: 1 })
  apply(client, 'session', session('b', { state: 'ended' }), () => true, () => {})
  apply(client, 'session', session('c'), () => true, () => {})
  apply(client, 'session', session('d', { login: 'bob' }), (one) => one.login === 'ann', () => {})
  apply(client, 'session-gone', { id: 'a' }, () => true, () => {})
  const list = client.getQueryData<{ sessions: Session[] }>(['sessions', 'own'])!
  expect(list.sessions.map((one) => `${one.id} ${one.state}`)).toEqual(['b ended', 'c running'])
})

test('a reset lists again', () => {
  const again = vi.fn()
  apply(new QueryClient(), 'reset', { event: 9 }, () => true, again)
  expect(again).toHaveBeenCalled()
})

test('the list keeps its event', () => {
  expect(withSession({ sessions: [], event: 5 }, session('a')).event).toBe(5)
})

test('what comes up or failed is shown first, what is over last', () => {
  const all = [
    session('over', { state: 'ended' }), session('runs', { created: 5 }), session('failed', { state: 'ended', started: null }),
    session('pending', { state: 'pending', started: null }), session('newer', { created: 9 }),
  ] // prettier-ignore
  expect(inOrder(all, 60).map((one) => one.id)).toEqual(['pending', 'failed', 'newer', 'runs', 'over'])
  expect(inOrder(all, 6000).map((one) => one.id)).toEqual(['pending', 'newer', 'runs', 'failed', 'over'])
})

test('a filter wants every word, in any order, also the state in words', () => {
  expect(matches(session('a', { name: 'Wing case' }), 'case wing runn')).toBe(true)
  expect(matches(session('a'), 'suspended')).toBe(false)
})

test('the keyboard is guessed from the languages, among those there are', () => {
  expect(guessKeyboard(['de-CH', 'de'])).toBe('ch')
  expect(guessKeyboard(['sv-SE'], [{ name: 'us' }, { name: 'se' }])).toBe('se')
  expect(guessKeyboard(['eo'], [{ name: 'us' }])).toBe('us')
  expect(guessKeyboard([])).toBe('us')
})

test('sizes are even, and typed ones are read generously', () => {
  expect(windowGeometry()).toBe('1280x798')
  expect([windowGeometry('1024x4320'), windowGeometry('1920x600')]).toEqual(['1024x798', '1280x600'])
  expect(GEOMETRY.exec(' 1920 × 1080 ')?.slice(1)).toEqual(['1920', '1080'])
  expect(GEOMETRY.test('huge')).toBe(false)
})

test.each([
  'startxfce4', '/usr/bin/gnome-session --debug', 'startplasma-x11', '~/.vnc/xstartup', 'FOO=bar exec mate-session', '/etc/X11/Xsession xterm',
  'dbus-run-session -- startlxde', 'env -i DISPLAY=:1 i3', 'nice -n 5 icewm-session', "bash -lc 'exec openbox-session'",
  'xrdb ~/.Xresources; twm', '# mine\nmodule load x\nxterm &\nexec fluxbox\n',
])('%s is a desktop', (command) => expect(isDesktop(command)).toBe(true)) // prettier-ignore

test.each([
  '', 'xterm', 'xterm -e startxfce4', 'xterm -T i3', 'firefox https://example.org/startxfce4', 'sh run.sh', 'gnome-terminal', '# startxfce4\nxclock',
])('%s is a program', (command) => expect(isDesktop(command)).toBe(false)) // prettier-ignore

test('a desktop starts on a screen, a program in windows, and each command as it was chosen for it', () => {
  const kept = new Map<string, string>()
  vi.stubGlobal('localStorage', { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => kept.set(name, value) })
  const start = (command: string) => geometryOf(shapeOf(command))
  expect([start('xterm'), start('startxfce4')]).toEqual(['rootless', '1280x798'])
  keepShape(' xterm', { kind: 'typed', size: '800 × 600' })
  keepShape('startxfce4', { kind: 'rootless', size: '' })
  expect([start('xterm'), start('startxfce4'), start('xterm -ls')]).toEqual(['800x600', 'rootless', 'rootless'])
  keepShape('xterm', { kind: 'rootless', size: '' })
  expect(start('xterm')).toBe('rootless')
})

test('progress is read off the trace', () => {
  const steps = (...names: string[]) => names.map((step) => ({ step })) as Step[]
  expect(reached(undefined, [])).toBe('submitted')
  expect(reached(session('a', { state: 'pending' }), steps('request', 'link', 'display-spawned'))).toBe('starting')
  expect(reached(session('a', { state: 'pending' }), steps('display-alive', 'something new'))).toBe('display')
  expect(reached(session('a'), [])).toBe('ready')
})

test('a failed start says what to try', () => {
  expect(whatToTry('write: No space left on device')).toBe('try.space')
  expect(whatToTry('?')).toBe('try.other')
  for (const words of ['network site not found', 'image: other:1 is none of those allowed', 'profile.d: ssh in time'])
    expect(whatToTry(words)).toBe('try.other')
  expect(lastLines('a\n\nb\nc\n', 2)).toBe('b\nc')
})

test('what to do after a failed start comes from its code, not from its words', () => {
  const over = (more: Partial<Session>) => session('a', { state: 'ended', started: null, job: null, exitCode: null, cause: null, ...more })
  const job = (state: string) => ({ state }) as Session['job']
  expect(codeOf(over({ cause: 'launch-failed', reason: 'network site not found' }), undefined)).toBe('launch-failed')
  expect(codeOf(over({ cause: 'start-failed' }), new Problem(422, { code: 'invalid-value' }))).toBe('invalid-value')
  expect(codeOf(over({ cause: 'command-not-run', exitCode: 127 }), undefined)).toBe('command-not-run')
  expect(codeOf(over({ cause: 'command-not-run', exitCode: 126 }), undefined)).toBe('command-not-permitted')
  expect(codeOf(over({ job: job('failed') }), undefined)).toBe('job-over')
  expect(codeOf(over({ job: job('running') }), undefined)).toBe('start-failed')
  expect(codeOf(undefined, undefined)).toBe('start-failed')
})

test('what its user cancelled before it ran is no failure', () => {
  const none = session('a', { state: 'ended', started: null, cause: 'terminated' })
  expect([startFailed(none), stateWord(none)]).toEqual([false, 'Cancelled'])
  expect(startFailed({ ...none, cause: 'launch-failed' })).toBe(true)
  expect(stateWord({ ...none, started: 2 })).toBe('Ended')
})

test('more time is offered for a job with an end, where somebody may ask its scheduler', () => {
  const me = { login: { sub: 'ann' }, permissions: { 'session/connect': 'own' }, extendable: ['slurm'] } as unknown as Me
  const job = (endsAt: number | null) => ({ endsAt }) as Session['job']
  const offers = (more: Partial<Session>) => actionsOn(session('a', { launcher: 'slurm', job: job(9), ...more }), me).some((one) => one.name === 'extend')
  expect(offers({})).toBe(true)
  expect(offers({ state: 'suspended' })).toBe(true)
  expect([offers({ job: null }), offers({ job: job(null) }), offers({ launcher: 'pbs' }), offers({ state: 'ended' }), offers({ login: 'bob' })]).toEqual([false, false, false, false, false])
})

test('amounts are short and durations have two parts at most', () => {
  expect([duration(0.0123), duration(4.25), duration(3725), duration(90_061)]).toEqual(['12 ms', '4.3 s', '1 h 2 min', '1 d 1 h'])
  expect([bytes(0), bytes(38_000_000), bytes(2_500_000_000)]).toEqual(['0 B', '36 MiB', '2.3 GiB'])
})

test('plurals follow the number', () => {
  expect([t('card.viewers', { n: 1 }), t('card.viewers', { n: 2 })]).toEqual(['1 viewer', '2 viewers'])
})

test('every plural has both forms', () => {
  const stems = Object.keys(en).filter((key) => key.endsWith('_one'))
  for (const stem of stems) expect(en).toHaveProperty([stem.replace(/_one$/, '_other')])
})
