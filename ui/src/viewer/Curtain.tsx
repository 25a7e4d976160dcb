/** What stands before the picture: connecting, coming back, over, failed; and before there is a session at all. */

import { type ReactNode, useEffect } from 'react'

import type { Session } from '../api/types'
import { go, Link as PageLink } from '../app/router'
import { useStore } from '../app/store'
import { duration, queued, startFailed, titleOf } from '../app/words'
import { announce } from '../parts/announce'
import { Failure, sentence } from '../parts/states'
import { useNow } from '../parts/Time'
import { asProblem } from '../api/problem'
import { FailedStart } from '../session/FailedStart'
import { Progress } from '../session/Progress'
import { Queued } from '../session/Queued'
import { begin, type Start } from '../sessions/starts'
import { known, t } from '../strings/t'
import type { Link, LinkState } from './link'

export function Curtain({ link, session, focusPicture }: { link: Link; session: Session; focusPicture: () => void }) {
  const state = useStore(link.state)
  useEffect(() => {
    announce(said(state, session))
    if (state.now === 'connected') focusPicture()
    // the sentences of a state are the same throughout it
  }, [state.now])
  switch (state.now) {
    case 'connected':
      return null
    case 'connecting':
      return (
        <div className="curtain light">
          <p className="curtain-box slim">
            <span className="spinner" aria-hidden="true" />
            {t('viewer.connecting')}
          </p>
        </div>
      )
    case 'reconnecting':
      return (
        <div className="curtain grey">
          <Reconnecting state={state} link={link} />
        </div>
      )
    case 'over':
      return (
        <div className="curtain grey">
          <Over state={state} link={link} session={session} />
        </div>
      )
    case 'failed':
      return (
        <div className="curtain grey">
          <Box title={t('viewer.failed')}>
            <Failure error={state.problem} />
            <Ways>
              <button type="button" className="button" onClick={() => link.again()}>
                {t('do.retry')}
              </button>
            </Ways>
          </Box>
        </div>
      )
  }
}

const said = (state: LinkState, session: Session): string =>
  ({
    connecting: t('viewer.connecting'),
    connected: t('viewer.connected', { name: titleOf(session) }),
    reconnecting: state.now === 'reconnecting' && !state.had ? t('viewer.notYet') : t('viewer.reconnecting'),
    over: state.now === 'over' ? `${overTitle(state.code)} ${state.reason}` : '',
    failed: t('viewer.failed'),
  })[state.now]

function Reconnecting({ state, link }: { state: Extract<LinkState, { now: 'reconnecting' }>; link: Link }) {
  const now = useNow(1_000)
  const left = Math.max(0, Math.ceil(state.again / 1000 - now))
  return (
    <div className="curtain-box slim" role="status">
      <span className="spinner" aria-hidden="true" />
      <span>
        {state.had ? t('viewer.reconnecting') : t('viewer.notYet')}
        {state.tries > 2 && left > 0 && ` ${t('viewer.again', { n: left })}`}
        {!navigator.onLine && ` ${t('viewer.offline')}`}
      </span>
      {state.tries > 2 && (
        <>
          <button type="button" className="button small" onClick={() => link.again()}>
            {t('viewer.now')}
          </button>
          <PageLink className="button small" to="">
            {t('viewer.toSessions')}
          </PageLink>
        </>
      )}
    </div>
  )
}

const overTitle = (code: string): string => known(`over.${code}`, t('over.ended'))

function Over({ state, link, session }: { state: Extract<LinkState, { now: 'over' }>; link: Link; session: Session }) {
  const lives = ['suspended', 'idle', 'taken', 'forbidden', 'logged-out'].includes(state.code)
  return (
    <Box title={overTitle(state.code)}>
      {state.reason && <p className="pre">{state.reason}</p>}
      <p className="quiet">{known(`overNext.${state.code}`, t('overNext.ended'))}</p>
      {session.ended && session.started && <p className="quiet small">{t('over.lasted', { time: duration(session.ended - session.started) })}</p>}
      <Ways>
        {lives || state.code === 'not-connectable' ? (
          <button type="button" className="button primary" autoFocus onClick={() => link.again()}>
            {t('over.back')}
          </button>
        ) : (
          <button type="button" className="button" onClick={() => again(session)}>
            {t('do.again')}
          </button>
        )}
        {!lives && (
          <PageLink className="button" to={`session/${session.id}/log`}>
            {t('do.log')}
          </PageLink>
        )}
      </Ways>
    </Box>
  )
}

const again = ({ command, name, geometry, profile, keyboardLayout, params }: Session) => {
  const { bookmarkId } = params // a bookmark's profile may be for bookmarks alone
  const wanted = { command, name, geometry, profile, keyboardLayout, params, ...(typeof bookmarkId === 'string' && { bookmarkId }) }
  go(`session/${begin(wanted)}`, 'replace')
}

function Box({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="curtain-box" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}

function Ways({ children }: { children?: ReactNode }) {
  return (
    <div className="row wrap">
      {children}
      <PageLink className="button" to="">
        {t('viewer.toSessions')}
      </PageLink>
    </div>
  )
}

/** No picture yet, or never: the progress of the start, or how it failed. */
export function Before(props: { id: string; session: Session | undefined; start: Start | undefined; error: unknown }) {
  const { id, session, start, error } = props
  const name = session ? titleOf(session) : start?.request.name || start?.request.command || ''
  const refused = start?.status === 'refused'
  const problem = error ? asProblem(error) : null
  useEffect(() => {
    document.title = name || t('viewer.failed')
  }, [name])
  return (
    <main className="before" id="main">
      <div className="curtain-box">
        <h1>{name || t('viewer.failed')}</h1>
        {refused || (session && startFailed(session)) ? (
          <>
            <p className="badge failed">{t('state.failed')}</p>
            <FailedStart id={id} session={session} problem={start?.problem} />
          </>
        ) : session && queued(session) ? (
          <Queued session={session} />
        ) : session?.state === 'pending' || (!session && start) ? (
          <Progress id={id} session={session} since={session?.created ?? start!.asked} />
        ) : session ? (
          <>
            <p>{known(`over.${session.state}`, t('over.ended'))}</p>
            {session.reason && <p className="pre quiet">{session.reason}</p>}
          </>
        ) : (
          <Failure error={error} title={problem ? sentence(problem) : t('viewer.failed')} />
        )}
        <div className="row wrap">
          {session && session.state === 'ended' && (
            <button type="button" className="button" onClick={() => again(session)}>
              {t('do.again')}
            </button>
          )}
          {session && (session.state !== 'pending' || queued(session)) && (
            <PageLink className="button" to={`session/${id}/info`}>
              {t('do.details')}
            </PageLink>
          )}
          <PageLink className="button" to="">
            {t('viewer.toSessions')}
          </PageLink>
        </div>
      </div>
    </main>
  )
}
