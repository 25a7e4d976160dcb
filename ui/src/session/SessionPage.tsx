/** One session's page: facts, parameters, log, processes, connections, and why it is as it is. */

import { type ReactNode, useEffect, useRef } from 'react'

import { asProblem } from '../api/problem'
import type { Session } from '../api/types'
import { may, useMe, useSession } from '../app/place'
import { Link } from '../app/router'
import { CONNECTABLE, LIVE, queued, startFailed, stateWord, titleOf } from '../app/words'
import { Icon } from '../parts/Icon'
import { Menu } from '../parts/Menu'
import { Failure, Loaded } from '../parts/states'
import { actionsOn, asEntries, clearTrouble, renaming, troubles } from '../sessions/actions'
import { Rename } from '../sessions/Rename'
import { useStore } from '../app/store'
import { t, type Key } from '../strings/t'
import { Connections } from './Connections'
import { FailedStart } from './FailedStart'
import { Facts } from './Facts'
import { Log } from './Log'
import { Params } from './Params'
import { Processes } from './Processes'
import { Progress } from './Progress'
import { Queued } from './Queued'
import { WhyNot, WhyPage } from './WhyPage'

export const TABS = ['info', 'params', 'log', 'processes', 'connections', 'why'] as const
export type Tab = (typeof TABS)[number]

const NEEDS: Record<Tab, string> = {
  info: 'session/info',
  params: 'session/info',
  log: 'session/log',
  processes: 'session/processes',
  connections: 'session/info',
  why: 'session/explain',
}

export function SessionPage({ id, tab }: { id: string; tab: Tab }) {
  const me = useMe().data
  const query = useSession(id)
  if (tab === 'why' && query.isError && asProblem(query.error).status === 404) return <WhyNot id={id} />
  return (
    <>
    {!query.data && <h1>{t('session.title')}</h1>}
    <Loaded query={query} loading={t('load.session')}>
      {(session) => {
        const actions = actionsOn(session, me)
        const tabs = TABS.filter((name) => may(me, NEEDS[name], session))
        return (
          <>
            <Head session={session}>
              {CONNECTABLE.has(session.state) && may(me, 'session/connect', session) && (
                <Link className="button primary" to={`session/${id}`}>
                  {t('do.open')}
                </Link>
              )}
              <Menu label={t('card.menu', { name: titleOf(session) })} entries={asEntries(actions.filter((one) => one.name !== 'open'))}>
                <Icon name="more" />
              </Menu>
            </Head>
            <Tabs id={id} tabs={tabs} now={tab} />
            <div className="tab-body">{body(tab, session)}</div>
          </>
        )
      }}
    </Loaded>
    </>
  )
}

function Tabs({ id, tabs, now }: { id: string; tabs: readonly Tab[]; now: Tab }) {
  const nav = useRef<HTMLElement>(null)
  useEffect(() => {
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [now])
  return (
    <nav ref={nav} className="tabs" aria-label={t('session.parts')}>
      {tabs.map((name) => (
        <Link key={name} to={`session/${id}/${name}`} aria-current={name === now ? 'page' : undefined}>
          {t(`tab.${name}` as Key)}
        </Link>
      ))}
    </nav>
  )
}

function Head({ session, children }: { session: Session; children: ReactNode }) {
  const editing = useStore(renaming) === session.id
  const trouble = useStore(troubles)[session.id]
  return (
    <>
      <Link className="crumb" to="">
        <Icon name="back" />
        {t('page.sessions')}
      </Link>
      <header className="page-head" data-session={session.id}>
        <div>
          <h1 className="card-link" tabIndex={-1}>
            {editing ? <Rename session={session} /> : titleOf(session)}
          </h1>
          <span className={`badge ${startFailed(session) ? 'failed' : session.state}`} role="status">
            {stateWord(session)}
          </span>
        </div>
        <div className="row">{children}</div>
      </header>
      {trouble && (
        <div className="stack">
          <Failure error={trouble.problem} title={t('didNot', { what: trouble.what, name: titleOf(session) })} />
          <button type="button" className="link" onClick={() => clearTrouble(session.id)}>
            {t('do.putAway')}
          </button>
        </div>
      )}
      {session.state === 'pending' && (queued(session) ? <Queued session={session} /> : <Progress id={session.id} session={session} since={session.created} />)}
      {startFailed(session) && <FailedStart id={session.id} session={session} />}
    </>
  )
}

function body(tab: Tab, session: Session): ReactNode {
  const live = LIVE.has(session.state)
  switch (tab) {
    case 'info':
      return <Facts session={session} />
    case 'params':
      return <Params key={session.id} session={session} editable={live} />
    case 'log':
      return <Log id={session.id} live={live} />
    case 'processes':
      return <Processes id={session.id} live={CONNECTABLE.has(session.state)} />
    case 'connections':
      return <Connections id={session.id} />
    case 'why':
      return <WhyPage session={session} />
  }
}
