/** An error that a person may read: what happened, why, what to do, and an id to quote (RFC 9457). */

export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  /** The id to quote; empty when the server was not reached. */
  readonly instance: string
  readonly field: string | null
  readonly retryAfter: number | null
  readonly log: string
  readonly steps: unknown[]
  /** Everything that the server said, for those who know the code. */
  readonly document: Record<string, unknown>

  constructor(status: number, document: Record<string, unknown>) {
    const text = (name: string) => (typeof document[name] === 'string' ? (document[name] as string) : '')
    super(text('detail') || text('title') || `HTTP ${status}`)
    this.name = 'Problem'
    this.status = status
    this.code = text('code') || (status === 0 ? 'unreachable' : 'error')
    this.title = text('title')
    this.detail = text('detail')
    this.instance = text('instance')
    this.field = text('field') || null
    const wait = document['retry_after'] ?? document['retryAfter']
    this.retryAfter = typeof wait === 'number' ? wait : null
    this.log = text('log')
    this.document = document
    this.steps = Array.isArray(document['steps']) ? document['steps'] : []
  }

  get loggedOut(): boolean {
    return this.status === 401 && this.code !== 'login-failed'
  }

  /** Worth trying again without anybody changing anything. */
  get passing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

/** What fetch says of it ("Failed to fetch") would tell nobody more. */
export const unreachable = (): Problem => new Problem(0, { code: 'unreachable' })

/** The problem of an answer that is not 2xx; a proxy's HTML page becomes one as well. */
export async function problemOf(answer: Response): Promise<Problem> {
  let document: unknown = null
  if ((answer.headers.get('content-type') ?? '').includes('json')) document = await answer.json().catch(() => null)
  const known = document !== null && typeof document === 'object' ? (document as Record<string, unknown>) : {}
  return new Problem(answer.status, known)
}

export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(-1, { code: 'page', detail: String(error) })
