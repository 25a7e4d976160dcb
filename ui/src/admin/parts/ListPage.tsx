/** A page of documents: the list at the left, the one that is open beside it; at a narrow window one at a time. */

import type { ReactNode } from 'react'

import { Link } from '../../app/router'
import { Icon } from '../../parts/Icon'
import { t } from '../../strings/t'

interface ListPageProps {
  title: string
  about?: string
  /** Null: the list itself; then `children` says what to do. */
  open: boolean
  back: string
  list: ReactNode
  tabs?: ReactNode
  children: ReactNode
}

export function ListPage({ title, about, open, back, list, tabs, children }: ListPageProps) {
  return (
    <>
      <h1>{title}</h1>
      {tabs}
      {about && !open && <p className="quiet about">{about}</p>}
      <div className={open ? 'master open' : 'master'}>
        <div className="master-list">{list}</div>
        <div className="master-one">
          {open && <BackLink to={back} />}
          {children}
        </div>
      </div>
    </>
  )
}

/** Seen where there is room for one thing only. */
export const BackLink = ({ to }: { to: string }) => (
  <Link to={to} className="master-back">
    <Icon name="back" />
    {t('doc.toList')}
  </Link>
)

export interface RowLinkProps {
  to: string
  now: boolean
  name: string
  note?: ReactNode
  icon?: ReactNode
  badge?: ReactNode
}

export function RowLink({ to, now, name, note, icon, badge }: RowLinkProps) {
  return (
    <Link to={to} className="row-link" aria-current={now ? 'true' : undefined}>
      {icon}
      <span className="order-words">
        <span className="strong">{name}</span>
        {note && <span className="quiet small">{note}</span>}
      </span>
      {badge}
    </Link>
  )
}

/** What a list says when there is nothing in it. */
export function Nothing({ title, text }: { title: string; text: string }) {
  return (
    <div className="nothing">
      <p className="strong">{title}</p>
      <p className="quiet small">{text}</p>
    </div>
  )
}
