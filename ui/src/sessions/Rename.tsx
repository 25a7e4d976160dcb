/** A session's name, as a field in place. Enter keeps it, Escape leaves it as it was. */

import { useRef } from 'react'

import * as api from '../api/client'
import type { Session } from '../api/types'
import { t } from '../strings/t'
import { attempt, renaming } from './actions'

export function Rename({ session }: { session: Session }) {
  const input = useRef<HTMLInputElement>(null)
  const leave = () => {
    renaming.set(null)
    // the link with the new name takes the focus that the field had
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-session="${CSS.escape(session.id)}"] .card-link`)?.focus())
  }
  const keep = () => {
    const name = input.current?.value.trim() ?? ''
    leave()
    if (name !== session.name) void attempt(session, t('do.rename'), () => api.change(session.id, { name }))
  }
  return (
    <input
      ref={input}
      className="input"
      aria-label={t('rename.label')}
      defaultValue={session.name}
      placeholder={session.command}
      maxLength={256}
      autoFocus
      onFocus={(event) => event.target.select()}
      onBlur={() => renaming.get() === session.id && keep()}
      onKeyDown={(event) => {
        event.stopPropagation()
        if (event.nativeEvent.isComposing) return
        if (event.key === 'Enter') keep()
        if (event.key === 'Escape') leave()
      }}
    />
  )
}
