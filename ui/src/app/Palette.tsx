/** The command palette: sessions, pages and actions by a few letters. */

import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'

import type { Me, Session } from '../api/types'
import { actionsOn } from '../sessions/actions'
import { startBookmark, useBookmarks } from '../sessions/Bookmarks'
import { NEW_SESSION } from '../sessions/NewSession'
import { begin } from '../sessions/starts'
import { guessKeyboard } from '../sessions/defaults'
import { largestOf, useProfiles } from '../sessions/profiles'
import { geometryOf, shapeOf } from '../sessions/shape'
import { t } from '../strings/t'
import { logout, type PageLink } from './Frame'
import { may, useSessions } from './place'
import { go } from './router'
import { theme } from './theme'
import { LIVE, stateWord, titleOf } from './words'

interface Choice {
  label: string
  note: string
  /** Comes after what fits as well. */
  later?: number
  run: () => void
}

/** How well the words fit, smaller is better; null when they do not. Each word must be there, in any order. */
export function score(text: string, words: string): number | null {
  const low = text.toLowerCase()
  let sum = 0
  for (const word of words.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = low.indexOf(word)
    if (at < 0) return null
    sum += at === 0 ? 0 : /\W/.test(low[at - 1]!) ? 1 : 2
  }
  return sum
}

export function Palette({ me, pages, onClose }: { me: Me | undefined; pages: PageLink[]; onClose: () => void }) {
  const [words, setWords] = useState('')
  const [at, setAt] = useState(0)
  const dialog = useRef<HTMLDialogElement>(null)
  const list = useId()
  const sessions = useSessions().data?.sessions ?? []
  const bookmarks = useBookmarks().data ?? []
  useProfiles()

  useEffect(() => {
    const before = document.activeElement
    dialog.current!.showModal()
    return () => {
      if (before instanceof HTMLElement && before.isConnected && document.activeElement === document.body) before.focus()
    }
  }, [])

  const choices = found(words, [...ofSessions(sessions, me), ...bookmarks.map((one) => ({ label: t('bookmarks.start', { name: one.name }), note: t('palette.bookmark'), run: () => startBookmark(one) })), ...ofPages(pages), ...general(me)], me)
  const now = Math.min(at, choices.length - 1)
  const choose = (choice: Choice | undefined) => {
    if (!choice) return
    dialog.current?.close()
    onClose()
    choice.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter') {
      event.preventDefault()
      choose(choices[now])
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!step || !choices.length) return
    event.preventDefault()
    const next = (now + step + choices.length) % choices.length
    setAt(next)
    document.getElementById(`${list}-${next}`)?.scrollIntoView({ block: 'nearest' })
  }

  return (
    <dialog ref={dialog} className="dialog palette" aria-label={t('palette.title')} onCancel={onClose} onClick={(event) => event.target === dialog.current && onClose()}>
      <div className="dialog-in">
        <input
          className="input big"
          role="combobox"
          aria-expanded="true"
          aria-controls={list}
          aria-activedescendant={choices.length ? `${list}-${now}` : undefined}
          aria-label={t('palette.find')}
          placeholder={t('palette.find')}
          autoFocus
          value={words}
          onChange={(event) => {
            setWords(event.target.value)
            setAt(0)
          }}
          onKeyDown={onKeyDown}
        />
        <ul id={list} role="listbox" aria-label={t('palette.found')}>
          {choices.map((choice, index) => (
            <li key={index} id={`${list}-${index}`} role="option" aria-selected={index === now} onClick={() => choose(choice)} onPointerMove={() => setAt(index)}>
              <span>{choice.label}</span>
              <span className="quiet small">{choice.note}</span>
            </li>
          ))}
        </ul>
        {choices.length === 0 && <p className="quiet palette-none">{t('palette.none')}</p>}
      </div>
    </dialog>
  )
}

function found(words: string, all: Choice[], me: Me | undefined): Choice[] {
  const scored = all
    .map((choice) => ({ choice, fit: score(`${choice.label} ${choice.note}`, words), later: choice.later ?? 0 }))
    .filter((one) => one.fit !== null)
    .sort((a, b) => a.fit! + a.later - b.fit! - b.later)
    .slice(0, 40)
    .map((one) => one.choice)
  if (!words.trim() || !may(me, 'session/start') || me?.level === 'limited') return scored
  return [...scored, { label: t('palette.start', { command: words.trim() }), note: t('new.title'), run: () => startNow(words.trim()) }]
}

const startNow = (command: string) =>
  go(`session/${begin({ command, geometry: geometryOf(shapeOf(command), largestOf('default')), keyboardLayout: guessKeyboard(navigator.languages) })}`)

function ofSessions(sessions: Session[], me: Me | undefined): Choice[] {
  return sessions
    .filter((session) => LIVE.has(session.state))
    .flatMap((session) =>
      actionsOn(session, me).map((action) => ({
        label: action.name === 'open' ? titleOf(session) : `${titleOf(session)}: ${action.label}`,
        note: action.name === 'open' ? stateWord(session) : t('palette.session'),
        run: action.run,
        later: action.name === 'open' ? 0 : 3,
      })),
    )
}

const ofPages = (pages: PageLink[]): Choice[] =>
  pages.map((page) => ({ label: t(page.name), note: t('palette.page'), run: () => go(page.path) }))

function general(me: Me | undefined): Choice[] {
  const focusNew = () => {
    go('')
    requestAnimationFrame(() => document.getElementById(NEW_SESSION)?.focus())
  }
  return [
    ...(may(me, 'session/start') ? [{ label: t('new.title'), note: t('palette.action'), run: focusNew }] : []),
    { label: t('theme.light'), note: t('theme.title'), run: () => theme.set('light') },
    { label: t('theme.dark'), note: t('theme.title'), run: () => theme.set('dark') },
    { label: t('person.logout'), note: t('palette.action'), run: () => void logout() },
  ]
}
