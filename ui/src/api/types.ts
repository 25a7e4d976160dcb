/** The documents of the HTTP API, as docs/design/http-api.md has them. Times are seconds since 1970, memory is bytes. */

export type State = 'pending' | 'running' | 'suspended' | 'ending' | 'ended' | 'lost'

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
  job: string | null
  cpuPercentage: number
  memory: number
  bytesOut: number
  openGl: string
  origin: string
  reason: string | null
  exitCode: number | null
  message: string | null
  endsAt: number | null
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
  id: string
  command: string
  geometry?: string
  name?: string
  params?: Record<string, unknown>
  profile?: string
  keyboardLayout?: string
}

export interface TraceServer {
  serverId: string
  kept: boolean
  rule?: string
  figure?: unknown
}

export interface Step {
  step: string
  took: number
  at: number
  result: string
  detail?: string
  servers?: TraceServer[]
}

export interface Trace {
  id: string
  outcome: string
  steps: Step[]
}

export type StartStage =
  | { stage?: undefined; result: Session; trace: Step[] | Trace }
  | { stage: 'form'; form: unknown }
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
