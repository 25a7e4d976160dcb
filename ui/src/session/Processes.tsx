/** The processes of a session, children below their parents. */

import { useQuery } from '@tanstack/react-query'

import * as api from '../api/client'
import type { Process } from '../api/types'
import { bytes, percent } from '../app/words'
import { Loaded } from '../parts/states'
import { Time } from '../parts/Time'
import { t } from '../strings/t'

export interface Placed {
  process: Process
  depth: number
}

/** Parents before their children; a parent that is not in the list makes a root. */
export function asTree(processes: Process[]): Placed[] {
  const pids = new Set(processes.map((one) => one.pid))
  const below = (parent: number | null, depth: number): Placed[] =>
    processes
      .filter((one) => (parent === null ? !pids.has(one.ppid) || one.ppid === one.pid : one.ppid === parent && one.pid !== parent))
      .sort((a, b) => a.pid - b.pid)
      .flatMap((process) => [{ process, depth }, ...below(process.pid, depth + 1)])
  return below(null, 0)
}

export function Processes({ id, live }: { id: string; live: boolean }) {
  const query = useQuery({
    queryKey: ['processes', id],
    queryFn: async () => (await api.processes(id)).processes,
    refetchInterval: 3_000,
    enabled: live,
  })
  if (!live) return <p className="quiet">{t('processes.over')}</p>
  return (
    <Loaded query={query} loading={t('load.processes')}>
      {(processes) =>
        processes.length === 0 ? (
          <p className="quiet">{t('processes.none')}</p>
        ) : (
          <div className="scroll" tabIndex={0} role="region" aria-label={t('tab.processes')}>
            <table className="table folds">
              <thead>
                <tr>
                  <th scope="col">{t('processes.command')}</th>
                  <th scope="col" className="num">
                    {t('processes.pid')}
                  </th>
                  <th scope="col" className="num">
                    {t('card.cpu')}
                  </th>
                  <th scope="col" className="num">
                    {t('card.memory')}
                  </th>
                  <th scope="col">{t('processes.started')}</th>
                </tr>
              </thead>
              <tbody>
                {asTree(processes).map(({ process, depth }) => (
                  <tr key={process.pid}>
                    <td className="mono cut" title={process.command} style={{ paddingInlineStart: 8 + Math.min(depth, 8) * 16 }}>
                      {process.command}
                    </td>
                    <td className="num" data-head={t('processes.pid')}>{String(process.pid)}</td>
                    <td className="num" data-head={t('card.cpu')}>{percent(process.cpuPercentage)}</td>
                    <td className="num" data-head={t('card.memory')}>{bytes(process.memory)}</td>
                    <td data-head={t('processes.started')}>
                      <Time at={process.started} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )
      }
    </Loaded>
  )
}
