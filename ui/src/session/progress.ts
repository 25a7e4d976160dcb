/** How far a start has come, read off its trace: submitted, starting, display up, ready. */

import type { Session, Step } from '../api/types'

export const MILESTONES = ['submitted', 'starting', 'display', 'ready'] as const
export type Milestone = (typeof MILESTONES)[number]

/** By the steps' names in start/perform.py and sessiond; what is not here comes before the start proper. */
const REACHED: Record<string, Milestone> = {
  'link': 'starting',
  'gate': 'starting',
  'handed over': 'starting',
  'display-spawned': 'starting',
  'display-connectable': 'starting',
  'display-alive': 'display',
  'command-started': 'ready',
  'running': 'ready',
} // prettier-ignore

/** The last milestone that was reached. */
export function reached(session: Pick<Session, 'state'> | undefined, steps: Step[]): Milestone {
  if (session && session.state !== 'pending') return 'ready'
  let furthest = 0
  for (const step of steps) {
    const milestone = REACHED[step.step] ?? 'submitted'
    furthest = Math.max(furthest, MILESTONES.indexOf(milestone))
  }
  return MILESTONES[furthest]!
}
