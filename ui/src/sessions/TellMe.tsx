/** "Tell me when ready": a notification of the browser, for a session that takes its time. */

import { useState } from 'react'

import type { Session } from '../api/types'
import { t } from '../strings/t'
import { announce } from '../parts/announce'
import { titleOf } from '../app/words'

const waiting = new Set<string>()

/** To be called with each session as it becomes known. */
export function tellIfReady(session: Session): void {
  if (session.state === 'pending' || !waiting.delete(session.id)) return
  const text = session.started !== null ? t('tell.ready', { name: titleOf(session) }) : t('tell.failed', { name: titleOf(session) })
  announce(text)
  if (typeof Notification !== 'undefined' && Notification.permission === 'granted') new Notification(text, { tag: session.id })
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
