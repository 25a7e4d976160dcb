/** Launchers, as docs/design/http-api.md has them. */

import { json as request } from './client'

export interface LauncherOption {
  name: string
  help: string
  kind: 'text' | 'word' | 'count' | 'duration' | 'memory'
  /** People may be let choose it. */
  form: boolean
}

export interface Launcher {
  name: string
  title: string
  help: string
  own: boolean
  scheduler: boolean
  options: LauncherOption[]
  set: Record<string, unknown>
  maximum: Record<string, unknown>
  people: string[]
  /** The service gives jobs more time when their users ask; null where no scheduler is there to do it. */
  extend: boolean | null
  pending: number
  problem: string | null
}

export interface Launchers {
  default: string
  fixed: string | null
  /** What lies beside the site's own, but is none, with the reason. */
  ignored: string[]
  launchers: Launcher[]
}

export interface Invocation {
  argv: string[]
  stdin: string
  env: Record<string, string>
  user: string
  asService: boolean
}

const json = <A>(method: string, path: string, body?: unknown) => request<A>(method, path, body === undefined ? {} : { body })

const enc = encodeURIComponent
export const launchers = () => json<Launchers>('GET', 'launchers')
export const setLauncher = (name: string) => json<Launchers>('PUT', 'launchers', { default: name })
export const setOptions = (name: string, body: { set: object; maximum: object; people: string[]; extend: boolean | null }) => json<Launchers>('PUT', `launchers/${enc(name)}`, body)
export const dryRun = (name: string, start: { command: string; params: object }) => json<Invocation>('POST', `launchers/${enc(name)}/dry`, start)
