/** The settings table: each row with its help; changed here, or fixed, and then by what. */

import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import * as api from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { Setting } from '../api/types'
import { queries } from '../app/place'
import { announce } from '../parts/announce'
import { Failure, Loaded } from '../parts/states'
import { t } from '../strings/t'

export function SettingsPage() {
  const [words, setWords] = useState('')
  const query = useQuery({ queryKey: ['settings'], queryFn: async () => (await api.settings()).settings })
  return (
    <>
      <h1>{t('page.settings')}</h1>
      <p className="quiet">{t('settings.text')}</p>
      <Loaded query={query} loading={t('load.settings')}>
        {(settings) => {
          const found = settings.filter((row) => `${row.name} ${row.help} ${scopeOf(row)}`.toLowerCase().includes(words.toLowerCase()))
          return (
            <>
              <input type="search" className="input filter" aria-label={t('settings.filter')} placeholder={t('settings.filter')} value={words} onChange={(event) => setWords(event.target.value)} />
              {found.length === 0 && <p className="quiet">{t('settings.none', { words })}</p>}
              <ul className="settings">
                {found.map((setting) => (
                  <li key={setting.name}>
                    <Row setting={setting} />
                  </li>
                ))}
              </ul>
            </>
          )
        }}
      </Loaded>
    </>
  )
}

/** As a person types it: names with numbers as pairs, a table of tables as JSON. */
export function written(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ')
  if (value === null || typeof value !== 'object') return String(value ?? '')
  const pairs = Object.entries(value)
  if (pairs.some(([, item]) => typeof item === 'object')) return JSON.stringify(value)
  return pairs.map(([key, item]) => `${key}=${String(item)}`).join(', ')
}

/** What the server is sent for what was typed. */
export function read(setting: Pick<Setting, 'kind'>, text: string): unknown {
  if (setting.kind === 'bool') return text === 'true'
  if (setting.kind === 'int' || setting.kind === 'float') return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)
  return setting.kind === 'dict' && !text.trimStart().startsWith('{') ? text.replace(/\s+/g, '') : text
}

function Row({ setting }: { setting: Setting }) {
  const kept = written(setting.value)
  const [text, setText] = useState(kept)
  const [shown, setShown] = useState(kept)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [saved, setSaved] = useState(false)
  // another administrator's change comes in unless this row is being edited
  if (shown !== kept) {
    setShown(kept)
    if (text === shown) setText(kept)
  }
  const id = `setting-${setting.name}`
  const changeable = setting.live && setting.fixed === null

  const save = async (value: string) => {
    setProblem(null)
    try {
      const after = await api.putSetting(setting.name, read(setting, value))
      queries.setQueryData<Setting[]>(['settings'], (all) => all?.map((row) => (row.name === after.name ? after : row)))
      setText(written(after.value))
      setSaved(true)
      announce(t('settings.saved', { name: setting.name }))
      if (setting.name === 'title' || setting.name === 'notice') void queries.invalidateQueries({ queryKey: ['me'] })
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  const change = (value: string) => {
    setText(value)
    setSaved(false)
    if (setting.kind === 'bool' || setting.choices.length) void save(value)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void save(text)
  }
  return (
    <form className="setting" onSubmit={submit} noValidate>
      <div>
        <label htmlFor={id} className="mono strong">
          {setting.name}
        </label>
        <p className="quiet small" id={`${id}-help`}>
          {setting.help}
          <br />
          {scopeOf(setting)}
          {written(setting.default) !== kept && (
            <>
              <br />
              {t('settings.default', { value: written(setting.default) || t('settings.empty') })}
            </>
          )}
        </p>
      </div>
      <div>
        <div className="row">
          {control(setting, id, text, change, !changeable, problem !== null)}
          {setting.unit && <span className="quiet small">{setting.unit}</span>}
          {changeable && text !== kept && (
            <button type="submit" className="button small primary">
              {t('do.save')}
            </button>
          )}
          {saved && text === kept && <span className="small good-text">{t('settings.kept')}</span>}
        </div>
        {setting.fixed !== null && <p className="small quiet">{t('settings.fixed', { by: setting.fixed })}</p>}
        {setting.fixed === null && !setting.live && <p className="small quiet">{t('settings.restart')}</p>}
        {setting.problem && !problem && <p className="field-error">{setting.problem}</p>}
        {problem && (problem.status === 422 ? <p className="field-error" role="alert">{problem.detail}</p> : <Failure error={problem} />)}
      </div>
    </form>
  )
}

const scopeOf = (setting: Setting): string => t(setting.scope === 'local' ? 'settings.local' : 'settings.global')

function control(setting: Setting, id: string, text: string, change: (value: string) => void, off: boolean, wrong: boolean) {
  const wiring = { id, value: text, readOnly: off, 'aria-describedby': `${id}-help`, ...(wrong && { 'aria-invalid': true as const }) }
  if (setting.kind === 'bool' || setting.choices.length) {
    const options = setting.kind === 'bool' ? ['true', 'false'] : setting.choices
    return (
      <select id={id} className="input" disabled={off} value={text} aria-describedby={`${id}-help`} onChange={(event) => change(event.target.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option === 'true' ? t('word.on') : option === 'false' ? t('word.off') : option}
          </option>
        ))}
      </select>
    )
  }
  const long = setting.name.includes('notice')
  return long ? (
    <textarea {...wiring} className="input" rows={2} onChange={(event) => change(event.target.value)} />
  ) : (
    <input {...wiring} className="input" inputMode={setting.kind === 'int' || setting.kind === 'float' ? 'decimal' : 'text'} onChange={(event) => change(event.target.value)} />
  )
}
