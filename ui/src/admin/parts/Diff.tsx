/** A comparison of two texts to be read: a sign, the line's number, the line. */

import { t } from '../../strings/t'
import { diff, folded } from './diff'

const SIGNS = { same: ' ', gone: '−', come: '+', skip: '⋯' } as const

export function Diff({ before, after, label }: { before: string; after: string; label: string }) {
  const lines = folded(diff(before, after))
  if (!lines.some((line) => line.kind === 'gone' || line.kind === 'come')) return <p className="quiet">{t('diff.same')}</p>
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="diff">
        <tbody>
          {lines.map((line, index) => (
            <tr key={index} className={line.kind}>
              <td className="diff-number" aria-hidden="true">
                {line.after ?? line.before ?? ''}
              </td>
              <td className="diff-sign">
                <span aria-hidden="true">{SIGNS[line.kind]}</span>
                {line.kind !== 'same' && <span className="unseen">{t(`diff.${line.kind}`)}</span>}
              </td>
              <td className="diff-text">{line.text || ' '}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
