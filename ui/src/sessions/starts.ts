/**
 * Starts that this page asked for. The id is made here, so that the session's page can be open before the answer has come,
 * and so that a repeated request is the same session.
 */

import * as api from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { StartRequest, StartStage } from '../api/types'
import { queries } from '../app/place'
import { go, nowAt } from '../app/router'
import { keptStore, store } from '../app/store'
import { withSession, type SessionList } from '../api/live'
import type { Answers } from '../forms/answers'
import type { Said } from '../forms/inWords'
import { keepAnswers, lastAnswers } from '../forms/remembered'
import { answered, back, begun, merged, next, onlyNotices, pageOf, reviewed, type Wizard } from '../forms/wizard'
import { announce } from '../parts/announce'
import { t } from '../strings/t'

type Auth = Extract<StartStage, { stage: 'auth' }>

export interface Start {
  request: StartRequest
  asked: number
  status: 'asked' | 'form' | 'auth' | 'refused' | 'done'
  auth?: Auth
  wizard?: Wizard
  /** The session's page was open, or is to be once there is a session. */
  open?: boolean
  /** Counts the rounds of questions: the same question again is a new round. */
  round: number
  busy?: boolean
  problem?: Problem | undefined
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

/** Asks for a session and returns its id at once; with `open` its page is opened once nothing more is asked. */
export function begin(wanted: Omit<StartRequest, 'id'>, open = false): string {
  const request: StartRequest = { ...wanted, notices: true, id: newId() }
  starts.set((all) => ({ ...all, [request.id]: { request, asked: Date.now() / 1000, status: 'asked', round: 0, open } }))
  if (!request.bookmarkId) recent.set((before) => [request.command, ...before.filter((other) => other !== request.command)].slice(0, 8))
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

/** Sends the answers of the form shown; the server says which is next, or that nothing remains to be asked. */
export function answerForm(id: string, answers: Answers, said: Said[]): void {
  const start = starts.get()[id]
  if (!start?.wizard || start.busy) return
  const wizard = answered(start.wizard, answers, said)
  const { form } = wizard.pages[wizard.at]!
  if (form.inputs.length) keepAnswers(start.request, form, answers)
  update(id, { wizard, busy: true, problem: undefined })
  void advance(id, () => api.start({ ...merged(start.request, wizard), review: true }))
}

/** The last click: starts with the answers of the summary. */
export function startAnswered(id: string): void {
  const start = starts.get()[id]
  if (!start?.wizard || start.busy) return
  const request = merged(start.request, start.wizard)
  update(id, { status: 'asked', busy: true, problem: undefined, asked: Date.now() / 1000 })
  void advance(id, () => api.start(request))
  if (start.open) go(`session/${id}`)
}

/** To the form before, or out of the summary; `answers` are those of the form that is left, as far as it was filled in. */
export function stepBack(id: string, answers?: Answers): void {
  const wizard = starts.get()[id]?.wizard
  if (wizard) update(id, { wizard: back(answers ? answered(wizard, answers) : wizard), problem: undefined })
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
    if (stage.stage === 'form') return ask(id, stage)
    if (stage.stage === 'review') {
      const { wizard } = starts.get()[id] ?? {}
      if (wizard) update(id, { wizard: reviewed(wizard), busy: false })
      return wizard && onlyNotices(wizard) ? startAnswered(id) : undefined
    }
    queries.setQueryData(['session', id], stage.result)
    queries.setQueriesData<SessionList>({ queryKey: ['sessions', 'own'] }, (list) => list && withSession(list, stage.result))
    const open = starts.get()[id]?.open && starts.get()[id]?.status !== 'done'
    update(id, { status: 'done', busy: false, open: false })
    if (open && !nowAt(`session/${id}`) && nowAt('')) go(`session/${id}`)
  } catch (error) {
    const problem = asProblem(error)
    // the same id again is the same session: safe after an answer that was lost on its way
    if (problem.status === 0 && again) return setTimeoutThen(1500, () => advance(id, step, false))
    const wizard = starts.get()[id]?.wizard
    // what is wrong with an answer is said where it was given
    if (wizard && (problem.status === 422 || problem.passing)) {
      const page = problem.field ? pageOf(wizard, problem.field) : -1
      if (nowAt(`session/${id}`)) go('', 'replace')
      return update(id, { status: 'form', problem, busy: false, ...(page >= 0 && { wizard: { ...wizard, at: page, review: false } }) })
    }
    refuse(id, problem)
  }
}

/** A form comes over the page that was left for the session's; nothing has been started yet. */
function ask(id: string, stage: Extract<StartStage, { stage: 'form' }>): void {
  const start = starts.get()[id]
  if (!start) return
  const known = lastAnswers(start.request, stage.form)
  const waiting = nowAt(`session/${id}`)
  if (waiting) go('', 'replace')
  update(id, {
    status: 'form',
    wizard: start.wizard ? next(start.wizard, stage.form, known) : begun(stage.form, known),
    busy: false,
    problem: undefined,
    ...(waiting && { open: true }),
  })
}

const setTimeoutThen = (wait: number, then: () => Promise<void>): Promise<void> =>
  new Promise((resolve) => setTimeout(() => void then().then(resolve), wait))

function refuse(id: string, problem: Problem): void {
  const wanted = problem.code !== 'terminated' // else somebody cancelled it, and its record says who
  update(id, wanted ? { status: 'refused', problem, busy: false } : { status: 'done', busy: false, open: false })
  if (wanted) announce(t('start.refusedSay', { name: starts.get()[id]?.request.name || starts.get()[id]?.request.command || '' }))
  // what failed after it had a record has more to say there
  void queries.invalidateQueries({ queryKey: ['sessions'] })
  void queries.invalidateQueries({ queryKey: ['session', id] })
}
