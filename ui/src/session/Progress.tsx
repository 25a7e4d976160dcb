/** A pending session as a short line of milestones, with what it is doing now. */

import { useQuery } from '@tanstack/react-query'

import * as api from '../api/client'
import type { Session } from '../api/types'
import { duration } from '../app/words'
import { Icon } from '../parts/Icon'
import { useNow } from '../parts/Time'
import { t, type Key } from '../strings/t'
import { MILESTONES, reached } from './progress'
import { stepName } from './TraceLine'

export const useTrace = (id: string, pending: boolean) =>
  useQuery({
    queryKey: ['trace', id],
    queryFn: () => api.trace(id),
    retry: false,
    refetchInterval: pending ? 1_000 : false, // its events ask again at once; this is for when they do not come
  })

export function Progress({ session, id, since }: { session: Session | undefined; id: string; since: number }) {
  const steps = useTrace(id, true).data?.steps ?? []
  const now = useNow(1_000)
  const at = MILESTONES.indexOf(reached(session, steps))
  const last = steps.at(-1)
  return (
    <div className="progress">
      <ol className="milestones">
        {MILESTONES.map((milestone, index) => (
          <li key={milestone} className={index <= at ? 'done' : index === at + 1 ? 'now' : ''} aria-current={index === at + 1 ? 'step' : undefined}>
            <span className="dot">{index <= at && <Icon name="check" />}</span>
            {t(`milestone.${milestone}` as Key)}
          </li>
        ))}
      </ol>
      <p className="quiet small">
        {session?.message || (last ? stepName(last.step) : t('start.sent'))} · {duration(Math.max(0, Math.floor(now - since)))}
      </p>
    </div>
  )
}
