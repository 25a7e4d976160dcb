/** Keys that a browser or a phone cannot give: modifiers that stick for one key, Ctrl-Alt-Del, F1 to F12, the touch keyboard. */

import { type RefObject, useEffect, useRef, useState } from 'react'

import { t } from '../strings/t'
import { FUNCTION_KEYS, type Key, KEYS, PLAIN, STICKY } from './keysyms'
import type { Link } from './link'

interface KeysPanelProps {
  link: Link
  field: RefObject<HTMLTextAreaElement | null>
  close: () => void
}

export function KeysPanel({ link, field, close }: KeysPanelProps) {
  const [held, setHeld] = useState<Key[]>([])
  const holding = useRef(held)
  holding.current = held
  const send = (key: Key, down: boolean) => link.screen?.sendKey(key.keysym, key.code, down)
  const release = () => {
    holding.current.forEach((key) => send(key, false))
    holding.current = []
    setHeld([])
  }
  // a key that stayed down in the session when the panel goes would be down for ever
  useEffect(() => () => holding.current.forEach((key) => link.screen?.sendKey(key.keysym, key.code, false)), [link])
  useEffect(() => {
    // held modifiers are for the one key that follows, typed or pressed here
    const element = field.current
    if (!element || !held.length) return
    const modifier = (event: Event) => /^(Control|Alt|Shift|Meta)/.test((event as KeyboardEvent).code ?? '')
    const typed = (event: Event) => {
      if (!modifier(event)) setTimeout(release)
    }
    // the next may go down before the first is up, or before that was looked at
    let used = false
    const pressed = (event: KeyboardEvent) => {
      if (modifier(event) || event.repeat) return
      if (used) release()
      used = true
    }
    element.addEventListener('keydown', pressed, true)
    element.addEventListener('keyup', typed)
    element.addEventListener('input', typed)
    return () => {
      element.removeEventListener('keydown', pressed, true)
      element.removeEventListener('keyup', typed)
      element.removeEventListener('input', typed)
    }
  }, [held])

  const stick = (key: Key) => {
    const down = !held.includes(key)
    send(key, down)
    setHeld(down ? [...held, key] : held.filter((other) => other !== key))
  }
  const press = (...keys: Key[]) => {
    keys.forEach((key) => send(key, true))
    keys.toReversed().forEach((key) => send(key, false))
    release()
  }
  const button = (key: Key) => (
    <button key={key.label} type="button" className="button small" onClick={() => press(key)}>
      {key.label}
    </button>
  )
  return (
    <section className="viewer-panel" aria-label={t('bar.keys')}>
      <div className="row wrap" role="group" aria-label={t('keys.sticky')}>
        {STICKY.map((key) => (
          <button key={key.label} type="button" className="button small" aria-pressed={held.includes(key)} onClick={() => stick(key)}>
            {key.label}
          </button>
        ))}
        <button type="button" className="button small" onClick={() => press(KEYS.ctrl, KEYS.alt, KEYS.del)}>
          Ctrl+Alt+Del
        </button>
      </div>
      <div className="row wrap">{PLAIN.map(button)}</div>
      <div className="row wrap">{FUNCTION_KEYS.map(button)}</div>
      <p className="quiet small">{t('keys.help')}</p>
      <div className="row wrap">
        <button type="button" className="button small primary" onClick={() => field.current?.focus()}>
          {t('keys.keyboard')}
        </button>
        <button type="button" className="button small" onClick={close}>
          {t('do.close')}
        </button>
      </div>
    </section>
  )
}
