/** A session as a card: its picture, its name, what it is doing, and the menu of what can be done with it. */

import { type KeyboardEvent, useRef } from 'react'

import type { Me, Session } from '../api/types'
import { Link } from '../app/router'
import { useStore } from '../app/store'
import { bytes, CONNECTABLE, LIVE, percent, queued, startFailed, stateWord, titleOf } from '../app/words'
import { Icon } from '../parts/Icon'
import { Menu } from '../parts/Menu'
import { Spark } from '../parts/Spark'
import { Failure } from '../parts/states'
import { seconds, Time } from '../parts/Time'
import { FailedStart } from '../session/FailedStart'
import { Progress } from '../session/Progress'
import { Queued } from '../session/Queued'
import { t } from '../strings/t'
import { actionFor, actionsOn, asEntries, clearTrouble, renaming, troubles } from './actions'
import { noted } from './history'
import { Rename } from './Rename'
import { TellMe } from './TellMe'
import { Thumbnail } from './Thumbnail'

interface SessionCardProps {
  session: Session
  me: Me | undefined
  again: (session: Session) => void
}

export function SessionCard({ session, me, again }: SessionCardProps) {
  const actions = actionsOn(session, me)
  const trouble = useStore(troubles)[session.id]
  const editing = useStore(renaming) === session.id
  const card = useRef<HTMLElement>(null)
  const failed = startFailed(session)
  const openable = CONNECTABLE.has(session.state)
  const name = titleOf(session)

  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement
    if (target.closest('input, textarea, dialog, .menu')) return
    if (event.key === 'Enter' && target !== card.current) return
    const action = actionFor(actions, event)
    if (!action) return
    event.preventDefault()
    action.run()
  }

  return (
    <article
      ref={card}
      className={`card ${failed ? 'failed-card' : session.state}`}
      aria-labelledby={`name-${session.id}`}
      data-session={session.id}
      onKeyDown={onKeyDown}
    >
      {session.state !== 'pending' && !failed && session.state !== 'ended' && (
        <Thumbnail id={session.id} live={openable} name={name} />
      )}
      <div className="card-body">
        <header className="card-head">
          <h2 id={`name-${session.id}`} title={session.command}>
            {editing ? (
              <Rename session={session} />
            ) : (
              <Link className="card-link" to={openable || session.state === 'pending' ? `session/${session.id}` : `session/${session.id}/info`}>
                {name}
              </Link>
            )}
          </h2>
          <Menu label={t('card.menu', { name })} entries={asEntries(actions)}>
            <Icon name="more" />
          </Menu>
        </header>
        <p className="card-state">
          <span className={`badge ${failed ? 'failed' : session.state}`}>{stateWord(session)}</span>
          <Since session={session} />
          {session.clients > 0 && (
            <span className="with-icon">
              <Icon name="eye" />
              {t('card.viewers', { n: session.clients })}
            </span>
          )}
        </p>
        {session.login !== me?.login.sub && <p className="small">{t('card.of', { login: session.login })}</p>}
        {session.state === 'pending' && (queued(session) ? <Queued session={session} brief /> : <Progress id={session.id} session={session} since={session.created} />)}
        {failed && <FailedStart id={session.id} session={session} />}
        {session.state === 'ended' && !failed && <p className="quiet small pre">{session.reason || session.message}</p>}
        {session.state === 'lost' && <p className="quiet small">{t('card.lost')}</p>}
        {session.job?.endsAt && openable && (
          <p className="quiet small">
            {t('card.jobEndsAt')} <Time at={session.job.endsAt} />
          </p>
        )}
        {session.endsAt !== null && LIVE.has(session.state) && (
          <p className="small warn-text">
            {t('card.endsAt')} <Time at={session.endsAt} />
          </p>
        )}
        {session.lookedBy && session.lookedAt && (
          <p className="small">
            {t('card.lookedBy', { login: session.lookedBy })} <Time at={session.lookedAt} />
          </p>
        )}
        {openable && <Figures session={session} />}
        {session.state === 'pending' && (
          <div className="row">
            <TellMe session={session} />
            <button type="button" className="button small" onClick={() => actions.find((one) => one.name === 'terminate')?.run()}>
              {queued(session) ? t('do.cancelJob') : t('do.cancelStart')}
            </button>
          </div>
        )}
        {session.state === 'ended' && (
          <div className="row">
            <button type="button" className="button small" onClick={() => again(session)}>
              {t('do.again')}
            </button>
            <button type="button" className="button small" onClick={() => actions.find((one) => one.name === 'purge')?.run()}>
              {t('do.putAway')}
            </button>
          </div>
        )}
        {trouble && (
          <div>
            <Failure error={trouble.problem} title={t('didNot', { what: trouble.what, name })} />
            <button type="button" className="link" onClick={() => clearTrouble(session.id)}>
              {t('do.putAway')}
            </button>
          </div>
        )}
      </div>
    </article>
  )
}

function Since({ session }: { session: Session }) {
  const at = session.ended ?? session.started ?? session.created
  return <span className="quiet">{at ? <Time at={at} /> : null}</span>
}

function Figures({ session }: { session: Session }) {
  const figures = noted(session, seconds())
  return (
    <dl className="figures">
      <div>
        <dt>{t('card.server')}</dt>
        <dd>{session.serverId || session.hostname}</dd>
      </div>
      <div>
        <dt>{t('card.cpu')}</dt>
        <dd>
          {percent(session.cpuPercentage)}
          <Spark values={figures.cpu} top={100} />
        </dd>
      </div>
      <div>
        <dt>{t('card.memory')}</dt>
        <dd>
          {bytes(session.memory)}
          <Spark values={figures.memory} top={Math.max(session.memory * 1.5, 1)} />
        </dd>
      </div>
    </dl>
  )
}
