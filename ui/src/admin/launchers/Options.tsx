/** The options of a launcher: what they are set to, the most that may be asked, and which of them people may choose. */

import { useState } from 'react'

import { type Launcher, type LauncherOption, setOptions } from '../../api/launchers'
import { asProblem, type Problem } from '../../api/problem'
import { announce } from '../../parts/announce'
import { Failure } from '../../parts/states'
import { t } from '../../strings/t'
import { same } from '../parts/drafts'
import { kept } from './LaunchersPage'

interface Draft {
  set: Record<string, string>
  maximum: Record<string, string>
  people: string[]
  extend: boolean | null
}

const text = (value: unknown): string => (Array.isArray(value) ? value.join('\n') : value === undefined || value === null ? '' : String(value))

const draftOf = (launcher: Launcher): Draft => ({
  set: Object.fromEntries(launcher.options.map(({ name }) => [name, text(launcher.set[name])])),
  maximum: Object.fromEntries(launcher.options.map(({ name }) => [name, text(launcher.maximum[name])])),
  people: launcher.options.map(({ name }) => name).filter((name) => launcher.people.includes(name)),
  extend: launcher.extend,
})

/** As the server takes it: empty is not set; a text of several lines is a list. */
export function written(options: LauncherOption[], draft: Draft) {
  const filled = (values: Record<string, string>) =>
    Object.fromEntries(
      options
        .filter(({ name }) => values[name]?.trim())
        .map(({ name, kind }) => [name, kind === 'text' ? values[name]!.split('\n').filter((line) => line !== '') : values[name]!.trim()]),
    )
  return { set: filled(draft.set), maximum: filled(draft.maximum), people: draft.people, extend: draft.extend }
}

const LIMITED = ['count', 'duration', 'memory']

export function Options({ launcher, fixed }: { launcher: Launcher; fixed: boolean }) {
  const saved = draftOf(launcher)
  const [draft, setDraft] = useState(saved)
  const [problem, setProblem] = useState<Problem | null>(null)
  const changed = !same(draft, saved)
  const wrong = problem?.status === 422 ? problem.field : undefined
  const save = async () => {
    setProblem(null)
    try {
      const after = await setOptions(launcher.name, written(launcher.options, draft))
      kept(after)
      const now = after.launchers.find((one) => one.name === launcher.name)
      if (now) setDraft(draftOf(now))
      announce(t('launchers.saved', { name: launcher.title }))
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  const put = (part: 'set' | 'maximum', name: string, value: string) => setDraft({ ...draft, [part]: { ...draft[part], [name]: value } })
  const allow = (name: string, on: boolean) =>
    setDraft({ ...draft, people: launcher.options.map((one) => one.name).filter((one) => (one === name ? on : draft.people.includes(one))) })
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        if (changed) void save()
      }}
    >
      <h3>{t('launchers.options')}</h3>
      <p className="quiet small">{t('launchers.optionsHelp')}</p>
      <div className="scroll" tabIndex={0} role="region" aria-label={t('launchers.options')}>
        <table className="table options-table folds">
          <thead>
            <tr>
              <th scope="col">{t('launchers.option')}</th>
              <th scope="col">{t('launchers.set')}</th>
              <th scope="col">{t('launchers.maximum')}</th>
              <th scope="col">{t('launchers.people')}</th>
            </tr>
          </thead>
          <tbody>
            {launcher.options.map((option) => (
              <tr key={option.name}>
                <th scope="row">
                  <code>{option.name}</code>
                  <span className="quiet small block">{option.help}</span>
                </th>
                <td data-head={t('launchers.set')}>
                  {option.kind === 'text' ? (
                    <textarea className="input" rows={2} aria-label={`${option.name}: ${t('launchers.set')}`} readOnly={fixed} value={draft.set[option.name]} onChange={(event) => put('set', option.name, event.target.value)} />
                  ) : (
                    <input className="input" aria-label={`${option.name}: ${t('launchers.set')}`} aria-invalid={wrong === option.name || undefined} readOnly={fixed} value={draft.set[option.name]} onChange={(event) => put('set', option.name, event.target.value)} />
                  )}
                  {wrong === option.name && (
                    <p className="field-error" role="alert">
                      {problem!.detail}
                    </p>
                  )}
                </td>
                <td data-head={t('launchers.maximum')}>
                  {LIMITED.includes(option.kind) && (
                    <input className="input" aria-label={`${option.name}: ${t('launchers.maximum')}`} readOnly={fixed} value={draft.maximum[option.name]} onChange={(event) => put('maximum', option.name, event.target.value)} />
                  )}
                </td>
                <td data-head={t('launchers.people')}>
                  {option.form ? (
                    <input type="checkbox" aria-label={`${option.name}: ${t('launchers.people')}`} disabled={fixed} checked={draft.people.includes(option.name)} onChange={(event) => allow(option.name, event.target.checked)} />
                  ) : (
                    <span className="quiet small">{t('launchers.never')}</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {draft.extend !== null && (
        <label className="choice">
          <input type="checkbox" disabled={fixed} checked={draft.extend} onChange={(event) => setDraft({ ...draft, extend: event.target.checked })} />
          <span>
            {t('launchers.extend')}
            <span className="quiet small block">{t('launchers.extendHelp')}</span>
          </span>
        </label>
      )}
      {problem && problem.status !== 422 && <Failure error={problem} />}
      {problem?.status === 422 && !launcher.options.some((one) => one.name === wrong) && <p className="field-error">{problem.detail}</p>}
      {!fixed && (
        <div className="row">
          <button type="submit" className="button primary" aria-disabled={!changed}>
            {t('do.save')}
          </button>
          {changed && (
            <button type="button" className="button" onClick={() => setDraft(saved)}>
              {t('launchers.undo')}
            </button>
          )}
        </div>
      )}
    </form>
  )
}
