/** In which order sessions are shown, and which of them some words mean. */

import type { Session } from '../api/types'
import { LIVE, startFailed, stateWord } from '../app/words'

const FRESH = 600

/** Newest first; what comes up or has just failed before what runs, what failed some time ago after it, the rest last. */
export function inOrder(sessions: Session[], now = Date.now() / 1000): Session[] {
  const rank = (session: Session) => {
    if (session.state === 'pending') return 0
    if (startFailed(session)) return now - session.created < FRESH ? 1 : 3
    return LIVE.has(session.state) ? 2 : 4
  }
  return [...sessions].sort((a, b) => rank(a) - rank(b) || b.created - a.created)
}

export const matches = (session: Session, words: string): boolean => {
  const text = [session.name, session.command, session.serverId, session.login, session.id, stateWord(session)].join(' ').toLowerCase()
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word))
}
