/** Every action of the API, and how far each level may take it; a manager's boxes are ticked here. */

import type { Permissions } from '../../api/administered'
import { known, t } from '../../strings/t'

interface ActionsProps {
  rows: Permissions['actions']
  boxes: string[]
  off: boolean
  change: (boxes: string[]) => void
}

const Scope = ({ scope }: { scope: string }) => <span className={`scope ${scope}`}>{known(`scope.${scope}`, scope)}</span>

export function Actions({ rows, boxes, off, change }: ActionsProps) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t('permissions.actions')}>
      <table className="table small folds">
        <thead>
          <tr>
            <th scope="col">{t('permissions.action')}</th>
            <th scope="col">{t('accessLevel.limited')}</th>
            <th scope="col">{t('accessLevel.full')}</th>
            <th scope="col">{t('accessLevel.manager')}</th>
            <th scope="col">{t('accessLevel.admin')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">
                <span className="mono">{row.name}</span>
                <span className="quiet small block">{row.help}</span>
              </th>
              <td data-head={t('accessLevel.limited')}>
                <Scope scope={row.limited} />
              </td>
              <td data-head={t('accessLevel.full')}>
                <Scope scope={row.full} />
              </td>
              <td data-head={t('accessLevel.manager')}>
                {row.box ? (
                  <label className="choice inline">
                    <input
                      type="checkbox"
                      aria-label={t('permissions.box', { action: row.name })}
                      checked={boxes.includes(row.name)}
                      disabled={off}
                      onChange={(event) => change(event.target.checked ? [...boxes, row.name].sort() : boxes.filter((one) => one !== row.name))}
                    />
                    <Scope scope={boxes.includes(row.name) ? 'any' : row.full} />
                  </label>
                ) : (
                  <Scope scope={row.full} />
                )}
              </td>
              <td data-head={t('accessLevel.admin')}>
                <Scope scope={row.admin} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
