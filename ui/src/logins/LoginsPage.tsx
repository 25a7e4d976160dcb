/** Logins and API tokens: one's own, or everybody's; make a token, end any of them. */

import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import * as api from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { Login } from '../api/types'
import { may, queries, useMe } from '../app/place'
import { confirm } from '../parts/confirm'
import { Failure, Loaded } from '../parts/states'
import { Time } from '../parts/Time'
import { known, t } from '../strings/t'
import { NewToken } from './NewToken'

export function LoginsPage({ all }: { all: boolean }) {
  const me = useMe().data
  const [problem, setProblem] = useState<Problem | null>(null)
  const [words, setWords] = useState('')
  const query = useQuery({
    queryKey: ['logins', all ? 'all' : 'own'],
    queryFn: async () => (await api.logins(all)).logins,
    refetchInterval: 60_000,
  })
  const revoke = async (login: Login) => {
    const what = login.name || login.address || login.jti
    const text = login.current ? t('logins.revokeSelf') : t('logins.revokeText')
    if (!(await confirm({ title: t('logins.revokeTitle', { what }), text, yes: t('logins.revoke') }))) return
    setProblem(null)
    try {
      await api.revoke(login.jti)
      if (login.current) return location.reload()
    } catch (error) {
      setProblem(asProblem(error))
    }
    await queries.invalidateQueries({ queryKey: ['logins'] })
  }
  return (
    <>
      <h1>{all ? t('page.allLogins') : t('page.loginsTitle')}</h1>
      {!all && may(me, 'token/create') && <NewToken />}
      {problem && <Failure error={problem} />}
      <Loaded query={query} loading={t('load.logins')}>
        {(logins) => {
          const found = logins
            .filter((login) => `${login.sub} ${login.name} ${login.address} ${login.method}`.toLowerCase().includes(words.toLowerCase()))
            .sort((a, b) => Number(b.current ?? false) - Number(a.current ?? false) || (b.lastSeen ?? b.iat) - (a.lastSeen ?? a.iat))
          return (
            <>
              {logins.length > 8 && <input type="search" className="input filter" aria-label={t('logins.filter')} placeholder={t('logins.filter')} value={words} onChange={(event) => setWords(event.target.value)} />}
              <Table logins={found} all={all} revoke={may(me, 'login/revoke') ? (login) => void revoke(login) : null} />
              {found.length === 0 && <p className="quiet">{t('logins.none')}</p>}
            </>
          )
        }}
      </Loaded>
    </>
  )
}

interface TableProps {
  logins: Login[]
  all: boolean
  revoke: ((login: Login) => void) | null
}

function Table({ logins, all, revoke }: TableProps) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t('page.logins')}>
      <table className="table folds">
        <thead>
          <tr>
            {all && <th scope="col">{t('logins.who')}</th>}
            <th scope="col">{t('logins.what')}</th>
            <th scope="col">{t('logins.from')}</th>
            <th scope="col">{t('logins.since')}</th>
            <th scope="col">{t('logins.seen')}</th>
            <th scope="col">{t('logins.until')}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {logins.map((login) => (
            <tr key={login.jti}>
              {all && <td data-head={t('logins.who')}>{login.sub}</td>}
              <td data-head={t('logins.what')}>
                <span>
                {known(`aud.${login.aud}`, login.aud)}
                {login.name && <span className="strong"> {login.name}</span>}
                {login.current && <span className="badge running beside">{t('logins.current')}</span>}
                {login.method && <span className="quiet small"> {login.method}</span>}
                </span>
              </td>
              <td className="mono" data-head={t('logins.from')}>{login.address}</td>
              <td data-head={t('logins.since')}>
                <Time at={login.iat} />
              </td>
              <td data-head={t('logins.seen')}>{login.lastSeen ? <Time at={login.lastSeen} /> : ''}</td>
              <td data-head={t('logins.until')}>{login.exp ? <Time at={login.exp} /> : t('logins.forEver')}</td>
              <td className="end">
                {revoke && (
                  <button type="button" className="button small" aria-label={t('logins.revokeOf', { what: login.name || login.address || login.jti })} onClick={() => revoke(login)}>
                    {t('logins.revoke')}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
