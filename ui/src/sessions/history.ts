/** The last figures of each session, for the tiny lines: the server keeps only the present ones. */

import type { Session } from '../api/types'

const KEPT = 40
const figures = new Map<string, { at: number; cpu: number; memory: number }[]>()

/** Notes the session's figures and returns those known, the oldest first. At most one for each second. */
export function noted(session: Session, now: number): { cpu: number[]; memory: number[] } {
  const list = figures.get(session.id) ?? []
  const last = list.at(-1)
  if (!last || now - last.at >= 1) {
    list.push({ at: now, cpu: session.cpuPercentage, memory: session.memory })
    if (list.length > KEPT) list.shift()
    figures.set(session.id, list)
  }
  return { cpu: list.map((one) => one.cpu), memory: list.map((one) => one.memory) }
}
