/** Questions that whoever checks a password asks: one round after another, each with any number of prompts. */

import { type FormEvent, useState } from 'react'

import type { Prompt } from '../api/types'
import { t } from '../strings/t'
import { Field } from './Field'

interface PromptsProps {
  /** Changes with each round, so that answers of the last are not kept. */
  round: number
  instructions: string
  prompts: Prompt[]
  busy: boolean
  send: (answers: string[]) => void
  cancel: () => void
}

export function Prompts({ round, ...rest }: PromptsProps) {
  return <Round key={round} {...rest} />
}

function Round({ instructions, prompts, busy, send, cancel }: Omit<PromptsProps, 'round'>) {
  const [answers, setAnswers] = useState(() => prompts.map(() => ''))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!busy) send(answers)
  }
  return (
    <form onSubmit={submit} className="stack">
      {instructions && <p className="pre">{instructions}</p>}
      {prompts.map((prompt, index) => (
        <Field key={index} label={prompt.text.trim().replace(/:$/, '') || t('prompt.answer')}>
          {(wiring) => (
            <input
              {...wiring}
              className="input"
              type={prompt.echo ? 'text' : 'password'}
              autoComplete={prompt.echo ? 'one-time-code' : 'off'}
              autoCapitalize="off"
              spellCheck={false}
              autoFocus={index === 0}
              data-first={index === 0 || undefined}
              value={answers[index] ?? ''}
              onChange={(event) => setAnswers(answers.with(index, event.target.value))}
            />
          )}
        </Field>
      ))}
      <div className="row end">
        <button type="button" className="button" onClick={cancel}>
          {t('do.cancel')}
        </button>
        <button type="submit" className="button primary" aria-disabled={busy}>
          {busy ? t('prompt.checking') : t('do.continue')}
        </button>
      </div>
    </form>
  )
}
