/** What was answered: the values of a form's controls as the server is sent them, and put back into them. */

import type { Input } from '../api/administered'

export type Answer = string | string[]
export type Answers = Record<string, Answer>

/** The part of a control that matters here. */
export interface Control {
  name: string
  type: string
  value: string
  disabled: boolean
  checked?: boolean
  dataset: { type?: string | undefined }
  options?: ArrayLike<{ value: string; selected: boolean; disabled?: boolean }>
}

/**
 * As a browser submits a form, with two differences: what may have several values is a list, and an unchecked box whose
 * data-type is boolean is "false". Only names that the server reads are taken: reserved ones are its own.
 */
export function read(controls: Iterable<Control>, inputs: Pick<Input, 'name'>[]): Answers {
  const wanted = new Set(inputs.map((input) => input.name))
  const all = [...controls].filter((control) => control.name && !control.disabled && wanted.has(control.name))
  const answers: Answers = {}
  for (const control of all) {
    const { name, type } = control
    if (type === 'checkbox') box(control, all.filter((other) => other.name === name && other.type === type).length > 1, answers)
    else if (type === 'radio') {
      if (control.checked) answers[name] = control.value
    } else if (type === 'select-multiple') answers[name] = [...Array.from(control.options ?? [])].filter((one) => one.selected && !one.disabled).map((one) => one.value)
    else answers[name] = control.value
  }
  return answers
}

function box(control: Control, several: boolean, answers: Answers): void {
  const { name, checked } = control
  if (several) {
    const before = answers[name]
    answers[name] = [...(Array.isArray(before) ? before : []), ...(checked ? [control.value] : [])]
  } else if (control.dataset.type?.toLowerCase() === 'boolean') answers[name] = checked ? 'true' : 'false'
  else if (checked) answers[name] = control.value || 'on'
}

/** Puts answers back; one that the form no longer offers is passed over. `shown` names what the answers are about. */
export function fill(controls: Iterable<Control>, answers: Answers, shown?: Set<string>): void {
  const all = [...controls]
  for (const control of all) {
    const { name, type } = control
    const answer = answers[name]
    if (type === 'hidden') continue
    if (type === 'checkbox') {
      const several = all.filter((other) => other.name === name && other.type === type).length > 1
      if (answer !== undefined || shown?.has(name)) control.checked = checkedBy(control, answer, several)
    } else if (answer === undefined) continue
    else if (type === 'radio') {
      if (all.some((other) => other.name === name && other.value === answer)) control.checked = control.value === answer
    } else if (type === 'select-multiple') {
      const wanted = new Set(Array.isArray(answer) ? answer : [answer])
      for (const option of Array.from(control.options ?? [])) option.selected = wanted.has(option.value)
    } else if (type === 'select-one') {
      if (Array.from(control.options ?? []).some((option) => option.value === answer)) control.value = String(answer)
    } else if (typeof answer === 'string') control.value = answer
  }
}

function checkedBy(control: Control, answer: Answer | undefined, several: boolean): boolean {
  if (several) return Array.isArray(answer) ? answer.includes(control.value) : answer === control.value
  return control.dataset.type?.toLowerCase() === 'boolean' ? answer === 'true' : answer === (control.value || 'on')
}
