/** Makes an API token, which is shown once. */

import { type FormEvent, useState } from 'react'

import * as api from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import { queries } from '../app/place'
import { announce } from '../parts/announce'
import { Field } from '../parts/Field'
import { Failure } from '../parts/states'
import { t } from '../strings/t'

export function NewToken() {
  const [name, setName] = useState('')
  const [days, setDays] = useState('30')
  const [made, setMade] = useState<{ token: string; name: string } | null>(null)
  const [copied, setCopied] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [missing, setMissing] = useState(false)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setMissing(!name.trim())
    if (!name.trim()) return
    setProblem(null)
    try {
      const { token } = await api.createToken(name.trim(), Number(days) || undefined)
      setMade({ token, name: name.trim() })
      setCopied(false)
      setName('')
      announce(t('token.made', { name: name.trim() }))
      await queries.invalidateQueries({ queryKey: ['logins'] })
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  const copy = async (token: string) => {
    try {
      await navigator.clipboard.writeText(token)
      setCopied(true)
    } catch {
      document.querySelector<HTMLInputElement>('#token')?.select()
    }
  }
  return (
    <section className="panel" aria-label={t('token.title')}>
      <h2>{t('token.title')}</h2>
      <p className="quiet">{t('token.text')}</p>
      {problem && <Failure error={problem} />}
      {made ? (
        <div className="stack">
          <label htmlFor="token">{t('token.made', { name: made.name })}</label>
          <div className="row wrap">
            <input id="token" className="input mono grow" readOnly value={made.token} onFocus={(event) => event.target.select()} autoFocus />
            <button type="button" className="button primary" onClick={() => void copy(made.token)}>
              {copied ? t('token.copied') : t('token.copy')}
            </button>
            <button type="button" className="button" onClick={() => setMade(null)}>
              {t('token.done')}
            </button>
          </div>
          <p className="warn-text">{t('token.once')}</p>
        </div>
      ) : (
        <form className="row wrap top" onSubmit={(event) => void submit(event)} noValidate>
          <Field label={t('token.name')} error={missing ? t('token.nameMissing') : null}>
            {(wiring) => <input {...wiring} className="input" placeholder={t('token.namePlaceholder')} maxLength={128} value={name} onChange={(event) => setName(event.target.value)} />}
          </Field>
          <Field label={t('token.days')}>
            {(wiring) => (
              <select {...wiring} className="input" value={days} onChange={(event) => setDays(event.target.value)}>
                {['1', '7', '30', '90'].map((count) => (
                  <option key={count} value={count}>
                    {t('token.daysCount', { n: Number(count) })}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <button type="submit" className="button primary align-field">
            {t('token.make')}
          </button>
        </form>
      )}
    </section>
  )
}
