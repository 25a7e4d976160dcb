/** Many sessions as a table. Rows that are not on the screen are not made. */

import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useLayoutEffect, useRef, useState } from 'react'

import type { Me, Session } from '../api/types'
import { Link } from '../app/router'
import { useStore } from '../app/store'
import { bytes, CONNECTABLE, percent, startFailed, stateWord, titleOf } from '../app/words'
import { Icon } from '../parts/Icon'
import { Menu } from '../parts/Menu'
import { Time } from '../parts/Time'
import { sentence } from '../parts/states'
import { t } from '../strings/t'
import { actionFor, actionsOn, asEntries, clearTrouble, renaming, troubles } from './actions'
import { Rename } from './Rename'

export function SessionTable({ sessions, me, who }: { sessions: Session[]; me: Me | undefined; who?: boolean }) {
  const table = useRef<HTMLDivElement>(null)
  const [margin, setMargin] = useState(0)
  useLayoutEffect(() => setMargin(table.current!.getBoundingClientRect().top + window.scrollY), [])
  const rows = useWindowVirtualizer({
    count: sessions.length,
    estimateSize: () => 45,
    overscan: 12,
    scrollMargin: margin,
    getItemKey: (index) => sessions[index]!.id,
  })
  const columns = ['name', 'state', ...(who ? ['login'] : []), 'server', 'age', 'viewers', 'cpu', 'memory'] as const
  return (
    <div
      ref={table}
      className={who ? 'grid who' : 'grid'}
      role="table"
      aria-label={t('sessions.title')}
      aria-rowcount={sessions.length + 1}
    >
      <div role="row" className="grid-row grid-head" aria-rowindex={1}>
        {columns.map((column) => (
          <div key={column} role="columnheader" className={`col-${column}`}>
            {t(`column.${column}` as 'column.name')}
          </div>
        ))}
        <div role="columnheader" className="col-menu">
          <span className="unseen">{t('column.menu')}</span>
        </div>
      </div>
      <div role="rowgroup" className="grid-rows" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => (
          <div
            key={row.key}
            ref={rows.measureElement}
            data-index={row.index}
            className="grid-place"
            role="presentation"
            style={{ transform: `translateY(${row.start - margin}px)` }}
          >
            <Row session={sessions[row.index]!} me={me} who={who ?? false} index={row.index + 2} />
          </div>
        ))}
      </div>
    </div>
  )
}

function Row({ session, me, who, index }: { session: Session; me: Me | undefined; who: boolean; index: number }) {
  const actions = actionsOn(session, me)
  const editing = useStore(renaming) === session.id
  const trouble = useStore(troubles)[session.id]
  const failed = startFailed(session)
  const openable = CONNECTABLE.has(session.state) && actions[0]?.name === 'open'
  const onKeyDown = (event: KeyboardEvent) => {
    if ((event.target as HTMLElement).closest('input, .menu') || event.key === 'Enter') return
    const action = actionFor(actions, event)
    if (!action) return
    event.preventDefault()
    action.run()
  }
  const at = session.ended ?? session.started ?? session.created
  return (
    <div role="row" className="grid-row" aria-rowindex={index} data-session={session.id} onKeyDown={onKeyDown}>
      <div role="cell" className="col-name" title={session.command}>
        {editing ? (
          <Rename session={session} />
        ) : (
          <Link className="card-link" to={openable ? `session/${session.id}` : `session/${session.id}/info`}>
            {titleOf(session)}
          </Link>
        )}
        {who && (
          <span className="row-login quiet small" aria-hidden="true">
            {session.login}
          </span>
        )}
        {trouble && (
          <button type="button" className="link bad-text small" onClick={() => clearTrouble(session.id)}>
            {sentence(trouble.problem)} {t('do.putAway')}
          </button>
        )}
      </div>
      <div role="cell" className="col-state">
        <span className={`badge ${failed ? 'failed' : session.state}`}>{stateWord(session)}</span>
      </div>
      {who && (
        <div role="cell" className="col-login">
          {session.login}
        </div>
      )}
      <div role="cell" className="col-server">
        {session.serverId}
      </div>
      <div role="cell" className="col-age">
        <Time at={at} />
      </div>
      <div role="cell" className="col-viewers">
        {session.clients}
      </div>
      <div role="cell" className="col-cpu">
        {percent(session.cpuPercentage)}
      </div>
      <div role="cell" className="col-memory">
        {bytes(session.memory)}
      </div>
      <div role="cell" className="col-menu">
        <Menu label={t('card.menu', { name: titleOf(session) })} entries={asEntries(actions)}>
          <Icon name="more" />
        </Menu>
      </div>
    </div>
  )
}
