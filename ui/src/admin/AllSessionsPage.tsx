/** Everybody's sessions, as a table. */

import { useState } from 'react'

import { useMe, useSessions } from '../app/place'
import { Empty, Loaded } from '../parts/states'
import { inOrder, matches } from '../sessions/order'
import { SessionTable } from '../sessions/SessionTable'
import { t } from '../strings/t'

export function AllSessionsPage() {
  const me = useMe().data
  const query = useSessions(true)
  const [words, setWords] = useState('')
  return (
    <>
      <h1>{t('page.allSessions')}</h1>
      <Loaded query={query} loading={t('load.sessions')}>
        {({ sessions }) => {
          const shown = inOrder(sessions.filter((session) => matches(session, words)))
          return (
            <>
              <div className="list-head">
                <p className="quiet" role="status">
                  {t('sessions.shown', { n: shown.length, all: sessions.length })}
                </p>
                <input type="search" className="input filter" aria-label={t('sessions.filter')} placeholder={t('sessions.filter')} value={words} onChange={(event) => setWords(event.target.value)} />
              </div>
              {shown.length === 0 ? <Empty title={words ? t('sessions.noMatch', { words }) : t('sessions.noneAtAll')} /> : <SessionTable sessions={shown} me={me} who />}
            </>
          )
        }}
      </Loaded>
    </>
  )
}
