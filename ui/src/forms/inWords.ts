/** What somebody answered, as the form itself puts it: the labels that they saw, and the words of their choices. */

import type { Input } from '../api/administered'
import { t } from '../strings/t'

export interface Said {
  label: string
  value: string
}

type Element = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

export function inWords(controls: Element[], inputs: Input[]): Said[] {
  return inputs.flatMap((input) => {
    const mine = controls.filter((control) => control.name === input.name && control.type !== 'hidden')
    if (!mine[0] || mine.every((control) => control.disabled)) return []
    return [{ label: labelOf(mine, input), value: valueOf(mine) }]
  })
}

const text = (element: globalThis.Element | null | undefined): string => (element?.textContent ?? '').replace(/\s+/g, ' ').trim().replace(/:$/, '')

const ownLabel = (control: Element): string => text(control.labels?.[0]) || control.getAttribute('aria-label') || ''

function labelOf(controls: Element[], input: Input): string {
  const group = controls.length > 1 || controls[0]!.type === 'radio'
  if (!group) return ownLabel(controls[0]!) || input.label || input.name
  const fieldset = controls[0]!.closest('fieldset,[role=group],[role=radiogroup]')
  return text(fieldset?.querySelector('legend')) || fieldset?.getAttribute('aria-label') || input.name
}

function valueOf(controls: Element[]): string {
  const first = controls[0]!
  if (first.type === 'checkbox' || first.type === 'radio') {
    const checked = controls.filter((control) => (control as HTMLInputElement).checked)
    if (controls.length === 1 && first.type === 'checkbox') return checked.length ? t('trace.yes') : t('trace.no')
    return checked.map((control) => ownLabel(control) || control.value).join(', ')
  }
  if (first instanceof HTMLSelectElement) return [...first.selectedOptions].map((option) => option.label || option.value).join(', ')
  return first.value
}
