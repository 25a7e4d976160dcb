/** "Tell me when ready": a notification of the browser, for a session that takes its time; and on the page the way into it. */

import { useState } from 'react'

import type { Session } from '../api/types'
import { t } from '../strings/t'
import { announce } from '../parts/announce'
import { Link, usePath } from '../app/router'
import { store, useStore } from '../app/store'
import { CONNECTABLE, LIVE, queued, titleOf } from '../app/words'

const waiting = new Set<string>()
/** Waited for a scheduler when last seen. */
const inQueue = new Set<string>()
/** Came up meanwhile, and their person has not been told otherwise. */
const ready = store<Session[]>([])

const putAway = (id: string) => ready.set((all) => all.filter((one) => one.id !== id))

/** To be called with each session as it becomes known. */
export function tellIfReady(session: Session): void {
  if (queued(session)) inQueue.add(session.id)
  else if (CONNECTABLE.has(session.state) && inQueue.delete(session.id)) ready.set((all) => [...all.filter((one) => one.id !== session.id), session])
  else if (!LIVE.has(session.state)) putAway(session.id)
  if (session.state === 'pending' || !waiting.delete(session.id)) return
  const text = session.started !== null ? t('tell.ready', { name: titleOf(session) }) : t('tell.failed', { name: titleOf(session) })
  announce(text)
  if (typeof Notification !== 'undefined' && Notification.permission === 'granted') new Notification(text, { tag: session.id })
}

/** What has come up after its time in a queue, one click away from wherever one is. */
export function ReadyNow() {
  const found = useStore(ready)
  const path = usePath()
  const shown = found.filter((session) => path !== `session/${session.id}`)
  if (shown.length === 0) return null
  return (
    <aside className="ready-now" role="status" aria-label={t('tell.region')}>
      {shown.map((session) => (
        <p key={session.id} className="notice good">
          <span>{t('tell.ready', { name: titleOf(session) })}</span>
          <Link className="button small primary" to={`session/${session.id}`} onClick={() => putAway(session.id)}>
            {t('do.open')}
          </Link>
          <button type="button" className="button small" onClick={() => putAway(session.id)}>
            {t('do.later')}
          </button>
        </p>
      ))}
    </aside>
  )
}

export function TellMe({ session }: { session: Session }) {
  const [on, setOn] = useState(waiting.has(session.id))
  const [refused, setRefused] = useState(false)
  if (typeof Notification === 'undefined' || !window.isSecureContext) return null
  const ask = async () => {
    const answer = await Notification.requestPermission()
    setRefused(answer === 'denied')
    if (answer === 'denied') return
    waiting.add(session.id)
    setOn(true)
  }
  return (
    <>
      <button type="button" className="button small" aria-pressed={on} onClick={() => (on ? (waiting.delete(session.id), setOn(false)) : void ask())}>
        {on ? t('tell.on') : t('tell.off')}
      </button>
      {refused && <span className="quiet small">{t('tell.refused')}</span>}
    </>
  )
}
