/** Who is looking at a session now. */

import { useQuery } from '@tanstack/react-query'

import * as api from '../api/client'
import { bytes } from '../app/words'
import { Loaded } from '../parts/states'
import { Time } from '../parts/Time'
import { t } from '../strings/t'

export function Connections({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ['connections', id],
    queryFn: async () => (await api.connections(id)).connections,
    refetchInterval: 5_000,
  })
  return (
    <Loaded query={query} loading={t('load.connections')}>
      {(connections) =>
        connections.length === 0 ? (
          <p className="quiet">{t('connections.none')}</p>
        ) : (
          <div className="scroll" tabIndex={0} role="region" aria-label={t('tab.connections')}>
            <table className="table folds">
              <thead>
                <tr>
                  <th scope="col">{t('connections.login')}</th>
                  <th scope="col">{t('connections.address')}</th>
                  <th scope="col">{t('connections.since')}</th>
                  <th scope="col" className="num">
                    {t('connections.out')}
                  </th>
                  <th scope="col" className="num">
                    {t('connections.in')}
                  </th>
                </tr>
              </thead>
              <tbody>
                {connections.map((one) => (
                  <tr key={one.id}>
                    <td data-head={t('connections.login')}>{one.login}</td>
                    <td className="mono" data-head={t('connections.address')}>{one.address}</td>
                    <td data-head={t('connections.since')}>
                      <Time at={one.since} />
                    </td>
                    <td className="num" data-head={t('connections.out')}>{bytes(one.bytesOut)}</td>
                    <td className="num" data-head={t('connections.in')}>{bytes(one.bytesIn)}</td>
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
