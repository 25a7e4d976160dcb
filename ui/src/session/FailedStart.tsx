/** A start that failed: what happened, the last lines of output, what to try, and why. */

import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import * as api from '../api/client'
import type { Problem } from '../api/problem'
import type { Session, Step } from '../api/types'
import { sentence } from '../parts/states'
import { known, t } from '../strings/t'
import { codeOf, lastLines, whatToTry } from './failure'
import { TraceLine } from './TraceLine'

interface FailedStartProps {
  id: string
  session?: Session | undefined
  problem?: Problem | undefined
}

export function FailedStart({ id, session, problem }: FailedStartProps) {
  const [why, setWhy] = useState(false)
  const log = useQuery({
    queryKey: ['log', id, 4096],
    queryFn: () => api.log(id, 4096),
    enabled: session !== undefined && !problem?.log,
    retry: false,
  })
  const what = problem ? sentence(problem) : session?.reason || session?.message || t('failed.noWords')
  const words = problem?.log || log.data?.log || (session?.message !== what && session?.message) || ''
  const output = what.includes(words.trim()) ? '' : lastLines(words, 6)
  const detail = problem && problem.detail !== what ? problem.detail : ''
  return (
    <div className="failed-start">
      <p className="strong pre sentence">{what}</p>
      {detail && <p className="pre sentence">{detail}</p>}
      {output && (
        <pre className="log short" tabIndex={0} aria-label={t('failed.output')}>
          {output}
        </pre>
      )}
      <p className="quiet">{known(`todo.${codeOf(session, problem)}`, t(whatToTry([what, detail, output].join('\n'))))}</p>
      {problem?.instance && <p className="quiet small">{t('problem.quote', { id: problem.instance })}</p>}
      <button type="button" className="link" aria-expanded={why} onClick={() => setWhy(!why)}>
        {why ? t('why.hide') : t('do.why')}
      </button>
      {why && <Why id={id} given={problem?.steps as Step[] | undefined} />}
    </div>
  )
}

function Why({ id, given }: { id: string; given: Step[] | undefined }) {
  const trace = useQuery({
    queryKey: ['startTrace', id],
    queryFn: () => api.trace(id).catch(() => api.traceOfStart(id)),
    enabled: !given?.length,
    retry: false,
  })
  const steps = given?.length ? given : (trace.data?.steps ?? [])
  if (!steps.length) return <p className="quiet small">{trace.isPending ? t('load.trace') : t('why.none')}</p>
  return <TraceLine steps={steps} />
}
