/** What a page shows instead of, or beside, what it is for: loading, empty, error, forbidden. */

import { type ReactNode, useEffect, useState } from 'react'

import { asProblem, type Problem } from '../api/problem'
import { known, t } from '../strings/t'
import { Icon } from './Icon'

/** Says nothing for a moment, so that what is quick does not flicker. */
export function Loading({ what }: { what: string }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 200)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div className="state" role="status">
      {late && (
        <>
          <span className="spinner" aria-hidden="true" />
          <p>{what}</p>
        </>
      )}
    </div>
  )
}

export function Empty({ title, children, page }: { title: string; children?: ReactNode; page?: true }) {
  return (
    <div className="state">
      {page ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children && <div className="state-more quiet">{children}</div>}
    </div>
  )
}

/** What happened, why, what to do, and the id to quote. */
export function Failure({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }) {
  const problem = asProblem(error)
  return (
    <div className="notice bad" role="alert">
      <Icon name="warn" />
      <div>
        <p className="strong">{title ?? sentence(problem)}</p>
        {title && <p>{sentence(problem)}</p>}
        {problem.detail && problem.detail !== sentence(problem) && <p className="pre sentence">{problem.detail}</p>}
        <p className="quiet">{known(`todo.${problem.code}`, problem.passing ? t('todo.passing') : t('todo.other'))}</p>
        {problem.log && <pre className="log short">{problem.log}</pre>}
        {problem.instance && <p className="quiet small">{t('problem.quote', { id: problem.instance })}</p>}
        {retry && (
          <button type="button" className="button" onClick={retry}>
            {t('do.retry')}
          </button>
        )}
      </div>
    </div>
  )
}

export const sentence = (problem: Problem): string =>
  known(`problem.${problem.code}`, problem.title || problem.detail || t('problem.error'))

export function Forbidden({ what }: { what: string }) {
  return (
    <div className="state">
      <h1>{t('forbidden.title')}</h1>
      <p className="quiet">{t('forbidden.text', { what })}</p>
    </div>
  )
}

interface Query<D> {
  data: D | undefined
  error: unknown
  isPending: boolean
  refetch: () => unknown
}

/** The query's page: its data, with the error above it when the last try failed but there is something to show. */
export function Loaded<D>(props: { query: Query<D>; loading: string; children: (data: D) => ReactNode }) {
  const { query } = props
  const problem = query.error ? asProblem(query.error) : null
  if (problem?.status === 403 && query.data === undefined) return <Forbidden what={problem.detail} />
  return (
    <>
      {problem && !problem.loggedOut && <Failure error={problem} retry={() => void query.refetch()} />}
      {query.data !== undefined ? props.children(query.data) : query.isPending && <Loading what={props.loading} />}
    </>
  )
}
