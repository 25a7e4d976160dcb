/** The last answers of each form, by the bookmark or command that it was asked for. In this browser only. */

import { remember, remembered } from '../app/store'
import type { ShownForm } from '../api/administered'
import type { StartRequest } from '../api/types'
import type { Answers } from './answers'

type All = Record<string, { answers: Answers; at: number }>
const KEPT = 60

const key = (request: StartRequest, form: ShownForm): string => `${request.bookmarkId ? `b:${request.bookmarkId}` : 'default'} ${form.id}`

export const lastAnswers = (request: StartRequest, form: ShownForm): Answers | undefined => remembered<All>('forms', {})[key(request, form)]?.answers

export function keepAnswers(request: StartRequest, form: ShownForm, answers: Answers): void {
  const hidden = new Set(form.inputs.filter((input) => input.kind === 'hidden').map((input) => input.name))
  const own = Object.fromEntries(Object.entries(answers).filter(([name]) => !hidden.has(name)))
  const all = { ...remembered<All>('forms', {}), [key(request, form)]: { answers: own, at: Date.now() } }
  remember('forms', Object.fromEntries(Object.entries(all).sort((a, b) => b[1].at - a[1].at).slice(0, KEPT)))
}
