/** The documents that administrators write, as docs/design/http-api.md has them, and the calls about them. */

import { json as request } from './client'
import type { ChainStep, Profile, TraceServer } from './types'

/** `fixed` names the file that it comes from; then it can only be read. `revision` is sent back with a change. */
export interface Kept {
  revision: number
  fixed: string | null
}

export interface FormDocument extends Kept {
  id: string
  name: string
  html: string
  description: string
  staticData: Record<string, unknown>
}

/** One named input of a form. */
export interface Input {
  name: string
  kind: string
  dataType: 'text' | 'number' | 'boolean' | 'json'
  required: boolean
  label: string
  value: string
  choices: { value: string; label: string }[]
  multiple: boolean
}

/** A form as people see it: its HTML has been made safe by the server. */
export interface ShownForm {
  id: string
  name: string
  description?: string
  html: string
  inputs: Input[]
}

export interface Bookmark extends Kept {
  id: string
  name: string
  command: string
  description: string
  geometry: string
  icon: string
  profile: string
  keyboardLayout: string
  forms: string[]
  groups: string[]
  launcher: string
  launcherOptions: Record<string, unknown>
  params: Record<string, unknown>
}

export type Engine = 'javascript' | 'python' | 'executable'

export interface FunctionDocument extends Kept {
  id: string
  kind: string
  name: string
  source: string
  engine: Engine
  description: string
  enabled: boolean
  position: number
  on: string[]
  every: number
}

export interface Chain extends Kept {
  id: 'login' | 'start'
  steps: string[]
  prefilter: Record<string, unknown>
}

export interface ProfileDocument extends Profile, Kept {
  groups: string[]
  hidden: boolean
  onStart: string
  onConnect: string
  onDisconnect: string
  onParams: string
  onTerminate: string
  display: string
  warnBefore: number
  extendBy: number
  windowManager: string
}

export interface StaticData extends Kept {
  id: string
  data: Record<string, unknown>
}

export interface KindField {
  name: string
  type: string
  help: string
  fields?: KindField[]
}

export interface Kind {
  name: string
  title: string
  help: string
  input: KindField[]
  returns: { when: string; means: string }[]
  example: string
  actions: string[]
  limits: { cpu: number; wall: number; memory: number; output: number }
}

export interface Policy {
  name: string
  title: string
  help: string
  source: string
}

export interface Kinds {
  kinds: Kind[]
  engines: (string | { name: string; title: string })[]
  policies: Policy[]
}

export interface FunctionProblem {
  code: string
  detail: string
  line?: number
  column?: number
  hint?: string
  stack?: string
}

export interface Tried {
  value?: unknown
  outcome?: string
  log?: string[]
  took?: number
  error?: FunctionProblem | null
  live?: Tried | null
  chain?: { chosen: string | null; error?: string; servers: TraceServer[]; steps?: ChainStep[] } | null
}

export interface Recorded {
  id: string
  at: number
  input: Record<string, unknown>
}

export interface Measured {
  id: string
  name: string
  value: unknown
  error: string
}

export interface Permissions {
  default: string
  users: Record<string, string>
  groups: Record<string, string>
  boxes: string[]
  fixed: string | null
  revision: number
  actions: { name: string; help: string; limited: string; full: string; admin: string; box: boolean }[]
  levels: string[]
}

export interface Version<D> {
  at: number
  by: string
  document: D | null
}

const json = <A>(method: string, path: string, body?: unknown, query?: Record<string, string | number | undefined>) =>
  request<A>(method, path, { ...(body !== undefined && { body }), ...(query && { query }) })

const enc = encodeURIComponent

/** The routes that every kind of document has. `key` is the member that names it. */
export function resource<D extends Kept>(bucket: string, key: string, list = bucket) {
  const body = (document: Partial<D>) => {
    const { [key]: _id, revision: _revision, fixed: _fixed, ...rest } = document as Record<string, unknown>
    return rest
  }
  return {
    bucket,
    idOf: (document: D) => (document as unknown as Record<string, string>)[key]!,
    list: async (): Promise<D[]> => (await json<Record<string, D[]>>('GET', list))[bucket] ?? [],
    get: (id: string) => json<D>('GET', `${bucket}/${enc(id)}`),
    /** `revision` 0: it must be new; undefined: whatever there is. */
    put: (id: string, document: Partial<D>, revision?: number, force?: boolean) =>
      json<D>('PUT', `${bucket}/${enc(id)}`, body(document), { revision, ...(force && { force: 1 }) }),
    /** `force`: also what is in use, as for `put`. */
    remove: (id: string, force?: boolean) => json<void>('DELETE', `${bucket}/${enc(id)}`, undefined, force ? { force: 1 } : undefined),
    versions: async (id: string) => (await json<{ versions: Version<D>[] }>('GET', `${bucket}/${enc(id)}/versions`)).versions,
  }
}

export type Resource<D extends Kept> = ReturnType<typeof resource<D>>

export const forms = resource<FormDocument>('forms', 'id')
export const bookmarks = resource<Bookmark>('bookmarks', 'id', 'bookmarks?all=1')
export const functions = resource<FunctionDocument>('functions', 'id')
export const chains = resource<Chain>('chains', 'id')
export const profileDocuments = resource<ProfileDocument>('profiles', 'name', 'profiles?all=1')
export const staticData = resource<StaticData>('static-data', 'id')

export const ownBookmarks = async () => (await json<{ bookmarks: Bookmark[] }>('GET', 'bookmarks')).bookmarks
export const previewForm = async (html: string, name: string) =>
  (await json<{ form: ShownForm }>('POST', 'forms/preview', { html, ...(name && { name }) })).form
export const defaultForms = async () => (await json<{ forms: string[] }>('GET', 'default-forms')).forms
export const putDefaultForms = async (forms: string[]) => (await json<{ forms: string[] }>('PUT', 'default-forms', { forms })).forms
export const functionKinds = () => json<Kinds>('GET', 'function-kinds')
export const tryFunction = (body: Record<string, unknown>) => json<Tried>('POST', 'functions-try', body)
export const recordedInputs = async (kind: string) =>
  (await json<{ recorded: Recorded[] }>('GET', 'functions-recorded', undefined, { kind })).recorded
export const measured = async () => (await json<{ metrics: Measured[] }>('GET', 'functions-measured')).metrics
export const permissions = () => json<Permissions>('GET', 'permissions')
export const putPermissions = (rules: Pick<Permissions, 'default' | 'users' | 'groups' | 'boxes'>, revision: number) =>
  json<Permissions>('PUT', 'permissions', rules, { revision })

