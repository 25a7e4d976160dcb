/** The documents of the HTTP API, as docs/design/http-api.md has them. Times are seconds since 1970, memory is bytes. */

import type { ShownForm } from './administered'

export type State = 'pending' | 'running' | 'suspended' | 'ending' | 'ended' | 'lost'

export type JobState = 'queued' | 'held' | 'starting' | 'running' | 'ending' | 'done' | 'failed' | 'cancelled' | 'unknown'

/** What a job scheduler or a container engine says of a session. `said` is its own word for the state. */
export interface Job {
  launcher: string
  id: string
  state: JobState
  said: string
  reason: string
  queue: string
  place: number | null
  startsFrom: number | null
  startsTo: number | null
  endsAt: number | null
  hosts: string[]
  exitCode: number | null
  submitted: number | null
  seen: number | null
  log: string
}

export interface Session {
  id: string
  serverId: string
  login: string
  user: string
  command: string
  state: State
  hostname: string
  display: string | null
  geometry: string
  windowMode: string
  name: string
  params: Record<string, unknown>
  profile: string
  keyboardLayout: string
  created: number
  started: number | null
  ended: number | null
  lastConnect: number | null
  lastDisconnect: number | null
  clients: number
  launcher: string
  job: Job | null
  cpuPercentage: number
  memory: number
  bytesOut: number
  openGl: string
  origin: string
  reason: string | null
  /** The stable code of the error that it is over by; `terminated` where its end was asked for. */
  cause: string | null
  exitCode: number | null
  message: string | null
  endsAt: number | null
  lookedBy: string | null
  lookedAt: number | null
}

export interface Login {
  sub: string
  iss: string
  iat: number
  exp: number
  aud: 'web' | 'api' | 'link'
  jti: string
  method: string
  level: string
  address: string
  name: string
  lastSeen: number | null
  current?: boolean
}

export interface Method {
  name: string
  title: string
  user: boolean
  password: boolean
}

/** GET /: what may be known before a login. */
export interface Place {
  name: string
  version: string
  title: string
  serverId: string
  loginNotice: string
  methods: Method[]
  onePerson: boolean
}

export type Permission = 'own' | 'any'

/** GET /login: who this is and what they may do. */
export interface Me {
  login: Login
  user: { name: string; uid: number; groups: string[] }
  level: string
  permissions: Partial<Record<string, Permission>>
  notice: string
  title: string
  serverId: string
  onePerson: boolean
  /** Launchers whose jobs can be given more time. */
  extendable: string[]
}

export interface Prompt {
  text: string
  echo: boolean
}

export interface PromptStage {
  stage: 'prompt'
  attempt: string
  title: string
  instructions: string
  prompts: Prompt[]
}

export type LoginStage =
  | { stage: 'success'; login: Login; token?: string }
  | PromptStage
  | { stage: 'sign'; attempt: string; data: string }

export interface StartRequest {
  /** Of an administrator who tries one. */
  launcher?: string
  id: string
  command: string
  geometry?: string
  name?: string
  params?: Record<string, unknown>
  profile?: string
  keyboardLayout?: string
  bookmarkId?: string
  /** Ids of the forms that were shown. */
  answered?: string[]
  /** Forms that ask nothing are shown, too. */
  notices?: boolean
  /** Only say what remains to be asked; start nothing. */
  review?: boolean
}

export interface TraceServer {
  serverId: string
  kept: boolean
  rule?: string
  figure?: unknown
  /** The step of the chain, if it was one. */
  step?: string
}

export interface ChainStep {
  name: string
  result: string
  rule: string
  before: number
  after: number
  took: number
  log?: string[]
}

export interface Step {
  step: string
  took: number
  at: number
  result: string
  detail?: string
  servers?: TraceServer[]
  /** Of the balancing step: what each of its own steps did, and how many servers each rule dropped. */
  chain?: ChainStep[]
  dropped?: Record<string, number>
}

export interface Trace {
  id: string
  outcome: string
  steps: Step[]
}

export type StartStage =
  | { stage?: undefined; result: Session; trace: Step[] | Trace }
  | { stage: 'scheduled'; result: Session; trace: Step[] | Trace; text: string }
  | { stage: 'form'; form: ShownForm }
  | { stage: 'review' }
  | { stage: 'auth'; attempt: string; title: string; instructions: string; prompts: Prompt[]; session: string }

export interface Connect {
  ticket: string
  url: string
  expires: number
  session: Session
}

export interface Process {
  pid: number
  ppid: number
  command: string
  cpuPercentage: number
  memory: number
  started: number
}

export interface Connection {
  id: string
  login: string
  address: string
  since: number
  bytesIn: number
  bytesOut: number
}

export interface Profile {
  name: string
  description: string
  geometry: string
  maximumGeometry: string
  endAfterDisconnected: number
  disconnectWhenIdle: number
  openGl: boolean
  clipboard: string
}

export interface Keyboard {
  name: string
  title: string
}

export interface Server {
  serverId: string
  hostname: string
  version?: string
  urls?: string[]
  sessions?: number
  pending?: number
  uniqueSessionUsers?: number
  logins?: number
  uniqueLogins?: number
  loggedInUsers?: string[]
  uptime?: number
  cpu?: number
  loadavg?: number[]
  cpus?: number
  totalmem?: number
  freemem?: number
  loginsEnabled?: boolean
  startsEnabled?: boolean
  draining?: boolean
  updated?: number
}

export interface Setting {
  name: string
  value: unknown
  default: unknown
  help: string
  scope: 'local' | 'global'
  live: boolean
  kind: string
  unit: string
  choices: string[]
  fixed: string | null
  /** Why starts would fail with it as it is. */
  problem?: string | null
}

export interface AuditEntry {
  at: number
  login: string
  action: string
  session: string | null
  address: string
  outcome: string
  detail: string
}
