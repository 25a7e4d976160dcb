/** Permissions: the level of each person and group, a manager's boxes, and what every level may do. */

import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { type Permissions, permissions, putPermissions } from '../../api/administered'
import { asProblem, type Problem } from '../../api/problem'
import { announce } from '../../parts/announce'
import { Field } from '../../parts/Field'
import { Failure, Loaded } from '../../parts/states'
import { known, t } from '../../strings/t'
import { dropDraft, same, useDraft } from '../parts/drafts'
import { Actions } from './Actions'

type Rules = Pick<Permissions, 'default' | 'users' | 'groups' | 'boxes'>
const KEY = 'permissions'

export function PermissionsPage() {
  const query = useQuery({ queryKey: [KEY], queryFn: permissions })
  return (
    <>
      <h1>{t('page.permissions')}</h1>
      <p className="quiet about">{t('permissions.about')}</p>
      <Loaded query={query} loading={t('load.permissions')}>
        {(now) => <Rules now={now} again={() => void query.refetch()} />}
      </Loaded>
    </>
  )
}

const rulesOf = ({ default: otherwise, users, groups, boxes }: Rules): Rules => ({ default: otherwise, users, groups, boxes })

function Rules({ now, again }: { now: Permissions; again: () => void }) {
  const client = useQueryClient()
  const { value, dirty, base, behind, change, discard } = useDraft<Permissions>(KEY, now, now)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [saved, setSaved] = useState(false)
  const fixed = now.fixed !== null
  const edit = (some: Partial<Rules>) => {
    setSaved(false)
    change(some)
  }
  const save = async (revision: number) => {
    setProblem(null)
    try {
      const after = await putPermissions(rulesOf(value), revision)
      client.setQueryData([KEY], after)
      dropDraft(KEY)
      setSaved(true)
      announce(t('doc.savedSay', { name: t('page.permissions') }))
      void client.invalidateQueries({ queryKey: ['me'] })
    } catch (error) {
      const found = asProblem(error)
      setProblem(found)
      if (found.code === 'revision-conflict') again()
    }
  }
  const conflict = problem?.code === 'revision-conflict'
  return (
    <div className="stack">
      {fixed && <p className="notice">{t('doc.fixed', { file: now.fixed! })}</p>}
      {problem && !conflict && <Failure error={problem} />}
      {(conflict || behind) && dirty && (
        <div className="notice bad" role="alert">
          <div>
            <p className="strong">{t('conflict.title')}</p>
            <p>{t('conflict.text')}</p>
            <div className="row wrap">
              <button
                type="button"
                className="button"
                onClick={() => {
                  discard()
                  setProblem(null)
                }}
              >
                {t('conflict.theirs')}
              </button>
              <button type="button" className="button" onClick={() => void save(now.revision)}>
                {t('conflict.mine')}
              </button>
            </div>
          </div>
        </div>
      )}
      <section className="panel">
        <Field label={t('permissions.default')} help={t('permissions.defaultHelp')}>
          {(wiring) => <Level wiring={wiring} levels={now.levels} value={value.default} off={fixed} change={(level) => edit({ default: level })} />}
        </Field>
      </section>
      <div className="two wide">
        <Table what="users" rows={value.users} levels={now.levels} off={fixed} change={(users) => edit({ users })} />
        <Table what="groups" rows={value.groups} levels={now.levels} off={fixed} change={(groups) => edit({ groups })} />
      </div>
      <section className="stack">
        <h2>{t('permissions.actions')}</h2>
        <p className="quiet small">{t('permissions.boxesHelp')}</p>
        <Actions rows={now.actions} boxes={value.boxes} off={fixed} change={(boxes) => edit({ boxes })} />
      </section>
      {!fixed && (
        <div className="save-bar">
          <button type="button" className="button primary" aria-disabled={!dirty} onClick={() => dirty && void save(base)}>
            {t('do.save')}
          </button>
          {dirty && (
            <button type="button" className="button" onClick={discard}>
              {t('doc.discard')}
            </button>
          )}
          <span className="quiet small" role="status">
            {dirty ? t('doc.unsaved') : saved && same(rulesOf(now), rulesOf(value)) ? t('doc.saved') : ''}
          </span>
        </div>
      )}
    </div>
  )
}

interface LevelProps {
  wiring: object
  levels: string[]
  value: string
  off: boolean
  change: (level: string) => void
}

const Level = ({ wiring, levels, value, off, change }: LevelProps) => (
  <select {...wiring} className="input auto" value={value} disabled={off} onChange={(event) => change(event.target.value)}>
    {levels.map((level) => (
      <option key={level} value={level}>
        {known(`accessLevel.${level}`, level)}
      </option>
    ))}
  </select>
)

interface TableProps {
  what: 'users' | 'groups'
  rows: Record<string, string>
  levels: string[]
  off: boolean
  change: (rows: Record<string, string>) => void
}

function Table({ what, rows, levels, off, change }: TableProps) {
  const [name, setName] = useState('')
  const [level, setLevel] = useState('full')
  const [words, setWords] = useState('')
  const names = Object.keys(rows).sort()
  const shown = names.filter((one) => one.toLowerCase().includes(words.toLowerCase()))
  const taken = name.trim() in rows
  const add = (event: FormEvent) => {
    event.preventDefault()
    if (!name.trim() || taken) return
    change({ ...rows, [name.trim()]: level })
    setName('')
  }
  return (
    <section className="stack permission-table">
      <h2>{t(`permissions.${what}`)}</h2>
      {names.length > 12 && (
        <input type="search" className="input filter" aria-label={t('permissions.filter')} placeholder={t('permissions.filter')} value={words} onChange={(event) => setWords(event.target.value)} />
      )}
      {names.length === 0 ? (
        <p className="quiet small">{t(`permissions.no.${what}`)}</p>
      ) : (
        <ul className="settings" aria-label={t(`permissions.${what}`)}>
          {shown.map((one) => (
            <li key={one} className="row permission-row">
              <span className="grow mono">{one}</span>
              <Level wiring={{ 'aria-label': t('permissions.levelOf', { name: one }) }} levels={levels} value={rows[one]!} off={off} change={(next) => change({ ...rows, [one]: next })} />
              {!off && (
                <button type="button" className="button small" aria-label={t('params.remove', { key: one })} onClick={() => change(Object.fromEntries(Object.entries(rows).filter(([key]) => key !== one)))}>
                  {t('do.remove')}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {!off && (
        <form className="row wrap" onSubmit={add}>
          <input className="input grow mono" aria-label={t(`permissions.new.${what}`)} placeholder={t(`permissions.new.${what}`)} value={name} autoCapitalize="off" spellCheck={false} onChange={(event) => setName(event.target.value)} />
          <Level wiring={{ 'aria-label': t('permissions.newLevel') }} levels={levels} value={level} off={false} change={setLevel} />
          <button type="submit" className="button">
            {t('order.add')}
          </button>
          {taken && <p className="field-error">{t('permissions.taken')}</p>}
        </form>
      )}
    </section>
  )
}
