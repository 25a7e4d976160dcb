/** Which page, for whom: the login when there is none, the viewer full bleed, everything else in the frame. */

import { QueryClientProvider } from '@tanstack/react-query'
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react'

import { whenLoggedOut } from '../api/client'
import { goLive } from '../api/live'
import { asProblem, type Problem } from '../api/problem'
import type { Me } from '../api/types'
import { LoginPage } from '../login/LoginPage'
import { Announcements } from '../parts/announce'
import { Confirmations } from '../parts/confirm'
import { Empty, Failure, Forbidden, Loading } from '../parts/states'
import { SessionsPage } from '../sessions/SessionsPage'
import { FormWizard } from '../sessions/FormWizard'
import { StartPrompts } from '../sessions/StartPrompts'
import { ReadyNow, tellIfReady } from '../sessions/TellMe'
import { SessionPage, type Tab, TABS } from '../session/SessionPage'
import { t } from '../strings/t'
import { Frame, pageAt } from './Frame'
import { Crash } from './Crash'
import { liveness, mayAny, queries, useMe, useSessions } from './place'
import { Link, usePath } from './router'

const ViewerPage = lazy(() => import('../viewer/ViewerPage'))
const Admin = lazy(() => import('../admin/Admin'))
const Administration = lazy(() => import('../admin/Administration'))

export function App({ linkProblem }: { linkProblem: Problem | null }) {
  return (
    <QueryClientProvider client={queries}>
      <Crash>
        <Gate linkProblem={linkProblem} />
      </Crash>
      <Confirmations />
      <Announcements />
    </QueryClientProvider>
  )
}

/** Lets in who is logged in; anybody else stays at the address they wanted and sees the login. */
function Gate({ linkProblem }: { linkProblem: Problem | null }) {
  const me = useMe()
  const [out, setOut] = useState(false)
  const was = useRef(false)
  if (me.data) was.current = true
  useEffect(() => {
    whenLoggedOut(() => setOut(true))
  }, [])
  const problem = me.error ? asProblem(me.error) : null
  if (out || problem?.loggedOut) {
    const done = () => {
      queries.clear()
      setOut(false)
    }
    return <LoginPage done={done} expired={was.current} linkProblem={linkProblem} />
  }
  if (problem && !me.data)
    return (
      <main className="before" id="main">
        <Failure error={problem} retry={() => void me.refetch()} />
      </main>
    )
  if (!me.data) return <Loading what={t('load.page')} />
  return (
    <>
      <Live key={me.data.login.jti} />
      <Page />
      <ReadyNow />
      <StartPrompts />
      <FormWizard />
    </>
  )
}

/** The events of the server, as long as somebody is logged in. */
function Live() {
  const me = useMe().data!
  const everybody = mayAny(me, 'session/list')
  useEffect(() => goLive(queries, everybody, (session) => session.login === me.login.sub, liveness.set), [everybody, me.login.sub])
  const sessions = useSessions().data?.sessions
  useEffect(() => {
    sessions?.forEach(tellIfReady)
  }, [sessions])
  return null
}

function Page() {
  const path = usePath()
  const me = useMe().data
  const [, id, part] = /^session\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? []
  const title = id ? null : pageAt(path)
  useEffect(() => {
    if (!id) document.title = [title && t(title.name), me?.title || 'Portcall'].filter(Boolean).join(' · ')
  }, [id, title, me?.title])

  if (id && !part)
    return (
      <Suspense fallback={<Loading what={t('load.viewer')} />}>
        <ViewerPage key={id} id={decodeURIComponent(id)} />
      </Suspense>
    )
  return (
    <Frame me={me} path={path}>
      <Crash key={id ? path : (title?.path ?? path)}>
        <Suspense fallback={<Loading what={t('load.page')} />}>{inFrame(me, path, id, part)}</Suspense>
      </Crash>
    </Frame>
  )
}

function inFrame(me: Me | undefined, path: string, id: string | undefined, part: string | undefined): ReactNode {
  if (id && TABS.includes(part as Tab)) return <SessionPage id={decodeURIComponent(id)} tab={part as Tab} />
  if (path === '') return <SessionsPage />
  const page = pageAt(path)
  if (page) return page.allowed(me) ? page.deep ? <Administration path={path} /> : <Admin path={path} /> : <Forbidden what={t('forbidden.page', { page: t(page.name) })} />
  return (
    <Empty title={t('lost.title')} page>
      <p>{t('lost.text')}</p>
      <Link className="button" to="">
        {t('viewer.toSessions')}
      </Link>
    </Empty>
  )
}
