/** The servers that a start weighed: kept or dropped, by which function, the figure. The nearest misses come first. */

import { useState } from 'react'

import type { ChainStep, TraceServer } from '../api/types'
import { duration } from '../app/words'
import { number, t } from '../strings/t'

const FIRST = 20

export const figure = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'number' ? number(value, 2) : typeof value === 'object' ? JSON.stringify(value) : String(value)

/** The one that was chosen, those that were kept, then the dropped ones: the later they fell, the nearer they came. */
export function weighed(servers: TraceServer[], chosen?: string | null, chain: ChainStep[] = []): TraceServer[] {
  const fell = (server: TraceServer) => {
    const at = chain.findIndex((step) => step.name === (server.step ?? '') && step.rule === server.rule)
    return at < 0 ? chain.findIndex((step) => step.rule === server.rule) : at
  }
  const rank = (server: TraceServer) => (server.serverId === chosen ? -2 : server.kept ? -1 : chain.length - fell(server))
  return servers.map((server, index) => ({ server, index, rank: rank(server) })).sort((a, b) => a.rank - b.rank || a.index - b.index).map((one) => one.server)
}

interface WeighedProps {
  servers: TraceServer[]
  chain?: ChainStep[] | undefined
  chosen?: string | null | undefined
}

export function Weighed({ servers, chain, chosen }: WeighedProps) {
  const [all, setAll] = useState(false)
  const rows = weighed(servers, chosen, chain)
  const shown = all ? rows : rows.slice(0, FIRST)
  if (rows.length === 0) return null
  return (
    <>
      <div className="scroll" tabIndex={0} role="region" aria-label={t('trace.servers')}>
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
            {shown.map((server) => (
              <tr key={server.serverId} className={server.serverId === chosen ? 'chosen' : ''}>
                <th scope="row">{server.serverId}</th>
                <td className={server.kept ? 'good-text' : 'quiet'}>{server.serverId === chosen ? t('trace.chosen') : server.kept ? t('trace.yes') : t('trace.no')}</td>
                <td>
                  {server.step && server.step !== server.rule ? <span className="strong">{server.step}: </span> : null}
                  {server.rule ?? ''}
                </td>
                <td className="mono">{figure(server.figure)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > FIRST && !all && (
        <button type="button" className="link" onClick={() => setAll(true)}>
          {t('trace.all', { n: rows.length })}
        </button>
      )}
    </>
  )
}

/** What each step of the chain did to the list of servers. */
export function ChainSteps({ chain }: { chain: ChainStep[] }) {
  return (
    <ol className="chain-steps" aria-label={t('trace.chain')}>
      {chain.map((step, index) => (
        <li key={index}>
          <span className="strong">{step.name || step.rule}</span> <span>{step.result}</span>{' '}
          <span className="quiet small">
            {t('trace.beforeAfter', { before: step.before, after: step.after })} · {duration(step.took)}
          </span>
          {step.log && step.log.length > 0 && (
            <pre className="log short" tabIndex={0} aria-label={t('trace.log', { name: step.name })}>
              {step.log.join('\n')}
            </pre>
          )}
        </li>
      ))}
    </ol>
  )
}

/** Nothing fits: which server came nearest, and by what it failed. */
export function NearestMiss({ servers, chain }: { servers: TraceServer[]; chain?: ChainStep[] | undefined }) {
  const nearest = weighed(servers, null, chain).find((server) => !server.kept)
  if (!nearest) return null
  const by = [nearest.step, nearest.rule].filter(Boolean).join(': ')
  const had = figure(nearest.figure)
  return <p className="notice">{had ? t('trace.nearestFigure', { server: nearest.serverId, by, figure: had }) : t('trace.nearest', { server: nearest.serverId, by })}</p>
}
