/** The viewer's bar: thin, hides by itself, comes back by its handle, by the pointer at the top, or by Ctrl+Alt+Shift. */

import { type KeyboardEvent, type MouseEvent, type PointerEvent, type RefObject, useEffect, useRef, useState } from 'react'

import * as api from '../api/client'
import type { Session } from '../api/types'
import { may, useMe } from '../app/place'
import { go, Link as PageLink } from '../app/router'
import { useStore } from '../app/store'
import { titleOf } from '../app/words'
import { Icon } from '../parts/Icon'
import { Menu, type MenuEntry } from '../parts/Menu'
import { attempt, download, endSession } from '../sessions/actions'
import { t, type Key } from '../strings/t'
import { choices, type Quality } from './choices'
import type { Clipboard } from './clipboard'
import { ClipboardPanel } from './ClipboardPanel'
import { toggleFull, useFull } from './full'
import { KeysPanel } from './KeysPanel'
import type { Link } from './link'
import type { Meter } from './meter'
import { QualityFigures } from './QualityFigures'
import type { Fit } from './screen'
import type { Typing } from './typing'

interface BarProps {
  session: Session
  open: boolean
  setOpen: (open: boolean) => void
  page: RefObject<HTMLElement | null>
  field: RefObject<HTMLTextAreaElement | null>
  focusPicture: () => void
  link: Link
  clipboard: Clipboard
  meter: Meter
  typing: Typing
}

const FITS: Fit[] = ['match', 'fit', 'actual']
const QUALITIES: Quality[] = ['best', 'balanced', 'slow']
const HIDE_AFTER = 2_500
const ONE_MOVE = 500 // milliseconds: who comes to the handle with a mouse and clicks it wants the bar, which came by itself meanwhile

export function Bar(props: BarProps) {
  const { session, open, setOpen, page, field, focusPicture, link, clipboard, meter } = props
  const me = useMe().data
  const state = useStore(link.state).now
  const [panel, setPanel] = useState<'clipboard' | 'keys' | null>(null)
  const [firstLook, setFirstLook] = useState(true)
  const element = useRef<HTMLDivElement>(null)
  const came = useRef(-ONE_MOVE) // when the pointer made it come
  const waiting = useStore(clipboard.waiting)
  const viewOnly = useStore(link.viewOnly)
  const full = useFull()
  const over = state === 'over' || state === 'failed'
  const shown = open || firstLook || panel !== null || over

  useEffect(() => {
    const timer = setTimeout(() => setFirstLook(false), 4_000)
    return () => clearTimeout(timer)
  }, [])
  useEffect(() => {
    if (!open || panel) return
    const timer = setInterval(() => {
      const busy = element.current?.matches(':hover') || element.current?.contains(document.activeElement) || document.querySelector('.menu')
      if (!busy) setOpen(false)
    }, HIDE_AFTER)
    return () => clearInterval(timer)
  }, [open, panel, setOpen])

  const leave = () => {
    setPanel(null)
    setOpen(false)
    focusPicture()
  }
  const enter = (event: PointerEvent) => {
    if (event.pointerType !== 'mouse') return
    if (!shown) came.current = event.timeStamp
    setOpen(true)
  }
  const press = (event: MouseEvent) => {
    if (!shown || event.timeStamp - came.current < ONE_MOVE) return setOpen(true)
    setFirstLook(false)
    leave()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') leave()
  }
  const toggle = (which: 'clipboard' | 'keys') => {
    setPanel(panel === which ? null : which)
    setOpen(true)
  }
  const save = () =>
    link.screen?.toBlob((picture) => picture && download(picture, `${titleOf(session)}.png`), 'image/png')

  return (
    <div ref={element} className={shown ? 'viewer-top shown' : 'viewer-top'} onKeyDown={onKeyDown} onPointerEnter={enter}>
      <div className="viewer-bar" role="toolbar" aria-label={t('bar.title')} inert={!shown}>
        <PageLink className="plain round" to="" aria-label={t('bar.back')} title={t('bar.back')}>
          <Icon name="back" />
        </PageLink>
        <span className="viewer-name" title={session.command}>
          {titleOf(session)}
        </span>
        {viewOnly && <span className="badge">{t('viewer.viewOnly')}</span>}
        {!over && <QualityFigures meter={meter} link={link} />}
        {!over && (
          <>
            <Menu label={t('bar.fit')} entries={fitEntries()}>
              <Icon name="fit" />
            </Menu>
            <Tool icon="full" label={full ? t('bar.notFull') : t('bar.full')} pressed={full} run={() => void toggleFull(page.current!).then(focusPicture)} />
            <Tool icon="clipboard" label={waiting ? t('bar.clipboardNew') : t('bar.clipboard')} pressed={panel === 'clipboard'} dot={waiting} run={() => toggle('clipboard')} />
            <Tool icon="keyboard" label={t('bar.keys')} pressed={panel === 'keys'} run={() => toggle('keys')} />
            <Menu label={t('bar.quality')} entries={qualityEntries()}>
              <Icon name="quality" />
            </Menu>
            <Tool icon="camera" label={t('do.screenshot')} run={save} />
            {may(me, 'session/disconnect', session) && (
              <Tool icon="pause" label={t('do.suspend')} run={() => void attempt(session, t('do.suspend'), () => api.suspend(session.id)).then((done) => done && go(''))} />
            )}
            {may(me, 'session/terminate', session) && <Tool icon="stop" label={t('do.terminate')} danger run={() => void endSession(session).then(leave)} />}
          </>
        )}
      </div>
      {panel === 'clipboard' && !over && <ClipboardPanel clipboard={clipboard} close={leave} />}
      {panel === 'keys' && !over && <KeysPanel link={link} field={field} close={leave} />}
      <button type="button" className="viewer-handle" aria-expanded={shown} aria-label={shown ? t('bar.hide') : t('bar.show')} title={t('bar.key')} onClick={press}>
        <Icon name="down" />
      </button>
    </div>
  )
}

interface ToolProps {
  icon: Parameters<typeof Icon>[0]['name']
  label: string
  run: () => void
  pressed?: boolean
  danger?: boolean
  dot?: boolean
}

function Tool({ icon, label, run, pressed, danger, dot }: ToolProps) {
  return (
    <button type="button" className={danger ? 'plain round danger' : 'plain round'} aria-label={label} title={label} aria-pressed={pressed} onClick={run}>
      <Icon name={icon} />
      {dot && <span className="dot-new" />}
    </button>
  )
}

function fitEntries(): MenuEntry[] {
  const now = choices.get()
  return [
    ...FITS.map((fit) => ({ label: t(`fit.${fit}` as Key), checked: now.fit === fit, run: () => choices.set({ ...now, fit }) })),
    ...(window.devicePixelRatio > 1
      ? [
          { label: t('fit.smooth'), checked: !now.sharp, group: t('fit.pixels'), run: () => choices.set({ ...now, sharp: false }) },
          { label: t('fit.sharp'), checked: now.sharp, run: () => choices.set({ ...now, sharp: true }) },
        ]
      : []),
  ]
}

function qualityEntries(): MenuEntry[] {
  const now = choices.get()
  return [
    ...QUALITIES.map((quality) => ({ label: t(`quality.${quality}` as Key), checked: now.quality === quality, run: () => choices.set({ ...now, quality }) })),
  ]
}
