/** Why: the steps of a start as a vertical line, each with how long it took, what came of it, and the servers it weighed. */

import type { Step } from '../api/types'
import { duration } from '../app/words'
import { known, t } from '../strings/t'
import { ChainSteps, NearestMiss, Weighed } from './Weighed'

const OF_FUNCTION = 'function '
export const stepName = (step: string): string =>
  step.startsWith(OF_FUNCTION) ? t('step.function', { name: step.slice(OF_FUNCTION.length) }) : known(`step.${step}`, step.replace(/[-_.]+/g, ' '))

const FAILED = new Set(['failed', 'refused', 'error', 'denied', 'timeout'])
export const stepFailed = (step: Step): boolean => FAILED.has(step.result) || FAILED.has(step.step)
const NOTHING = 'nothing configured'

export function TraceLine({ steps, unfinished }: { steps: Step[]; unfinished?: boolean }) {
  const longest = Math.max(0.001, ...steps.map((step) => step.took))
  return (
    <ol className="trace">
      {steps.map((step, index) => (
        <li key={index} className={stepFailed(step) ? 'bad' : step.result === NOTHING || step.detail === NOTHING ? 'skipped' : 'done'}>
          <div className="trace-head">
            <span className="trace-name">{stepName(step.step)}</span>
            <span className="trace-result">{known(`result.${step.result}`, step.result)}</span>
            <span className="trace-took">{duration(step.took)}</span>
          </div>
          <svg className="trace-bar" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">
            <rect width={Math.max(0.6, (step.took / longest) * 100)} height="2" />
          </svg>
          {step.detail && !step.chain?.length && <p className="quiet small pre">{step.detail}</p>}
          {step.chain && step.chain.length > 0 && <ChainSteps chain={step.chain} />}
          {step.servers && step.servers.length > 0 && <Weighed servers={step.servers} chain={step.chain} chosen={step.result} />}
          {step.servers && !step.servers.some((server) => server.kept) && <NearestMiss servers={step.servers} chain={step.chain} />}
        </li>
      ))}
      {unfinished && (
        <li className="now">
          <span className="trace-name">{t('trace.more')}</span>
        </li>
      )}
    </ol>
  )
}
