/** The first page: start a session, and all those there are. */

import { type ReactNode, useEffect, useRef, useState } from 'react'

import type { Session } from '../api/types'
import { liveness, useMe, useSessions } from '../app/place'
import { go } from '../app/router'
import { useStore } from '../app/store'
import { LIVE, startFailed } from '../app/words'
import { Empty, Loaded } from '../parts/states'
import { t } from '../strings/t'
import { answersOf } from './defaults'
import { inOrder, matches } from './order'
import { NewSession } from './NewSession'
import { SessionCard } from './SessionCard'
import { SessionTable } from './SessionTable'
import { StartCard } from './StartCard'
import { begin, forget, starts } from './starts'

/** More than this are a table. */
const CARDS = 50

const again = (session: Session): void => {
  const id = begin({
    command: session.command,
    name: session.name,
    geometry: session.geometry,
    profile: session.profile,
    keyboardLayout: session.keyboardLayout,
    params: session.params,
    ...(typeof session.params['bookmarkId'] === 'string' && { bookmarkId: session.params['bookmarkId'] }),
  })
  if (answersOf().open) go(`session/${id}`)
}

/** Keeps the focus in the list when the card that had it goes away. */
function Kept({ label, children }: { label: string; children: ReactNode }) {
  const section = useRef<HTMLElement>(null)
  const held = useRef<Element | null>(null)
  useEffect(() => {
    if (held.current && !held.current.isConnected && document.activeElement === document.body) {
      held.current = null
      section.current?.focus({ preventScroll: true })
    }
  })
  return (
    <section ref={section} tabIndex={-1} aria-label={label} onFocus={(event) => (held.current = event.target)}>
      {children}
    </section>
  )
}

export function SessionsPage() {
  const me = useMe().data
  const query = useSessions()
  const [words, setWords] = useState('')
  const asked = Object.values(useStore(starts))
  const live = useStore(liveness)

  return (
    <>
      <h1 className="unseen">{t('sessions.title')}</h1>
      <NewSession me={me} />
      <Loaded query={query} loading={t('load.sessions')}>
        {({ sessions }) => {
          const known = new Set(sessions.map((session) => session.id))
          // a refused start that left a record is told by the record
          const loose = asked.filter((start) => start.status !== 'done' && start.status !== 'form' && !known.has(start.request.id))
          const shown = inOrder(sessions.filter((session) => matches(session, words)))
          const over = shown.filter((session) => session.state === 'ended' && !startFailed(session))
          const present = shown.filter((session) => session.state !== 'ended' || startFailed(session))
          return (
            <Kept label={t('sessions.title')}>
              <div className="list-head">
                <p className="quiet" role="status">
                  {sessions.length + loose.length > 0 && t('sessions.count', { n: sessions.filter((session) => LIVE.has(session.state)).length })}
                  {live === 'polling' && !query.error && <span className="warn-text"> · {t('live.polling')}</span>}
                </p>
                {sessions.length > 4 && (
                  <input
                    type="search"
                    className="input filter"
                    aria-label={t('sessions.filter')}
                    placeholder={t('sessions.filter')}
                    value={words}
                    onChange={(event) => setWords(event.target.value)}
                  />
                )}
              </div>
              {sessions.length === 0 && loose.length === 0 ? (
                <Empty title={t('sessions.none')}>
                  <p>{t('sessions.noneText')}</p>
                </Empty>
              ) : words && shown.length === 0 ? (
                <Empty title={t('sessions.noMatch', { words })}>
                  <button type="button" className="button" onClick={() => setWords('')}>
                    {t('sessions.showAll')}
                  </button>
                </Empty>
              ) : sessions.length > CARDS ? (
                <SessionTable sessions={shown} me={me} />
              ) : (
                <>
                  <div className="cards">
                    {loose.map((start) => (
                      <StartCard
                        key={start.request.id}
                        start={start}
                        again={() => {
                          const { id: _, ...request } = start.request
                          forget(start.request.id)
                          begin(request)
                        }}
                      />
                    ))}
                    {present.map((session) => (
                      <SessionCard key={session.id} session={session} me={me} again={again} />
                    ))}
                  </div>
                  {over.length > 0 && (
                    <details className="over" open={words !== '' || undefined}>
                      <summary>{t('sessions.over', { n: over.length })}</summary>
                      <div className="cards">
                        {over.map((session) => (
                          <SessionCard key={session.id} session={session} me={me} again={again} />
                        ))}
                      </div>
                    </details>
                  )}
                </>
              )}
            </Kept>
          )
        }}
      </Loaded>
    </>
  )
}
