/**
 * What is being written and not saved yet. A draft outlives a visit to another page and a reload of this tab, so that
 * nothing is lost silently; the browser asks before the tab is closed.
 */

import { useEffect } from 'react'

import type { Kept } from '../../api/administered'
import { store, useStore } from '../../app/store'

interface Draft {
  value: unknown
  /** The revision that it began from. */
  base: number
}

const NAME = 'portcall.drafts'

const read = (): Record<string, Draft> => {
  try {
    return JSON.parse(sessionStorage.getItem(NAME) ?? '{}') as Record<string, Draft>
  } catch {
    return {}
  }
}

export const drafts = store<Record<string, Draft>>(read())

drafts.subscribe(() => {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(drafts.get()))
  } catch {
    // forbidden or full: then it lasts as long as the page
  }
})

window.addEventListener('beforeunload', (event) => {
  if (Object.keys(drafts.get()).length) event.preventDefault()
})

export const setDraft = (key: string, value: unknown, base: number): void => drafts.set((all) => ({ ...all, [key]: { value, base } }))

/** What was saved beside the editor goes into the draft as well, which goes on from there if it began at what was there before. */
export const carry = (key: string, some: object, before: number, after: number): void =>
  drafts.set((all) => {
    const draft = all[key]
    if (!draft) return all
    return { ...all, [key]: { value: { ...(draft.value as object), ...some }, base: draft.base === before ? after : draft.base } }
  })

export const dropDraft = (key: string): void =>
  drafts.set((all) => (key in all ? Object.fromEntries(Object.entries(all).filter(([name]) => name !== key)) : all))

/** The same but for what the server adds. */
export function same(one: unknown, other: unknown): boolean {
  return text(one) === text(other)
}

const text = (value: unknown): string =>
  JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'revision' || key === 'fixed') return undefined
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })

export interface Editing<D> {
  value: D
  dirty: boolean
  /** The revision that a save must find. */
  base: number
  /** Somebody else has saved since this draft began. */
  behind: boolean
  change: (some: Partial<D>) => void
  discard: () => void
}

/** The draft of a document, or the document. `saved` undefined: a new one, which begins as `blank`. */
export function useDraft<D extends Kept>(key: string, saved: D | undefined, blank: D): Editing<D> {
  const draft = useStore(drafts)[key]
  const start = saved ?? blank
  const value = (draft?.value as D | undefined) ?? start
  const dirty = draft !== undefined && !same(value, start)
  useEffect(() => {
    if (draft !== undefined && !dirty) dropDraft(key)
  }, [draft, dirty, key])
  const base = draft?.base ?? saved?.revision ?? 0
  return {
    value,
    dirty,
    base,
    behind: dirty && saved !== undefined && saved.revision !== base,
    change: (some) => {
      // the latest draft, not the one of the last render: two fields may change in one event
      const now = (drafts.get()[key]?.value as D | undefined) ?? start
      setDraft(key, { ...now, ...some }, base)
    },
    discard: () => dropDraft(key),
  }
}
