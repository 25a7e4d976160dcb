/** A JSON object to write: as text, with what is wrong with it said where it is. The text is kept while it is wrong. */

import { useState } from 'react'

import { Code } from '../code/Code'
import { t } from '../../strings/t'
import { same } from './drafts'

interface JsonProps {
  value: Record<string, unknown>
  label: string
  change?: ((value: Record<string, unknown>) => void) | undefined
  /** Told whether the text is an object, so that what is not is not saved by mistake. */
  valid?: (valid: boolean) => void
  error?: string | undefined
  short?: boolean
}

export const written = (value: unknown): string => JSON.stringify(value, null, 2)

export interface Wrong {
  line: number
  column: number
  message: string
}

/** What is wrong with the text as a JSON object, and where; null when nothing is. */
export function wrongWith(text: string): Wrong | null {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? null : { line: 1, column: 1, message: t('json.object') }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { ...placeOf(message, text), message: message.replace(/^JSON\.parse: /, '').replace(/ \(?(in JSON )?at position.*$| at line \d+ column \d+ of the JSON data$/, '') }
  }
}

/** Engines say the place as an offset, as line and column, or not at all: then the text is at its end. */
function placeOf(message: string, text: string): { line: number; column: number } {
  const said = /line (\d+) column (\d+)/.exec(message)
  if (said) return { line: Number(said[1]), column: Number(said[2]) }
  const offset = Number(/position (\d+)/.exec(message)?.[1] ?? text.length)
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

export function Json({ value, label, change, valid, error, short }: JsonProps) {
  const [text, setText] = useState(() => written(value))
  const wrong = wrongWith(text)
  // another document, or this one put back, unless the text already says it
  if (!wrong && !same(JSON.parse(text), value)) setText(written(value))
  const take = (next: string) => {
    setText(next)
    const bad = wrongWith(next)
    valid?.(!bad)
    if (!bad) change?.(JSON.parse(next) as Record<string, unknown>)
  }
  return (
    <>
      <Code label={label} language="json" value={text} change={take} readOnly={!change} mark={wrong} {...(short && { short })} />
      {(wrong || error) && (
        <p className="field-error" role="alert">
          {wrong ? t('json.wrong', { line: wrong.line, column: wrong.column, message: wrong.message }) : error}
        </p>
      )}
    </>
  )
}
