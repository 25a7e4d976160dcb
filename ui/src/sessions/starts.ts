/**
 * Starts that this page asked for. The id is made here, so that the session's page can be open before the answer has come,
 * and so that a repeated request is the same session.
 */

import * as api from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { StartRequest, StartStage } from '../api/types'
import { queries } from '../app/place'
import { keptStore, store } from '../app/store'
import { withSession, type SessionList } from '../api/live'
import { announce } from '../parts/announce'
import { t } from '../strings/t'

type Auth = Extract<StartStage, { stage: 'auth' }>

export interface Start {
  request: StartRequest
  asked: number
  status: 'asked' | 'auth' | 'refused' | 'done'
  auth?: Auth
  /** Counts the rounds of questions: the same question again is a new round. */
  round: number
  busy?: boolean
  problem?: Problem
}

export const starts = store<Record<string, Start>>({})

/** Commands used lately, the last first: yesterday's desktop is one click away. */
export const recent = keptStore<string[]>('recent', [])

export const newId = (): string =>
  [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('')

const update = (id: string, change: Partial<Start>) =>
  starts.set((all) => (all[id] ? { ...all, [id]: { ...all[id]!, ...change } } : all))

export const forget = (id: string): void =>
  starts.set((all) => Object.fromEntries(Object.entries(all).filter(([key]) => key !== id)))

/** Asks for a session and returns its id at once. */
export function begin(wanted: Omit<StartRequest, 'id'>): string {
  const request: StartRequest = { ...wanted, id: newId() }
  starts.set((all) => ({ ...all, [request.id]: { request, asked: Date.now() / 1000, status: 'asked', round: 0 } }))
  recent.set((before) => [request.command, ...before.filter((other) => other !== request.command)].slice(0, 8))
  announce(t('start.asked', { name: request.name || request.command }))
  void advance(request.id, () => api.start(request))
  return request.id
}

export function answer(id: string, answers: string[]): void {
  const attempt = starts.get()[id]?.auth?.attempt
  if (!attempt) return
  update(id, { busy: true })
  void advance(id, () => api.answerStart(attempt, answers))
}

export function giveUp(id: string): void {
  const attempt = starts.get()[id]?.auth?.attempt
  if (attempt) void api.leaveStart(attempt).catch(() => undefined)
  forget(id)
}

async function advance(id: string, step: () => Promise<StartStage>, again = true): Promise<void> {
  try {
    const stage = await step()
    if (stage.stage === 'auth') return update(id, { status: 'auth', auth: stage, busy: false, round: (starts.get()[id]?.round ?? 0) + 1 })
    if (stage.stage === 'form') return refuse(id, asProblem(new Error(t('start.form'))))
    queries.setQueryData(['session', id], stage.result)
    queries.setQueriesData<SessionList>({ queryKey: ['sessions', 'own'] }, (list) => list && withSession(list, stage.result))
    update(id, { status: 'done', busy: false })
  } catch (error) {
    const problem = asProblem(error)
    // the same id again is the same session: safe after an answer that was lost on its way
    if (problem.status === 0 && again) return setTimeoutThen(1500, () => advance(id, step, false))
    refuse(id, problem)
  }
}

const setTimeoutThen = (wait: number, then: () => Promise<void>): Promise<void> =>
  new Promise((resolve) => setTimeout(() => void then().then(resolve), wait))

function refuse(id: string, problem: Problem): void {
  update(id, { status: 'refused', problem, busy: false })
  announce(t('start.refusedSay', { name: starts.get()[id]?.request.name || starts.get()[id]?.request.command || '' }))
  // what failed after it had a record has more to say there
  void queries.invalidateQueries({ queryKey: ['sessions'] })
  void queries.invalidateQueries({ queryKey: ['session', id] })
}
