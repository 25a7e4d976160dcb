/** The servers and how busy they are. */

import { useQuery } from '@tanstack/react-query'
import { useRef } from 'react'

import * as api from '../api/client'
import type { Server } from '../api/types'
import { bytes, duration, percent } from '../app/words'
import { Spark } from '../parts/Spark'
import { Empty, Loaded } from '../parts/states'
import { Time } from '../parts/Time'
import { number, t } from '../strings/t'

export function ServersPage() {
  const query = useQuery({ queryKey: ['servers'], queryFn: async () => (await api.servers()).servers, refetchInterval: 5_000 })
  const past = useRef(new Map<string, { at: number; cpu: number[]; memory: number[] }>())
  return (
    <>
      <h1>{t('page.servers')}</h1>
      <Loaded query={query} loading={t('load.servers')}>
        {(servers) =>
          servers.length === 0 ? (
            <Empty title={t('servers.none')} />
          ) : (
            <div className="cards wide">
              {servers.map((server) => (
                <Card key={server.serverId} server={server} past={remembered(past.current, server)} />
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  )
}

type Past = Map<string, { at: number; cpu: number[]; memory: number[] }>

/** This visit's figures, for the lines. */
function remembered(past: Past, server: Server) {
  const list = past.get(server.serverId) ?? { at: 0, cpu: [], memory: [] }
  if (server.updated !== undefined && server.updated > list.at) {
    list.at = server.updated
    list.cpu = [...list.cpu, server.cpu ?? 0].slice(-60)
    list.memory = [...list.memory, (server.totalmem ?? 0) - (server.freemem ?? 0)].slice(-60)
    past.set(server.serverId, list)
  }
  return list
}

function Card({ server, past }: { server: Server; past: { cpu: number[]; memory: number[] } }) {
  const used = (server.totalmem ?? 0) - (server.freemem ?? 0)
  const rows: [string, React.ReactNode][] = [
    [t('servers.sessions'), number(server.sessions ?? 0) + (server.pending ? ` + ${t('servers.pending', { n: server.pending })}` : '')],
    [t('servers.users'), number(server.uniqueSessionUsers ?? 0)],
    [t('servers.logins'), number(server.logins ?? 0)],
    [t('card.cpu'), <span key="c" className="with-icon">{percent(server.cpu ?? 0)}<Spark values={past.cpu} top={100} /></span>],
    [t('servers.load'), (server.loadavg ?? []).map((one) => number(one, 2)).join(' ') + (server.cpus ? ` / ${t('servers.cores', { n: server.cpus })}` : '')],
    [t('card.memory'), <span key="m" className="with-icon">{t('servers.of', { used: bytes(used), all: bytes(server.totalmem ?? 0) })}<Spark values={past.memory} top={server.totalmem ?? 1} /></span>],
    [t('servers.uptime'), server.uptime ? duration(server.uptime) : ''],
    [t('servers.version'), server.version ?? ''],
    [t('servers.seen'), server.updated ? <Time at={server.updated} /> : ''],
  ]
  return (
    <article className="card" aria-labelledby={`server-${server.serverId}`}>
      <div className="card-body">
        <header className="card-head">
          <h2 id={`server-${server.serverId}`}>{server.serverId}</h2>
        </header>
        <p className="card-state">
          {server.draining && <span className="badge ending">{t('servers.draining')}</span>}
          <span className={server.startsEnabled === false ? 'badge ended' : 'badge running'}>{server.startsEnabled === false ? t('servers.noStarts') : t('servers.starts')}</span>
          <span className={server.loginsEnabled === false ? 'badge ended' : 'badge running'}>{server.loginsEnabled === false ? t('servers.noLogins') : t('servers.takesLogins')}</span>
        </p>
        <dl className="facts narrow">
          {rows.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {server.loggedInUsers && server.loggedInUsers.length > 0 && <p className="quiet small">{t('servers.who', { names: server.loggedInUsers.slice(0, 12).join(', ') })}</p>}
      </div>
    </article>
  )
}
