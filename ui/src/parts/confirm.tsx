/** Asks before something that cannot be taken back. `await confirm({…})` is true when the person means it. */

import { type ReactNode } from 'react'

import { store, useStore } from '../app/store'
import { t } from '../strings/t'
import { Dialog } from './Dialog'

interface Question {
  title: string
  text: ReactNode
  yes: string
}

const asked = store<(Question & { answer: (yes: boolean) => void }) | null>(null)

export const confirm = (question: Question): Promise<boolean> =>
  new Promise((resolve) => {
    asked.get()?.answer(false)
    asked.set({
      ...question,
      answer: (yes) => {
        asked.set(null)
        resolve(yes)
      },
    })
  })

export function Confirmations() {
  const question = useStore(asked)
  if (!question) return null
  return (
    <Dialog
      title={question.title}
      onClose={() => question.answer(false)}
      footer={
        <>
          <button type="button" className="button" data-first onClick={() => question.answer(false)}>
            {t('do.cancel')}
          </button>
          <button type="button" className="button danger" onClick={() => question.answer(true)}>
            {question.yes}
          </button>
        </>
      }
    >
      <p>{question.text}</p>
    </Dialog>
  )
}
