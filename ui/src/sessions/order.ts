/** In which order sessions are shown, and which of them some words mean. */

import type { Session } from '../api/types'
import { LIVE, startFailed, stateWord } from '../app/words'

/** Newest first; what is coming up or failed before what runs, what runs before what is over. */
export function inOrder(sessions: Session[]): Session[] {
  const rank = (session: Session) => (session.state === 'pending' ? 0 : startFailed(session) ? 1 : LIVE.has(session.state) ? 2 : 3)
  return [...sessions].sort((a, b) => rank(a) - rank(b) || b.created - a.created)
}

export const matches = (session: Session, words: string): boolean => {
  const text = [session.name, session.command, session.serverId, session.login, session.id, stateWord(session)].join(' ').toLowerCase()
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word))
}
