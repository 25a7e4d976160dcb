/** Around every page but the viewer: the rail, the bar with the place's name, the palette, the person. */

import { type ReactNode, useEffect, useRef, useState } from 'react'

import * as api from '../api/client'
import type { Me } from '../api/types'
import { Icon, type IconName } from '../parts/Icon'
import { Menu } from '../parts/Menu'
import { t, type Key } from '../strings/t'
import { Palette } from './Palette'
import { may, mayAny, queries } from './place'
import { Link } from './router'
import { useStore } from './store'
import { theme, type Theme } from './theme'

export interface PageLink {
  path: string
  name: Key
  icon: IconName
  group?: Key
  /** There are pages below it. */
  deep?: true
  allowed: (me: Me | undefined) => boolean
}

export const PAGES: PageLink[] = [
  { path: '', name: 'page.sessions', icon: 'sessions', allowed: () => true },
  { path: 'logins', name: 'page.logins', icon: 'key', allowed: (me) => may(me, 'login/list') },
  { path: 'manage/servers', name: 'page.servers', icon: 'servers', group: 'group.manage', allowed: (me) => mayAny(me, 'session/list') },
  { path: 'manage/sessions', name: 'page.allSessions', icon: 'sessions', group: 'group.manage', allowed: (me) => mayAny(me, 'session/list') },
  { path: 'manage/logins', name: 'page.allLogins', icon: 'people', group: 'group.manage', allowed: (me) => mayAny(me, 'login/list') },
  { path: 'system/settings', name: 'page.settings', icon: 'settings', group: 'group.systemLocal', allowed: (me) => may(me, 'server/settings') },
  { path: 'system/static-data', name: 'page.staticData', icon: 'data', group: 'group.systemLocal', deep: true, allowed: (me) => may(me, 'admin/static-data') },
  { path: 'system/session-start', name: 'page.sessionStart', icon: 'order', group: 'group.systemSessions', deep: true, allowed: (me) => may(me, 'admin/functions') },
  { path: 'system/launchers', name: 'page.launchers', icon: 'bolt', group: 'group.systemSessions', deep: true, allowed: (me) => may(me, 'admin/launchers') },
  { path: 'system/schedule', name: 'page.schedule', icon: 'clock', group: 'group.systemSessions', deep: true, allowed: (me) => may(me, 'admin/functions') },
  { path: 'system/forms', name: 'page.forms', icon: 'form', group: 'group.systemSessions', deep: true, allowed: (me) => may(me, 'admin/forms') },
  { path: 'system/bookmarks', name: 'page.bookmarks', icon: 'bookmark', group: 'group.systemSessions', deep: true, allowed: (me) => may(me, 'admin/bookmarks') },
  { path: 'system/profiles', name: 'page.profiles', icon: 'profile', group: 'group.systemSessions', deep: true, allowed: (me) => may(me, 'admin/profiles') },
  { path: 'system/events', name: 'page.events', icon: 'bolt', group: 'group.systemSessions', deep: true, allowed: (me) => may(me, 'admin/functions') },
  { path: 'system/metrics', name: 'page.metrics', icon: 'chart', group: 'group.systemCustom', deep: true, allowed: (me) => may(me, 'admin/functions') },
  { path: 'system/permissions', name: 'page.permissions', icon: 'shield', group: 'group.systemAccess', deep: true, allowed: (me) => may(me, 'admin/permissions') },
  { path: 'system/audit', name: 'page.audit', icon: 'audit', group: 'group.systemAccess', allowed: (me) => may(me, 'audit/read') },
  { path: 'system/log', name: 'page.log', icon: 'log', group: 'group.systemAccess', allowed: (me) => may(me, 'server/log') },
]

/** The page that an address belongs to. */
export const pageAt = (path: string): PageLink | undefined => PAGES.find((page) => page.path === path || (page.deep && path.startsWith(`${page.path}/`)))

export function Frame({ me, path, children }: { me: Me | undefined; path: string; children: ReactNode }) {
  const [palette, setPalette] = useState(false)
  const [rail, setRail] = useState(false)
  const main = useRef<HTMLElement>(null)
  const pages = PAGES.filter((page) => page.allowed(me))

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        setPalette(true)
      }
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])

  // a new page is read from its top, and the rail of a narrow screen makes room for it
  const first = useRef(true)
  useEffect(() => {
    setRail(false)
    if (first.current) first.current = false
    else main.current?.focus({ preventScroll: true })
  }, [path])

  return (
    <div className={rail ? 'frame rail-open' : 'frame'}>
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        {t('frame.skip')}
      </button>
      <header className="bar">
        <button type="button" className="plain round rail-button" aria-label={t('frame.pages')} aria-expanded={rail} onClick={() => setRail(!rail)}>
          <Icon name="menu" />
        </button>
        <Link to="" className="place">
          {me?.title || 'Portcall'}
        </Link>
        <button type="button" className="find" aria-haspopup="dialog" aria-keyshortcuts="Control+K" onClick={() => setPalette(true)}>
          <Icon name="search" />
          <span>{t('palette.find')}</span>
          <kbd aria-hidden="true">Ctrl K</kbd>
        </button>
        {me && <Person me={me} />}
      </header>
      <nav className="rail" aria-label={t('frame.pages')}>
        {pages.map((page, index) => (
          <span key={page.path} className="rail-item">
            {page.group && page.group !== pages[index - 1]?.group && <span className="rail-head">{t(page.group)}</span>}
            <Link to={page.path} aria-current={pageAt(path) === page ? 'page' : undefined}>
              <Icon name={page.icon} />
              <span>{t(page.name)}</span>
            </Link>
          </span>
        ))}
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {me?.notice && <p className="notice pre">{me.notice}</p>}
        {children}
      </main>
      {palette && <Palette me={me} pages={pages} onClose={() => setPalette(false)} />}
    </div>
  )
}

const THEMES: Theme[] = ['system', 'light', 'dark']

function Person({ me }: { me: Me }) {
  const now = useStore(theme)
  return (
    <Menu
      label={t('person.menu', { name: me.user.name })}
      className="plain person"
      head={
        <>
          <p className="strong">{me.user.name}</p>
          <p className="quiet small">{t('person.level', { level: me.level, server: me.serverId })}</p>
        </>
      }
      entries={[
        { label: t('page.loginsTitle'), to: 'logins' },
        ...THEMES.map((one, index) => ({
          label: t(`theme.${one}` as Key),
          checked: one === now,
          run: () => theme.set(one),
          ...(index === 0 && { group: t('theme.title') }),
        })),
        { label: t('person.logout'), run: () => void logout(), group: true as const },
      ]}
    >
      <span className="face" data-letter={[...me.user.name][0]?.toUpperCase()} />
      <span className="person-name">{me.user.name}</span>
      <Icon name="down" />
    </Menu>
  )
}

export async function logout(): Promise<void> {
  await api.logout().catch(() => undefined)
  queries.clear()
  location.reload()
}
