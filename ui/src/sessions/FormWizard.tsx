/** The forms that a start asks: step by step, back without loss, errors at their fields, a summary before the last click. */

import { type KeyboardEvent, useEffect, useRef } from 'react'

import { useQuery } from '@tanstack/react-query'

import { ownBookmarks } from '../api/administered'
import { useStore } from '../app/store'
import { FormBody, type FormBodyHandle } from '../forms/FormBody'
import { onlyNotices, type Page, type Wizard } from '../forms/wizard'
import { Dialog } from '../parts/Dialog'
import { Failure } from '../parts/states'
import { t } from '../strings/t'
import { answerForm, forget, type Start, startAnswered, starts, stepBack } from './starts'

export function FormWizard() {
  const asking = Object.values(useStore(starts)).find((start) => start.status === 'form' && start.wizard)
  return asking ? <Steps key={asking.request.id} start={asking} wizard={asking.wizard!} /> : null
}

function Steps({ start, wizard }: { start: Start; wizard: Wizard }) {
  const { id } = start.request
  const body = useRef<FormBodyHandle>(null)
  const main = useRef<HTMLButtonElement>(null)
  const page = wizard.pages[wizard.at]!
  const problem = start.problem
  const bookmarks = useQuery({ queryKey: ['bookmarks'], queryFn: ownBookmarks, staleTime: 60_000 }).data
  const planned = bookmarks?.find((one) => one.id === start.request.bookmarkId)?.forms.length ?? 0
  const steps = Math.max(planned, wizard.pages.length)
  // as far as is known, no form follows; where one does it comes next, as after the first dialog's Start
  const last = steps === wizard.at + 1 && onlyNotices(wizard)
  const where = `${wizard.at} ${wizard.review}`

  useEffect(() => {
    if (problem?.field && !wizard.review) body.current?.blame(problem.field, problem.detail)
  }, [problem, wizard.review])
  useEffect(() => {
    if (problem?.field) return
    if (wizard.review) main.current?.focus()
    else (document.querySelector<HTMLElement>('dialog[open] .b-form :is(input:not([type=hidden]),select,textarea)') ?? main.current)?.focus()
  }, [where])

  const atField = problem?.field && wizard.pages[wizard.at]!.form.inputs.some((input) => input.name === problem.field)
  const send = () => {
    const answers = body.current!.answers()
    if (answers) answerForm(id, answers, body.current!.words())
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement
    if (event.key !== 'Enter' || event.nativeEvent.isComposing || !(target instanceof HTMLInputElement)) return
    event.preventDefault() // as in any form; there is none here, whose fields could take the names of its properties
    send()
  }
  return (
    <Dialog
      title={start.request.name || start.request.command || t('new.title')}
      onClose={() => forget(id)}
      footer={
        <>
          {(wizard.at > 0 || wizard.review) && (
            <button type="button" className="button wizard-back" onClick={() => stepBack(id, body.current?.now())}>
              {t('do.back')}
            </button>
          )}
          <button type="button" className="button" onClick={() => forget(id)}>
            {t('do.cancel')}
          </button>
          {wizard.review ? (
            <button ref={main} type="button" className="button primary" aria-disabled={start.busy} onClick={() => startAnswered(id)}>
              {t('do.start')}
            </button>
          ) : (
            <button ref={main} type="button" className="button primary" aria-disabled={start.busy} onClick={send}>
              {t(last ? 'do.start' : 'do.continue')}
            </button>
          )}
        </>
      }
    >
      <div className="stack" role="group" aria-label={wizard.review ? t('wizard.summary') : page.form.name}>
        {!(last && steps === 1) && (
          <p className="quiet small" role="status">
            {wizard.review ? t('wizard.summary') : steps > 1 ? t('wizard.stepOf', { at: wizard.at + 1, steps }) : t('wizard.step', { at: wizard.at + 1 })}
          </p>
        )}
        {problem && !atField && <Failure error={problem} />}
        {wizard.again && <p className="notice">{t('wizard.again')}</p>}
        {wizard.review ? (
          <Summary pages={wizard.pages} />
        ) : (
          <div className="stack" onKeyDown={onKeyDown}>
            <h3>{page.form.name}</h3>
            {page.form.description && <p className="quiet pre">{page.form.description}</p>}
            <FormBody key={`${wizard.at} ${page.form.id}`} ref={body} form={page.form} answers={page.answers} prefix={`f${wizard.at}`} />
          </div>
        )}
      </div>
    </Dialog>
  )
}

function Summary({ pages }: { pages: Page[] }) {
  return (
    <>
      <p>{t('wizard.check')}</p>
      {pages.map((page, index) => {
        const rows = page.said ?? []
        return page.form.inputs.length > 0 && (
          <section key={index} className="summary">
            <h3>{page.form.name}</h3>
            {rows.length === 0 && <p className="quiet small">{t('wizard.nothing')}</p>}
            <dl className="facts narrow">
              {rows.map((row) => (
                <div key={row.label}>
                  <dt>{row.label}</dt>
                  <dd className="pre">{row.value || t('wizard.empty')}</dd>
                </div>
              ))}
            </dl>
          </section>
        )
      })}
    </>
  )
}
