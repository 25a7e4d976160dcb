/** Why a session is where and as it is, or why there is none: the trace of its start. */

import { useQuery } from '@tanstack/react-query'

import { traceOfStart } from '../api/client'
import type { Session, Trace } from '../api/types'
import { duration } from '../app/words'
import { Loaded } from '../parts/states'
import { t } from '../strings/t'
import { useTrace } from './Progress'
import { TraceLine } from './TraceLine'

export function WhyPage({ session }: { session: Session }) {
  const pending = session.state === 'pending'
  return (
    <Loaded query={useTrace(session.id, pending)} loading={t('load.trace')}>
      {(trace) => <Steps trace={trace} unfinished={pending} />}
    </Loaded>
  )
}

/** A start that was refused: there is no session, and its trace has its id. */
export function WhyNot({ id }: { id: string }) {
  const query = useQuery({ queryKey: ['trace-of-start', id], queryFn: () => traceOfStart(id) })
  return (
    <>
      <h1>{t('why.not')}</h1>
      <Loaded query={query} loading={t('load.trace')}>
        {(trace) => <Steps trace={trace} unfinished={false} />}
      </Loaded>
    </>
  )
}

function Steps({ trace, unfinished }: { trace: Trace; unfinished: boolean }) {
  if (trace.steps.length === 0) return <p className="quiet">{t('why.none')}</p>
  return (
    <div className="stack">
      <p className="quiet">{t('why.all', { n: trace.steps.length, took: duration(trace.steps.reduce((sum, step) => sum + step.took, 0)) })}</p>
      <TraceLine steps={trace.steps} unfinished={unfinished} />
    </div>
  )
}
