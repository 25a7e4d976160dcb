/** A session, full bleed: the picture first, a thin bar that hides, and what there is to say when there is no picture. */

import { useEffect, useRef, useState } from 'react'

import type { Session } from '../api/types'
import { useSession } from '../app/place'
import { remember, remembered, useStore } from '../app/store'
import { CONNECTABLE, titleOf } from '../app/words'
import { announce } from '../parts/announce'
import { Loading } from '../parts/states'
import { starts } from '../sessions/starts'
import { t } from '../strings/t'
import { Bar } from './Bar'
import { choices, LEVELS } from './choices'
import { Clipboard } from './clipboard'
import { Before, Curtain } from './Curtain'
import { KEYS } from './keysyms'
import { Link } from './link'
import { Meter } from './meter'
import type { Screen } from './screen'
import { Typing } from './typing'
import { WarningBar } from './WarningBar'

export default function ViewerPage({ id }: { id: string }) {
  const query = useSession(id)
  const start = useStore(starts)[id]
  const session = query.data
  useEffect(() => {
    document.documentElement.classList.add('viewing')
    return () => document.documentElement.classList.remove('viewing')
  }, [])
  // once open it stays open: what becomes of the session is told over the connection
  const opened = useRef(false)
  if (session && CONNECTABLE.has(session.state)) opened.current = true
  if (session && opened.current) return <Viewer session={session} />
  if (!session && query.isPending && !start) return <Loading what={t('load.session')} />
  return <Before id={id} session={session} start={start} error={query.error} />
}

/** Everything of one visit that is not React's. */
interface Parts {
  link: Link
  typing: Typing
  clipboard: Clipboard
  meter: Meter
}

export const coarse = (): boolean => matchMedia('(pointer: coarse)').matches

function Viewer({ session }: { session: Session }) {
  const page = useRef<HTMLElement>(null)
  const target = useRef<HTMLDivElement>(null)
  const frozen = useRef<HTMLCanvasElement>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const [parts, setParts] = useState<Parts | null>(null)
  const [bar, setBar] = useState(false)
  const [hint, setHint] = useState(() => !remembered('hintSeen', false))
  const [composing, setComposing] = useState('')
  const chosen = useStore(choices)
  const name = titleOf(session)
  const understood = () => {
    setHint(false)
    remember('hintSeen', true)
  }

  useEffect(() => {
    document.title = name
  }, [name])

  useEffect(() => {
    const hooks = {
      prepare: (screen: Screen) => {
        apply(screen)
        screen.addEventListener('clipboard', (event) => void clipboard.heard((event as CustomEvent<{ text: string }>).detail.text))
        touchShift(screen)
        if (!coarse()) field.current?.focus({ preventScroll: true })
        void clipboard.offer()
      },
      freeze: () => keep(target.current, frozen.current),
      thaw: () => frozen.current?.setAttribute('hidden', ''),
    }
    const link = new Link(session.id, target.current!, hooks)
    const clipboard = new Clipboard((text) => link.screen?.clipboardPasteFrom(text))
    const typing = new Typing(
      field.current!,
      {
        key: (keysym, code, down) => link.screen?.sendKey(keysym, code, down),
        leave: () => {
          setBar(true)
          understood()
          requestAnimationFrame(() => page.current?.querySelector<HTMLElement>('.viewer-bar button, .viewer-bar a')?.focus())
        },
        paste: (text) => clipboard.give(text),
        composing: setComposing,
      },
      coarse(),
    )
    setParts({ link, typing, clipboard, meter: new Meter(link) })
    return () => {
      link.close()
      typing.close()
      clipboard.close()
    }
  }, [session.id])

  useEffect(() => {
    if (!parts) return
    if (parts.link.screen) apply(parts.link.screen)
  }, [parts, chosen])

  const focusPicture = () => {
    if (!coarse()) field.current?.focus({ preventScroll: true })
  }

  return (
    <main ref={page} id="main" className="viewer" data-session={session.id}>
      <h1 className="unseen">{name}</h1>
      <div
        ref={target}
        className="viewer-picture"
        onPointerDown={() => {
          setBar(false)
          focusPicture()
        }}
        onMouseDown={(event) => event.preventDefault()}
      />
      <canvas ref={frozen} className="viewer-frozen" hidden aria-hidden="true" />
      <textarea
        ref={field}
        className="viewer-field"
        aria-label={t('viewer.field', { name })}
        autoCapitalize="off"
        autoComplete="off"
        autoCorrect="off"
        spellCheck={false}
      />
      {composing && <div className="viewer-composing">{composing}</div>}
      {parts && (
        <>
          <Bar session={session} open={bar} setOpen={setBar} page={page} field={field} focusPicture={focusPicture} {...parts} />
          <WarningBar link={parts.link} focusPicture={focusPicture} />
          <Curtain link={parts.link} session={session} focusPicture={focusPicture} />
        </>
      )}
      {hint && parts && (
        <Hint link={parts.link} seen={understood} done={() => (understood(), focusPicture())} />
      )}
    </main>
  )
}

/** Said once: what the viewer does to the keyboard, and the way out. */
function Hint({ link, seen, done }: { link: Link; seen: () => void; done: () => void }) {
  const shown = useStore(link.state).now === 'connected'
  useEffect(() => {
    if (!shown) return
    announce(t('viewer.hint'))
    // it is also in the toolbar's keys panel, so it need not stay
    const timer = setTimeout(seen, 20_000)
    return () => clearTimeout(timer)
  }, [shown])
  if (!shown) return null
  return (
    <div className="viewer-hint" role="note">
      <p>{coarse() ? t('viewer.hintTouch') : t('viewer.hint')}</p>
      <button type="button" className="button small" onClick={done}>
        {t('viewer.hintSeen')}
      </button>
    </div>
  )
}

/**
 * With the first key that a viewer sends, the X server takes the keyboard's map over. Were that key a character which no
 * key of the layout has, programs would look it up in the map of before and lose it (docs/design/processes.md, Keyboard).
 */
function touchShift(screen: Screen): void {
  screen.sendKey(KEYS.shift.keysym, KEYS.shift.code, true)
  screen.sendKey(KEYS.shift.keysym, KEYS.shift.code, false)
}

function apply(screen: Screen): void {
  const { fit, sharp, quality } = choices.get()
  screen.fit(fit, sharp)
  Object.assign(screen, LEVELS[quality])
}

/** Copies the picture as it stands, where it stands; noVNC takes its own away when the connection closes. */
function keep(target: HTMLElement | null, copy: HTMLCanvasElement | null): void {
  const live = target?.querySelector('canvas')
  if (!live || !copy || live.width === 0) return
  const [shown, within] = [live.getBoundingClientRect(), target!.getBoundingClientRect()]
  copy.width = live.width
  copy.height = live.height
  copy.getContext('2d')?.drawImage(live, 0, 0)
  copy.style.left = `${shown.left - within.left}px`
  copy.style.top = `${shown.top - within.top}px`
  copy.style.width = `${shown.width}px`
  copy.style.height = `${shown.height}px`
  copy.removeAttribute('hidden')
}
