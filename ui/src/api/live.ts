/**
 * Keeps the lists of sessions, logins and servers true by the server's events; by polling while events do not come.
 *
 * While the page is hidden the stream is closed after a minute: browsers allow six connections to a server over HTTP/1.1,
 * and a person may have more tabs than that. Coming back resumes after the last event.
 */

import type { QueryClient } from '@tanstack/react-query'

import { Problem } from './problem'
import { follow, type Message } from './stream'
import type { Session } from './types'

export type Liveness = 'connecting' | 'live' | 'polling'

export interface SessionList {
  sessions: Session[]
  event: number
}

const POLL = 5_000
const HIDDEN_FOR = 60_000

/** The list with this session in its place; the same list when there is nothing new in it. */
export function withSession(list: SessionList, session: Session): SessionList {
  const place = list.sessions.findIndex((other) => other.id === session.id)
  const sessions = place < 0 ? [...list.sessions, session] : list.sessions.with(place, session)
  return { ...list, sessions }
}

export function goLive(
  client: QueryClient,
  everybody: boolean,
  mine: (session: Session) => boolean,
  tell: (now: Liveness) => void,
): () => void {
  let lastEventId = ''
  let failures = 0
  let stop = new AbortController()
  let again: ReturnType<typeof setTimeout> | undefined
  let hiddenSince: ReturnType<typeof setTimeout> | undefined
  let over = false

  const listAgain = () => {
    void client.invalidateQueries({ queryKey: ['sessions'] })
    void client.invalidateQueries({ queryKey: ['logins'] })
    void client.invalidateQueries({ queryKey: ['servers'] })
  }

  const take = (message: Message) => {
    if (message.id) lastEventId = message.id
    const document: unknown = message.data ? JSON.parse(message.data) : null
    apply(client, message.event, document, mine, listAgain)
  }

  const run = async () => {
    const signal = stop.signal
    let opened = false
    try {
      await follow('events', take, {
        lastEventId,
        signal,
        ...(everybody && { query: { all: '1' } }),
        opened: () => {
          opened = true
          failures = 0
          // without a place to resume from, whatever happened before the stream opened is only in the lists
          if (!lastEventId) listAgain()
          tell('live')
        },
      })
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Problem && error.loggedOut) return
    }
    if (signal.aborted || over) return
    failures = opened ? 1 : failures + 1
    if (failures > 1) {
      tell('polling')
      listAgain()
    }
    again = setTimeout(run, failures > 1 ? POLL : 500)
  }

  const begin = () => {
    stop.abort()
    clearTimeout(again)
    stop = new AbortController()
    void run()
  }
  const seen = () => {
    clearTimeout(hiddenSince)
    if (document.hidden) {
      hiddenSince = setTimeout(() => {
        clearTimeout(again)
        stop.abort()
      }, HIDDEN_FOR)
    } else if (stop.signal.aborted) begin()
  }

  document.addEventListener('visibilitychange', seen)
  window.addEventListener('online', begin)
  tell('connecting')
  begin()
  return () => {
    over = true
    stop.abort()
    clearTimeout(again)
    clearTimeout(hiddenSince)
    document.removeEventListener('visibilitychange', seen)
    window.removeEventListener('online', begin)
  }
}

/** One event's effect on what the pages know. */
export function apply(
  client: QueryClient,
  event: string,
  document: unknown,
  mine: (session: Session) => boolean,
  listAgain: () => void,
): void {
  const known = (document ?? {}) as { id?: string }
  switch (event) {
    case 'reset':
      return listAgain()
    case 'session': {
      const session = document as Session
      client.setQueryData(['session', session.id], session)
      for (const [key] of client.getQueriesData<SessionList>({ queryKey: ['sessions'] }))
        if (key[1] === 'all' || mine(session))
          client.setQueryData<SessionList>(key, (list) => list && withSession(list, session))
      return
    }
    case 'session-gone': {
      client.setQueriesData<SessionList>(
        { queryKey: ['sessions'] },
        (list) => list && { ...list, sessions: list.sessions.filter((other) => other.id !== known.id) },
      )
      void client.invalidateQueries({ queryKey: ['session', known.id] })
      return
    }
    case 'trace':
      return void client.invalidateQueries({ queryKey: ['trace', known.id] })
    case 'login':
    case 'login-gone':
      return void client.invalidateQueries({ queryKey: ['logins'] })
    case 'server':
      return void client.invalidateQueries({ queryKey: ['servers'] })
  }
}
