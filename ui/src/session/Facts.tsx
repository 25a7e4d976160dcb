/** What is known of a session. */

import type { ReactNode } from 'react'

import type { Session } from '../api/types'
import { may, useMe } from '../app/place'
import { bytes, CONNECTABLE, duration, percent, titleOf } from '../app/words'
import { Time } from '../parts/Time'
import { Thumbnail } from '../sessions/Thumbnail'
import { t, type Key } from '../strings/t'
import { jobState } from './Queued'

export function Facts({ session }: { session: Session }) {
  const me = useMe().data
  const picture = CONNECTABLE.has(session.state) && may(me, 'session/screenshot', session)
  const time = (at: number | null) => (at ? <Time at={at} /> : null)
  const rows: [Key, ReactNode][] = [
    ['fact.command', <code key="c">{session.command}</code>],
    ['fact.login', session.login],
    ['fact.user', session.user],
    ['fact.server', session.hostname && session.hostname !== session.serverId ? `${session.serverId} (${session.hostname})` : session.serverId],
    ['fact.display', session.display],
    ['fact.geometry', session.windowMode === 'rootless' ? t('geometry.rootless') : session.geometry],
    ['fact.keyboard', session.keyboardLayout],
    ['fact.profile', session.profile],
    ['fact.openGl', session.openGl],
    ['fact.origin', session.origin === 'hand' ? t('origin.hand') : t('origin.pipeline')],
    ['fact.created', time(session.created)],
    ['fact.tookToStart', session.started ? duration(session.started - session.created) : null],
    ['fact.lastConnect', time(session.lastConnect)],
    ['fact.lastDisconnect', time(session.lastDisconnect)],
    ['fact.ended', time(session.ended)],
    ['fact.endsAt', time(session.endsAt)],
    ['fact.viewers', String(session.clients)],
    ['fact.lookedBy', session.lookedBy],
    ['fact.lookedAt', time(session.lookedAt)],
    ['fact.cpu', percent(session.cpuPercentage)],
    ['fact.memory', bytes(session.memory)],
    ['fact.sent', bytes(session.bytesOut)],
    ['fact.reason', session.reason],
    ['fact.exitCode', session.exitCode === null ? null : String(session.exitCode)],
    ['fact.message', session.message],
    ['fact.launcher', session.launcher],
    ['fact.job', session.job?.id],
    ['fact.jobState', session.job && jobState(session.job)],
    ['fact.queue', session.job?.queue],
    ['fact.hosts', session.job?.hosts.join(', ')],
    ['fact.submitted', time(session.job?.submitted ?? null)],
    ['fact.jobEndsAt', time(session.job?.endsAt ?? null)],
    ['fact.id', <code key="i">{session.id}</code>],
  ]
  return (
    <div className={picture ? 'with-picture' : ''}>
      {picture && <Thumbnail id={session.id} live name={titleOf(session)} />}
      <dl className="facts">
      {rows
        .filter(([, value]) => value !== null && value !== '' && value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{t(name)}</dt>
            <dd className="pre">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
