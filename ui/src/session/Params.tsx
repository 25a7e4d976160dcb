/** The parameters of a session: key and value, changed and deleted while it runs. */

import { type FormEvent, useState } from 'react'

import * as api from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { Session } from '../api/types'
import { may, queries, useMe } from '../app/place'
import { announce } from '../parts/announce'
import { Failure } from '../parts/states'
import { t } from '../strings/t'

/** The server sets these itself, and leaves them as they are: `RESERVED_PARAMS` of model/start.py. */
const RESERVED = new Set(['name', 'icon', 'bookmarkId', 'clientVersion', 'clientId', 'clientIP', 'clientTransport'])

export const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

export function Params({ session, editable }: { session: Session; editable: boolean }) {
  const me = useMe().data
  const [problem, setProblem] = useState<Problem | null>(null)
  const [removed, setRemoved] = useState<{ key: string; value: unknown } | null>(null)
  const can = editable && may(me, 'session/params', session)
  const keys = Object.keys(session.params).sort()

  const save = async (params: Record<string, unknown>): Promise<boolean> => {
    setProblem(null)
    try {
      const after = await api.change(session.id, { params })
      queries.setQueryData(['session', session.id], after)
      announce(t('params.saved'))
      return true
    } catch (error) {
      setProblem(asProblem(error))
      return false
    }
  }
  const remove = async (key: string) => {
    const value = session.params[key]
    if (await save({ [key]: null })) setRemoved({ key, value })
  }

  return (
    <div className="stack">
      {problem && <Failure error={problem} />}
      {keys.length === 0 && <p className="quiet">{t('params.none')}</p>}
      {keys.length > 0 && (
        <table className="table folds">
          <thead>
            <tr>
              <th scope="col">{t('params.key')}</th>
              <th scope="col">{t('params.value')}</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {keys.map((key) => (
              <Row key={`${key} ${shown(session.params[key])}`} name={key} value={shown(session.params[key])} can={can && !RESERVED.has(key)} save={save} remove={remove} />
            ))}
          </tbody>
        </table>
      )}
      {removed && (
        <p className="notice" role="status">
          <span>{t('params.removed', { key: removed.key })}</span>
          <button type="button" className="link" onClick={() => void save({ [removed.key]: removed.value }).then((done) => done && setRemoved(null))}>
            {t('do.undo')}
          </button>
        </p>
      )}
      {can && <Add save={save} taken={keys} />}
      {!editable && <p className="quiet small">{t('params.over')}</p>}
    </div>
  )
}

interface RowProps {
  name: string
  value: string
  can: boolean
  save: (params: Record<string, unknown>) => Promise<boolean>
  remove: (key: string) => Promise<void>
}

function Row({ name, value, can, save, remove }: RowProps) {
  const [text, setText] = useState(value)
  return (
    <tr>
      <th scope="row" className="mono">
        {name}
      </th>
      <td>
        {can ? (
          <input
            className="input mono"
            aria-label={t('params.valueOf', { key: name })}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && !event.nativeEvent.isComposing && text !== value) void save({ [name]: text })
              if (event.key === 'Escape') setText(value)
            }}
          />
        ) : (
          <span className="mono pre">{value}</span>
        )}
      </td>
      <td>
        <div className="row end">
        {can && text !== value && (
          <button type="button" className="button small primary" onClick={() => void save({ [name]: text })}>
            {t('do.save')}
          </button>
        )}
        {can && (
          <button type="button" className="button small" aria-label={t('params.remove', { key: name })} onClick={() => void remove(name)}>
            {t('do.remove')}
          </button>
        )}
        </div>
      </td>
    </tr>
  )
}

function Add({ save, taken }: { save: RowProps['save']; taken: string[] }) {
  const [key, setKey] = useState('')
  const [value, setValue] = useState('')
  const wrong = taken.includes(key.trim()) ? t('params.taken') : RESERVED.has(key.trim()) ? t('params.reserved') : ''
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!key.trim() || wrong) return
    if (await save({ [key.trim()]: value })) {
      setKey('')
      setValue('')
    }
  }
  return (
    <form className="row wrap" onSubmit={(event) => void submit(event)} aria-label={t('params.add')}>
      <input className="input mono grow" aria-label={t('params.newKey')} placeholder={t('params.key')} value={key} maxLength={128} onChange={(event) => setKey(event.target.value)} />
      <input className="input mono grow" aria-label={t('params.newValue')} placeholder={t('params.value')} value={value} onChange={(event) => setValue(event.target.value)} />
      <button type="submit" className="button">
        {t('params.add')}
      </button>
      {wrong && <p className="field-error">{wrong}</p>}
    </form>
  )
}
