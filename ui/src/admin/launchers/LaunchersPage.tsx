/** Sessions › Launcher: which launcher starts sessions, what each is set to, and trying one. */

import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { type Launcher, type Launchers, launchers, setLauncher } from '../../api/launchers'
import { asProblem, type Problem } from '../../api/problem'
import { queries } from '../../app/place'
import { announce } from '../../parts/announce'
import { confirm } from '../../parts/confirm'
import { Failure, Loaded } from '../../parts/states'
import { t } from '../../strings/t'
import { ListPage } from '../parts/ListPage'
import { RowLinks } from '../parts/RowLinks'
import { Options } from './Options'
import { TryLauncher } from './TryLauncher'

const BASE = 'system/launchers'

export const kept = (after: Launchers): void => void queries.setQueryData(['launchers'], after)

export function LaunchersPage({ rest }: { rest: string }) {
  const query = useQuery({ queryKey: ['launchers'], queryFn: launchers })
  const now = rest || query.data?.default || ''
  const list = (
    <Loaded query={query} loading={t('load.launchers')}>
      {(all) => (
        <>
          {all.ignored.map((one) => (
            <p key={one} className="notice warn small">
              {one}
            </p>
          ))}
          <RowLinks
            label={t('page.launchers')}
            rows={all.launchers.map((one) => ({
              id: one.name,
              to: `${BASE}/${one.name}`,
              now: one.name === now,
              name: one.title,
              note: noteOf(one),
              ...(one.name === all.default && { badge: <span className="badge running">{t('launchers.default')}</span> }),
            }))}
          />
        </>
      )}
    </Loaded>
  )
  return (
    <ListPage title={t('page.launchers')} about={t('launchers.about')} open={rest !== ''} back={BASE} list={list}>
      <Loaded query={query} loading={t('load.launchers')}>
        {(all) => {
          const one = all.launchers.find((other) => other.name === now)
          return one ? <One key={one.name} launcher={one} all={all} /> : <p className="quiet master-hint">{t('launchers.choose')}</p>
        }}
      </Loaded>
    </ListPage>
  )
}

const noteOf = (one: Launcher): string =>
  one.pending ? t('launchers.pending', { n: one.pending }) : one.problem ? t('launchers.notReady') : one.own ? t('launchers.own') : t('launchers.ready')

function One({ launcher, all }: { launcher: Launcher; all: Launchers }) {
  const [problem, setProblem] = useState<Problem | null>(null)
  const choose = async () => {
    setProblem(null)
    if (launcher.problem) {
      const text = t('launchers.useText', { problem: launcher.problem })
      if (!(await confirm({ title: t('launchers.useTitle', { name: launcher.title }), text, yes: t('launchers.useYes') }))) return
    }
    try {
      kept(await setLauncher(launcher.name))
      announce(t('launchers.chosen', { name: launcher.title }))
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  return (
    <div className="stack">
      <header className="page-head">
        <div>
          <h2>{launcher.title}</h2>
          {launcher.name === all.default && <span className="badge running">{t('launchers.default')}</span>}
        </div>
        {launcher.name !== all.default && launcher.name !== 'template' && all.fixed === null && (
          <button type="button" className="button" onClick={() => void choose()}>
            {t('launchers.use')}
          </button>
        )}
      </header>
      <p className="quiet sentence">{launcher.help}</p>
      {all.fixed && <p className="quiet small">{t('settings.fixed', { by: all.fixed })}</p>}
      {launcher.problem && (
        <div className="notice warn">
          <div>
            <p className="strong">{t('launchers.notReady')}</p>
            <p className="pre">{launcher.problem}</p>
          </div>
        </div>
      )}
      {problem && <Failure error={problem} />}
      {launcher.options.length > 0 && <Options launcher={launcher} fixed={all.fixed !== null} />}
      <TryLauncher launcher={launcher} />
    </div>
  )
}
