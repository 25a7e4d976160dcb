/** A button that opens a menu: arrows, Home, End, first letters, Escape; each entry may name its own key. */

import { type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from 'react'

import { go } from '../app/router'

export interface MenuEntry {
  label: string
  run?: () => void
  to?: string
  hint?: string
  danger?: boolean
  disabled?: boolean
  /** Set for one of several that exclude each other. */
  checked?: boolean
  /** Starts a new group, with this heading if there is one. */
  group?: string | true
}

interface MenuProps {
  label: string
  entries: MenuEntry[]
  children: ReactNode
  className?: string
  /** Said above the entries, such as who is logged in. */
  head?: ReactNode
}

export function Menu({ label, entries, children, className, head }: MenuProps) {
  const [open, setOpen] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const panel = useRef<HTMLDivElement>(null)
  const id = useId()
  const close = (focus: boolean) => {
    setOpen(false)
    if (focus) button.current?.focus()
  }

  useLayoutEffect(() => {
    if (!open) return
    place(button.current!, panel.current!)
    items(panel.current!)[0]?.focus()
  }, [open])
  useEffect(() => {
    if (!open) return
    const outside = (event: Event) => {
      const target = event.target as Node
      if (!panel.current?.contains(target) && !button.current?.contains(target)) setOpen(false)
    }
    const moved = () => {
      const { bottom, top } = button.current!.getBoundingClientRect()
      if (bottom < 0 || top > window.innerHeight) setOpen(false)
      else place(button.current!, panel.current!)
    }
    const scrolled = (event: Event) => panel.current?.contains(event.target as Node) || moved()
    document.addEventListener('pointerdown', outside)
    window.addEventListener('resize', moved)
    document.addEventListener('scroll', scrolled, true)
    return () => {
      document.removeEventListener('pointerdown', outside)
      window.removeEventListener('resize', moved)
      document.removeEventListener('scroll', scrolled, true)
    }
  }, [open])

  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation()
    if (event.key === 'Escape' || event.key === 'Tab') {
      if (event.key === 'Escape') event.preventDefault()
      return close(true)
    }
    const all = items(panel.current!)
    const now = all.indexOf(document.activeElement as HTMLElement)
    const next = { ArrowDown: now + 1, ArrowUp: now - 1 + all.length, Home: 0, End: all.length - 1 }[event.key]
    if (next !== undefined) {
      event.preventDefault()
      all[next % all.length]?.focus()
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
      const letter = event.key.toLowerCase()
      const after = [...all.slice(now + 1), ...all.slice(0, now + 1)]
      after.find((item) => item.textContent?.toLowerCase().startsWith(letter))?.focus()
    }
  }

  return (
    <>
      <button
        ref={button}
        type="button"
        className={className ?? 'plain round'}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') {
            event.preventDefault()
            setOpen(true)
          }
        }}
      >
        {children}
      </button>
      {open && (
        <div ref={panel} id={id} className="menu" onKeyDown={onKeyDown}>
          {head && <div className="menu-said">{head}</div>}
          <div role="menu" aria-label={label}>
            {entries.map((entry, index) => (
              <Entry key={index} entry={entry} first={index === 0} close={close} />
            ))}
          </div>
        </div>
      )}
    </>
  )
}

function Entry({ entry, first, close }: { entry: MenuEntry; first: boolean; close: (focus: boolean) => void }) {
  const choose = () => {
    if (entry.disabled) return
    close(true)
    if (entry.to !== undefined) go(entry.to)
    entry.run?.()
  }
  return (
    <>
      {entry.group && !first && <div role="separator" className="menu-line" />}
      {typeof entry.group === 'string' && (
        <div className="menu-head" role="presentation">
          {entry.group}
        </div>
      )}
      <button
        type="button"
        tabIndex={-1}
        role={entry.checked === undefined ? 'menuitem' : 'menuitemradio'}
        aria-checked={entry.checked}
        aria-disabled={entry.disabled || undefined}
        aria-keyshortcuts={entry.hint || undefined}
        className={entry.danger ? 'menu-item danger' : 'menu-item'}
        onClick={choose}
      >
        <span>{entry.label}</span>
        {entry.hint && <kbd aria-hidden="true">{entry.hint}</kbd>}
      </button>
    </>
  )
}

const items = (panel: HTMLElement) => [...panel.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([aria-disabled])')]

/** Below the button, or above it when there is more room; never over an edge of the window. */
function place(button: HTMLElement, panel: HTMLElement): void {
  const from = button.getBoundingClientRect()
  const size = panel.getBoundingClientRect()
  const below = window.innerHeight - from.bottom - 8
  const top = size.height <= below || below > from.top ? from.bottom + 4 : Math.max(8, from.top - size.height - 4)
  const left = Math.min(Math.max(8, from.right - size.width), window.innerWidth - size.width - 8)
  panel.style.top = `${top}px`
  panel.style.left = `${Math.max(8, left)}px`
  panel.style.maxHeight = `${Math.max(120, window.innerHeight - top - 8)}px`
}
