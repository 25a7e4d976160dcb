/** The order of the functions of a kind: each keeps its position, so a new order is a new position for those that moved. */

import { useQueryClient } from '@tanstack/react-query'
import { type RefObject, useLayoutEffect, useRef, useState } from 'react'

import { type FunctionDocument, functions } from '../../api/administered'
import { asProblem, type Problem } from '../../api/problem'
import { announce } from '../../parts/announce'
import { t } from '../../strings/t'
import { carry } from '../parts/drafts'
import { moved } from '../parts/Order'
import { inOrder } from './kinds'

const KEY = ['admin', 'functions']
const saving = { turn: Promise.resolve(), waiting: 0 }

/** Once what has been moved is saved. */
export const reordered = (): Promise<void> => saving.turn

/** `list` holds a link for each of `mine`, those of this kind; that of the one that was moved has the focus afterwards. */
export function useReorder(kind: string, mine: FunctionDocument[], list: RefObject<HTMLElement | null>) {
  const client = useQueryClient()
  const [problem, setProblem] = useState<Problem | null>(null)
  const wanted = useRef('')
  const order = mine.map((one) => one.id).join('\n')

  // once it is where it belongs: an element that is moved loses the focus
  useLayoutEffect(() => {
    const at = mine.findIndex((one) => one.id === wanted.current)
    if (at >= 0) list.current?.querySelectorAll<HTMLElement>('a')[at]?.focus()
    wanted.current = ''
  }, [order])

  const known = () => client.getQueryData<FunctionDocument[]>(KEY) ?? []
  const change = (one: FunctionDocument) => client.setQueryData<FunctionDocument[]>(KEY, (all) => all?.map((other) => (other.id === one.id ? one : other)))

  /** What it is by now with its new position, so that nothing else is undone. */
  const save = async (id: string, position: number) => {
    const now = known().find((one) => one.id === id)
    if (!now || now.fixed !== null) return
    const { revision } = await functions.put(id, { ...now, position }, now.revision)
    carry(`${functions.bucket}/${id}`, { position }, now.revision, revision) // else the editor would meet its own page's change
    const later = known().find((one) => one.id === id)
    if (later) change({ ...later, revision })
  }

  /** `to` is given the place it has now: the page may not show yet what the last key did. */
  const move = (id: string, to: (from: number) => number) => {
    const before = inOrder(known(), kind)
    const from = before.findIndex((one) => one.id === id)
    const place = to(from)
    if (from < 0 || place < 0 || place >= before.length || from === place) return
    setProblem(null)
    void client.cancelQueries({ queryKey: KEY }) // what it would bring is older than this
    const next = moved(before, from, place)
    const changed = next.flatMap((one, position) => (one.position === position ? [] : [{ ...one, position }]))
    changed.forEach(change)
    wanted.current = id
    announce(t('order.said', { name: before[from]!.name, at: place + 1, n: before.length }))
    // a key that repeats is quicker than the server: one after another, and only the last asks how it is now
    saving.waiting += 1
    saving.turn = saving.turn
      .then(async () => {
        for (const one of changed) await save(one.id, one.position)
      })
      .catch((error: unknown) => setProblem(asProblem(error)))
      .finally(() => {
        saving.waiting -= 1
        if (saving.waiting === 0) void client.invalidateQueries({ queryKey: KEY })
      })
  }
  return { move, problem }
}
