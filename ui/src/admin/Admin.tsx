/** The pages that most visits do not open, in one file that is loaded when one of them is. */

import { LoginsPage } from '../logins/LoginsPage'
import { AllSessionsPage } from './AllSessionsPage'
import { AuditPage } from './AuditPage'
import { LogPage } from './LogPage'
import { ServersPage } from './ServersPage'
import { SettingsPage } from './SettingsPage'

const PAGES: Record<string, () => React.ReactNode> = {
  'logins': () => <LoginsPage key="own" all={false} />,
  'manage/servers': () => <ServersPage />,
  'manage/sessions': () => <AllSessionsPage />,
  'manage/logins': () => <LoginsPage key="all" all />,
  'system/settings': () => <SettingsPage />,
  'system/audit': () => <AuditPage />,
  'system/log': () => <LogPage />,
} // prettier-ignore

export default function Admin({ path }: { path: string }) {
  return PAGES[path]?.() ?? null
}
