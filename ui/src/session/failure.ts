/** What a failed start says and what to try next: from its code; where that says no more, from its programs' output. */

import type { Problem } from '../api/problem'
import type { Session } from '../api/types'
import type { Key } from '../strings/t'

/** What programs print in the same words everywhere. */
const SIGNS: [RegExp, Key][] = [
  [/no space left on device|disk quota exceeded/i, 'try.space'],
  [/read-only file system/i, 'try.readonly'],
  [/(cannot|can't|could not|unable to) open display/i, 'try.display'],
  [/out of memory|cannot allocate memory/i, 'try.memory'],
]
const OVER = new Set(['done', 'failed', 'cancelled'])
const NOT_EXECUTABLE = 126

/** The stable code of what went wrong; `start-failed` where it is only known that something did. */
export function codeOf(session: Session | undefined, problem: Problem | undefined): string {
  const code = problem?.code || session?.cause || ''
  if (code && code !== 'start-failed') return code === 'command-not-run' && session?.exitCode === NOT_EXECUTABLE ? 'command-not-permitted' : code
  return session?.job && OVER.has(session.job.state) ? 'job-over' : 'start-failed'
}

export const whatToTry = (output: string): Key => SIGNS.find(([sign]) => sign.test(output))?.[1] ?? 'try.other'

/** The last lines that are not empty. */
export const lastLines = (log: string, count: number): string =>
  log.split('\n').filter((line) => line.trim() !== '').slice(-count).join('\n')
