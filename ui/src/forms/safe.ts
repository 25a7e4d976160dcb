/**
 * An administrator's form as elements of ours. The server has made its HTML safe; this is the second lock: the text is
 * parsed in a document that runs and loads nothing, and what a form has no use for is left there. Ids and classes get a
 * prefix, so that they cannot be taken for the page's own.
 */

import type { Input } from '../api/administered'

const NEVER = 'script,style,iframe,frame,object,embed,link,meta,base,form,template,svg,math,button,video,audio,source,title,portal'
const ADDRESSES: Record<string, RegExp> = {
  href: /^https:\/\//i,
  src: /^data:image\/(png|jpeg|gif|webp);/i,
}
const REFERENCES = ['for', 'list', 'aria-labelledby', 'aria-describedby', 'aria-controls', 'headers']

export function parse(html: string, prefix: string, inputs: Input[]): DocumentFragment {
  const body = new DOMParser().parseFromString(`<body>${html}</body>`, 'text/html').body
  body.querySelectorAll(NEVER).forEach((element) => element.remove())
  body.querySelectorAll('*').forEach((element) => clean(element, prefix))
  name(body, prefix, inputs)
  const fragment = document.createDocumentFragment()
  fragment.append(...body.childNodes)
  return fragment
}

function clean(element: Element, prefix: string): void {
  for (const { name, value } of [...element.attributes]) {
    const address = ADDRESSES[name]
    if (name.startsWith('on') || name === 'style' || name === 'form' || name.startsWith('form') || name.includes(':')) element.removeAttribute(name)
    else if (address) {
      if (!address.test(value.trim())) element.removeAttribute(name)
    } else if (name === 'id') element.id = prefix + value
    else if (REFERENCES.includes(name)) element.setAttribute(name, value.split(/\s+/).filter(Boolean).map((one) => prefix + one).join(' '))
    else if (name === 'class') element.setAttribute('class', value.split(/\s+/).filter(Boolean).map((one) => `b-${one}`).join(' '))
  }
  if (element.tagName === 'A') {
    element.setAttribute('target', '_blank') // an answer that is half written stays
    element.setAttribute('rel', 'noopener noreferrer')
  }
}

/** Ties labels without `for` to the control they stand by; a control that has none is called what the server calls it. */
function name(body: HTMLElement, prefix: string, inputs: Input[]): void {
  const labels = new Map(inputs.map((input) => [input.name, input.label || input.name]))
  body.querySelectorAll<HTMLInputElement>('input,select,textarea').forEach((control, index) => {
    if (control.type === 'hidden') return
    if (!control.id) control.id = `${prefix}-${index}`
    const tied = control.closest('label') || [...body.querySelectorAll('label')].some((label) => label.htmlFor === control.id)
    if (tied || control.hasAttribute('aria-label') || control.hasAttribute('aria-labelledby')) return
    const group = control.parentElement!
    const label = group.querySelector<HTMLLabelElement>('label:not([for])')
    if (label && group !== body && group.querySelectorAll('input,select,textarea').length === 1) label.htmlFor = control.id
    else control.setAttribute('aria-label', control.type === 'radio' || control.type === 'checkbox' ? control.value : (labels.get(control.name) ?? control.name))
  })
}
