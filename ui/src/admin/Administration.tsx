/** The pages of what administrators write, in one file that is loaded when one of them is opened. */

import type { ReactNode } from 'react'

import '../styles/administration.css'
import { t } from '../strings/t'
import { BookmarksPage } from './bookmarks/BookmarksPage'
import { StaticDataPage } from './data/StaticDataPage'
import { FormsPage } from './forms/FormsPage'
import { FunctionsPage } from './functions/FunctionsPage'
import { LaunchersPage } from './launchers/LaunchersPage'
import { PermissionsPage } from './permissions/PermissionsPage'
import { ProfilesPage } from './profiles/ProfilesPage'
import { SessionStartPage } from './start/SessionStartPage'

/** `rest` is what comes behind the page's own path. */
const PAGES: Record<string, (rest: string) => ReactNode> = {
  'system/static-data': (rest) => <StaticDataPage rest={rest} />,
  'system/session-start': (rest) => <SessionStartPage rest={rest} />,
  'system/launchers': (rest) => <LaunchersPage rest={rest} />,
  'system/schedule': (rest) => <FunctionsPage base="system/schedule" rest={rest} kinds={['schedule']} title={t('page.schedule')} about={t('schedule.about')} />,
  'system/forms': (rest) => <FormsPage rest={rest} />,
  'system/bookmarks': (rest) => <BookmarksPage rest={rest} />,
  'system/profiles': (rest) => <ProfilesPage rest={rest} />,
  'system/events': (rest) => <FunctionsPage base="system/events" rest={rest} kinds={['start-event', 'schedule-event', 'event']} title={t('page.events')} about={t('events.about')} />,
  'system/metrics': (rest) => <FunctionsPage base="system/metrics" rest={rest} kinds={['metric']} title={t('page.metrics')} about={t('metrics.about')} />,
  'system/permissions': () => <PermissionsPage />,
} // prettier-ignore

export default function Administration({ path }: { path: string }) {
  const page = Object.keys(PAGES).find((one) => path === one || path.startsWith(`${one}/`))
  if (!page) return null
  const rest = path.slice(page.length + 1).split('/').map(decodeURIComponent).join('/')
  return PAGES[page]!(rest)
}
