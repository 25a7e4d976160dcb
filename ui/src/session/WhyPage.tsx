/** Why a session is where and as it is: the trace of its start. */

import type { Session } from '../api/types'
import { duration } from '../app/words'
import { Loaded } from '../parts/states'
import { t } from '../strings/t'
import { useTrace } from './Progress'
import { TraceLine } from './TraceLine'

export function WhyPage({ session }: { session: Session }) {
  const pending = session.state === 'pending'
  return (
    <Loaded query={useTrace(session.id, pending)} loading={t('load.trace')}>
      {(trace) =>
        trace.steps.length === 0 ? (
          <p className="quiet">{t('why.none')}</p>
        ) : (
          <div className="stack">
            <p className="quiet">
              {t('why.all', { n: trace.steps.length, took: duration(trace.steps.reduce((sum, step) => sum + step.took, 0)) })}
            </p>
            <TraceLine steps={trace.steps} unfinished={pending} />
          </div>
        )
      }
    </Loaded>
  )
}
