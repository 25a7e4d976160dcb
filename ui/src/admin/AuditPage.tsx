/** Who did what, to which session, from where, and what came of it. */

import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import * as api from '../api/client'
import { Link } from '../app/router'
import { exact } from '../app/words'
import { Loaded } from '../parts/states'
import { t } from '../strings/t'

const STEP = 200
/** `form`: more was asked before anything was done. */
const FINE = new Set(['ok', 'form'])

export function AuditPage() {
  const [limit, setLimit] = useState(STEP)
  const [words, setWords] = useState('')
  const query = useQuery({
    queryKey: ['audit', limit],
    queryFn: async () => (await api.audit(limit)).entries,
    refetchInterval: 10_000,
    placeholderData: (before) => before,
  })
  return (
    <>
      <h1>{t('page.audit')}</h1>
      <Loaded query={query} loading={t('load.audit')}>
        {(entries) => {
          const found = entries.filter((entry) => Object.values(entry).join(' ').toLowerCase().includes(words.toLowerCase()))
          return (
            <>
              <input type="search" className="input filter" aria-label={t('audit.filter')} placeholder={t('audit.filter')} value={words} onChange={(event) => setWords(event.target.value)} />
              {found.length === 0 ? (
                <p className="quiet">{t('audit.none')}</p>
              ) : (
                <div className="scroll" tabIndex={0} role="region" aria-label={t('page.audit')}>
                  <table className="table small folds">
                    <thead>
                      <tr>
                        {(['at', 'login', 'action', 'outcome', 'session', 'address', 'detail'] as const).map((name) => (
                          <th key={name} scope="col">
                            {t(`audit.${name}`)}
                          </th>
                        ))}
                      </tr>
                    </thead>
                    <tbody>
                      {found.map((entry, index) => (
                        <tr key={`${entry.at} ${index}`}>
                          <td className="nowrap" data-head={t('audit.at')}>{exact(entry.at)}</td>
                          <td data-head={t('audit.login')}>{entry.login}</td>
                          <td data-head={t('audit.action')}>{entry.action}</td>
                          <td className={FINE.has(entry.outcome) ? 'nowrap' : 'nowrap bad-text'} data-head={t('audit.outcome')}>{entry.outcome}</td>
                          <td className="mono" data-head={t('audit.session')}>{entry.session && <Link to={`session/${entry.session}/${entry.action === 'session/start' && !FINE.has(entry.outcome) ? 'why' : 'info'}`}>{entry.session.slice(0, 10)}</Link>}</td>
                          <td className="mono" data-head={t('audit.address')}>{entry.address}</td>
                          <td className="anywhere" data-head={t('audit.detail')}>{entry.detail}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
              {entries.length >= limit && limit < 10_000 && (
                <button type="button" className="button" onClick={() => setLimit(Math.min(10_000, limit * 4))}>
                  {t('audit.more')}
                </button>
              )}
            </>
          )
        }}
      </Loaded>
    </>
  )
}
