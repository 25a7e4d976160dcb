/** The forms of one start: those answered, the one being answered, and what is sent to the server next. Pure. */

import type { ShownForm } from '../api/administered'
import type { StartRequest } from '../api/types'
import type { Answers } from './answers'
import type { Said } from './inWords'

export interface Page {
  form: ShownForm
  /** Undefined until it has been answered, or its last answers are known. */
  answers: Answers | undefined
  /** The answers as the form puts them, for the summary. */
  said?: Said[] | undefined
}

export interface Wizard {
  pages: Page[]
  at: number
  /** All that is to be asked has been: the summary. */
  review: boolean
  /** The server asked for the same form again. */
  again?: boolean
}

const same = (one: ShownForm, other: ShownForm) => one.id === other.id && one.html === other.html

export const begun = (form: ShownForm, known?: Answers): Wizard => ({ pages: [{ form, answers: known }], at: 0, review: false })

/** With the present page answered. */
export const answered = (wizard: Wizard, answers: Answers, said?: Said[]): Wizard => ({
  ...wizard,
  again: false,
  pages: wizard.pages.with(wizard.at, { ...wizard.pages[wizard.at]!, answers, said }),
})

/** The server's next form. The answers that a later page already had, before somebody went back, are kept for it. */
export function next(wizard: Wizard, form: ShownForm, known?: Answers): Wizard {
  const asked = wizard.pages.slice(0, wizard.at + 1)
  const twice = asked.findIndex((page) => same(page.form, form))
  if (twice >= 0) return { ...wizard, at: twice, review: false, again: true }
  const later = wizard.pages.slice(wizard.at + 1)
  const before = later.find((page) => same(page.form, form))
  const rest = later[0] && same(later[0].form, form) ? later.slice(1) : []
  return { pages: [...asked, { form, answers: before?.answers ?? known }, ...rest], at: wizard.at + 1, review: false, again: false }
}

/** Nothing more is asked: what lay beyond, from another way through the forms, is gone. */
export const reviewed = (wizard: Wizard): Wizard => ({ ...wizard, pages: wizard.pages.slice(0, wizard.at + 1), review: true, again: false })

export const back = (wizard: Wizard): Wizard =>
  wizard.review ? { ...wizard, review: false } : { ...wizard, at: Math.max(0, wizard.at - 1), again: false }

/** The request with all answers up to the present page. */
export function merged(request: StartRequest, wizard: Wizard): StartRequest {
  const pages = wizard.pages.slice(0, wizard.at + 1).filter((page) => page.answers !== undefined)
  return {
    ...request,
    params: Object.assign({}, request.params, ...pages.map((page) => page.answers)) as Record<string, unknown>,
    answered: pages.map((page) => page.form.id),
  }
}

/** Nothing was asked, only shown: there is nothing to check in a summary. */
export const onlyNotices = (wizard: Wizard): boolean => wizard.pages.every((page) => page.form.inputs.length === 0)

/** The page that a field of an error is on. */
export const pageOf = (wizard: Wizard, field: string): number =>
  wizard.pages.findIndex((page) => page.form.inputs.some((input) => input.name === field))
