/** A session that waits for a job scheduler or a script: what that says of it, and how long it has waited. */

import type { ReactNode } from 'react'

import type { Job, Session } from '../api/types'
import { clock, duration } from '../app/words'
import { Time, useNow } from '../parts/Time'
import { known, number, t, type Key } from '../strings/t'

/** In our words, with the scheduler's own where it has one. */
export const jobState = (job: Job): string => {
  const ours = t(`job.${job.state}` as Key)
  return job.said && job.said.toLowerCase() !== ours.toLowerCase() ? `${ours} (${job.said})` : ours
}

/** The interval in which it is expected to start, as a person would say it: what has passed of it is not told. */
export function expected(job: Job, now: number): string | null {
  const { startsFrom: from, startsTo: to } = job
  if (from === null && to === null) return null
  if ((to ?? from!) <= now) return t('queued.soon')
  if (to !== null && (from === null || from <= now)) return t('queued.before', { time: clock(to, now) })
  if (to === null || to - from! < 60) return t('queued.about', { time: clock(from!, now) })
  return t('queued.between', { from: clock(from!, now), to: clock(to, now) })
}

/** While its scheduler answers, `seen` is when there was last something new, which may be long ago. A state that it has
 *  told is in its own word, and only a scheduler that does not answer has none. */
export const isSilent = (job: Job | null): boolean => job?.state === 'unknown' && !job.said && job.seen !== null

export function Queued({ session, brief }: { session: Session; brief?: true }) {
  const now = useNow(1_000)
  const { job } = session
  const starts = job && expected(job, now)
  const rows: [Key, ReactNode][] = [
    ['queued.state', job && jobState(job)],
    ['queued.reason', job?.reason],
    ['queued.place', job?.place ? number(job.place) : null],
    ['queued.expected', starts],
    ['queued.waited', duration(Math.max(0, Math.floor(now - session.created)))],
    ['queued.in', [known(`launcher.${session.launcher}`, session.launcher), job?.queue, job?.id].filter(Boolean).join(' · ')],
    ['queued.server', brief ? null : session.serverId],
  ]
  const silent = isSilent(job)
  return (
    <div className="queued">
      <dl>
        {rows
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{t(name)}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {silent && (
        <p className="small warn-text">
          {t('queued.silent')} <Time at={job!.seen!} />
        </p>
      )}
      {session.message && (!brief || job === null) && <pre className="log short">{session.message}</pre>}
      {!brief && <p className="quiet small">{t('queued.leave')}</p>}
    </div>
  )
}
