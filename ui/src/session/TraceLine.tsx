/** Why: the steps of a start as a vertical line, each with how long it took, what came of it, and the servers it weighed. */

import type { Step, TraceServer } from '../api/types'
import { duration } from '../app/words'
import { known, t } from '../strings/t'

export const stepName = (step: string): string => known(`step.${step}`, step.replace(/[-_.]+/g, ' '))

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
          {step.detail && <p className="quiet small pre">{step.detail}</p>}
          {step.servers && step.servers.length > 0 && <Weighed servers={step.servers} />}
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

function Weighed({ servers }: { servers: TraceServer[] }) {
  return (
    <table className="table small">
      <thead>
        <tr>
          <th scope="col">{t('trace.server')}</th>
          <th scope="col">{t('trace.kept')}</th>
          <th scope="col">{t('trace.by')}</th>
          <th scope="col">{t('trace.figure')}</th>
        </tr>
      </thead>
      <tbody>
        {servers.map((server) => (
          <tr key={server.serverId}>
            <td>{server.serverId}</td>
            <td>{server.kept ? t('trace.yes') : t('trace.no')}</td>
            <td>{server.rule ?? ''}</td>
            <td>{server.figure === undefined ? '' : String(server.figure)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
