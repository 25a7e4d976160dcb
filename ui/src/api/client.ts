/** The HTTP API, a function for each call. Nothing else in the pages talks to the server, but events and the viewer. */

import { at } from '../base'
import { Problem, problemOf, unreachable } from './problem'
import type * as T from './types'

type Query = Record<string, string | number | boolean | undefined>
interface Options {
  query?: Query
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

let onLoggedOut = (): void => {}

/** What to do when any call finds that there is no login (any more). */
export const whenLoggedOut = (action: () => void): void => void (onLoggedOut = action)

export async function call(method: string, path: string, options: Options = {}): Promise<Response> {
  const address = at(`api/${path}`)
  for (const [name, value] of Object.entries(options.query ?? {}))
    if (value !== undefined) address.searchParams.set(name, String(value))
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers }
  if (method !== 'GET') headers['X-Portcall'] = '1' // a form of another site cannot send it
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  let answer: Response
  try {
    answer = await fetch(address, {
      method,
      headers,
      credentials: 'same-origin',
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      ...(options.signal && { signal: options.signal }),
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw unreachable()
  }
  if (answer.ok) return answer
  const problem = await problemOf(answer)
  if (problem.loggedOut) onLoggedOut()
  throw problem
}

/** The answer's document; nothing for 204. */
export async function json<A>(method: string, path: string, options?: Options): Promise<A> {
  const answer = await call(method, path, options)
  if (answer.status === 204) return undefined as A
  try {
    return (await answer.json()) as A
  } catch {
    throw new Problem(answer.status, { code: 'not-json' })
  }
}

const get = <A>(path: string, query?: Query) => json<A>('GET', path, query ? { query } : {})
const post = <A>(path: string, body: unknown = {}, options: Options = {}) => json<A>('POST', path, { body, ...options })
const id = encodeURIComponent

export const place = () => get<T.Place>('')
export const me = () => get<T.Me>('login')
export const login = (body: { method: string; user?: string; password?: string; token?: string }) =>
  post<T.LoginStage>('login', body)
export const answerLogin = (attempt: string, answers: string[]) => post<T.LoginStage>(`login/${id(attempt)}`, { answers })
export const leaveLogin = (attempt: string) => json<void>('DELETE', `login/${id(attempt)}`)
export const logout = () => json<void>('DELETE', 'login')

export const logins = (all: boolean) => get<{ logins: T.Login[] }>('logins', { all: all ? 1 : undefined })
export const revoke = (jti: string) => json<void>('DELETE', `logins/${id(jti)}`)
export const createToken = (name: string, days: number | undefined) =>
  post<{ token: string; login: T.Login }>('tokens', days === undefined ? { name } : { name, days })

export const sessions = (all: boolean) => get<{ sessions: T.Session[]; event: number }>('sessions', { all: all ? 1 : undefined })
export const session = (which: string) => get<T.Session>(`sessions/${id(which)}`)
export const start = (request: T.StartRequest) =>
  post<T.StartStage>('sessions', request, { headers: { 'Idempotency-Key': request.id } })
export const answerStart = (attempt: string, answers: string[]) => post<T.StartStage>(`starts/${id(attempt)}`, { answers })
export const leaveStart = (attempt: string) => json<void>('DELETE', `starts/${id(attempt)}`)
export const change = (which: string, body: { name?: string; params?: Record<string, unknown> }) =>
  json<T.Session>('PATCH', `sessions/${id(which)}`, { body })
export const connect = (which: string) => post<T.Connect>(`sessions/${id(which)}/connect`)
export const suspend = (which: string) => post<T.Session>(`sessions/${id(which)}/suspend`)
export const terminate = (which: string) => post<T.Session>(`sessions/${id(which)}/terminate`)
export const purge = (which: string) => post<void>(`sessions/${id(which)}/purge`)
export const extend = (which: string) => post<T.Session>(`sessions/${id(which)}/extend`)
export const log = (which: string, bytes: number) => get<{ log: string; size: number }>(`sessions/${id(which)}/log`, { bytes })
export const processes = (which: string) => get<{ processes: T.Process[] }>(`sessions/${id(which)}/processes`)
export const connections = (which: string) => get<{ connections: T.Connection[] }>(`sessions/${id(which)}/connections`)
export const trace = (which: string) => get<T.Trace>(`sessions/${id(which)}/trace`)
export const traceOfStart = (which: string) => get<T.Trace>(`traces/${id(which)}`)
export const screenshot = async (which: string, query: Query, signal?: AbortSignal): Promise<Blob> =>
  (await call('GET', `sessions/${id(which)}/screenshot`, { query, headers: { Accept: 'image/*' }, ...(signal && { signal }) })).blob()

export const profiles = () => get<{ profiles: T.Profile[] }>('profiles')
export const keyboards = () => get<{ layouts: T.Keyboard[] }>('keyboards')
export const servers = () => get<{ servers: T.Server[] }>('servers')
export const settings = () => get<{ settings: T.Setting[] }>('settings')
export const putSetting = (name: string, value: unknown) => json<T.Setting>('PUT', `settings/${id(name)}`, { body: { value } })
export const audit = (limit: number) => get<{ entries: T.AuditEntry[] }>('audit', { limit })
