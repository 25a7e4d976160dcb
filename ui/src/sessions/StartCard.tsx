/** A start that has no session to show (yet): just asked for, or refused before it had one. */

import type { Start } from './starts'
import { forget } from './starts'
import { FailedStart } from '../session/FailedStart'
import { Progress } from '../session/Progress'
import { t } from '../strings/t'

export function StartCard({ start, again }: { start: Start; again: (start: Start) => void }) {
  const { request } = start
  const name = request.name || request.command
  const refused = start.status === 'refused'
  return (
    <article className={`card ${refused ? 'failed-card' : 'pending'}`} aria-labelledby={`name-${request.id}`} data-session={request.id}>
      <div className="card-body">
        <header className="card-head">
          <h2 id={`name-${request.id}`}>{name}</h2>
        </header>
        <p className="card-state">
          <span className={`badge ${refused ? 'failed' : 'pending'}`}>{refused ? t('state.failed') : t('state.pending')}</span>
        </p>
        {refused ? <FailedStart id={request.id} problem={start.problem} /> : <Progress id={request.id} session={undefined} since={start.asked} />}
        {refused && (
          <div className="row">
            <button type="button" className="button small" onClick={() => again(start)}>
              {t('do.again')}
            </button>
            <button type="button" className="button small" onClick={() => forget(request.id)}>
              {t('do.putAway')}
            </button>
          </div>
        )}
      </div>
    </article>
  )
}
