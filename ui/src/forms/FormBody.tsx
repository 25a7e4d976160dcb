/** An administrator's form inside one of our pages: its elements, and the errors at their fields. */

import { useImperativeHandle, useLayoutEffect, useRef, type Ref } from 'react'

import type { ShownForm } from '../api/administered'
import { t } from '../strings/t'
import { type Answers, type Control, fill, read } from './answers'
import { inWords, type Said } from './inWords'
import { parse } from './safe'

export interface FormBodyHandle {
  /** The answers; null when one is not valid: then its error is on the page and it has the focus. */
  answers(): Answers | null
  /** The answers as they are, valid or not. */
  now(): Answers
  /** What has been answered, as the form puts it. */
  words(): Said[]
  /** Shows the server's word at a field; false when this form has no such field. */
  blame(field: string, words: string): boolean
}

interface FormBodyProps {
  form: ShownForm
  answers?: Answers | undefined
  prefix: string
  ref?: Ref<FormBodyHandle>
}

type Element = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

export function FormBody({ form, answers, prefix, ref }: FormBodyProps) {
  const place = useRef<HTMLDivElement>(null)
  const controls = () => [...place.current!.querySelectorAll<Element>('input,select,textarea')]

  useLayoutEffect(() => {
    const div = place.current!
    div.replaceChildren(parse(form.html, `${prefix}-`, form.inputs))
    if (answers) fill(controls() as Control[], answers, new Set(form.inputs.map((input) => input.name)))
    const changed = (event: Event) => clear(event.target as Element)
    div.addEventListener('input', changed)
    div.addEventListener('change', changed)
    return () => {
      div.removeEventListener('input', changed)
      div.removeEventListener('change', changed)
    }
    // the answers are those that it begins with
  }, [form.html, prefix])

  useImperativeHandle(ref, () => ({
    now: () => read(controls() as Control[], form.inputs),
    words: () => inWords(controls(), form.inputs),
    answers() {
      const wrong = controls().filter((control) => !control.disabled && !control.checkValidity())
      const told = new Set<string>()
      for (const control of wrong) {
        if (control.name && told.has(control.name)) continue // one word for a group of radio buttons
        told.add(control.name)
        say(control, control.validationMessage || t('form.wrong'))
      }
      wrong[0]?.focus()
      return wrong.length ? null : read(controls() as Control[], form.inputs)
    },
    blame(field, words) {
      const control = controls().find((one) => one.name === field && one.type !== 'hidden')
      if (!control) return false
      say(control, words)
      control.focus()
      return true
    },
  }))

  return <div ref={place} className="b-form" />
}

function say(control: Element, words: string): void {
  clear(control)
  const error = document.createElement('p')
  error.className = 'field-error'
  error.id = `${control.id}-error`
  error.textContent = words
  control.setAttribute('aria-invalid', 'true')
  control.setAttribute('aria-describedby', [control.getAttribute('aria-describedby'), error.id].filter(Boolean).join(' '))
  ;(control.closest('.b-form-check, .b-custom-control, .b-input-group, label') ?? control).after(error)
}

function clear(control: Element): void {
  if (!control.id) return
  const id = `${control.id}-error`
  document.getElementById(id)?.remove()
  if (!control.hasAttribute('aria-invalid')) return
  control.removeAttribute('aria-invalid')
  const rest = (control.getAttribute('aria-describedby') ?? '').split(' ').filter((one) => one && one !== id)
  if (rest.length) control.setAttribute('aria-describedby', rest.join(' '))
  else control.removeAttribute('aria-describedby')
}
