/** The table's row of a kind in words: what it is for, what it is given, what it may return, its limits. */

import type { Kind, KindField } from '../../api/administered'
import { bytes, duration } from '../../app/words'
import { t } from '../../strings/t'

export function KindWords({ kind }: { kind: Kind }) {
  return (
    <details className="kind-words">
      <summary>{t('kind.row', { kind: kind.title })}</summary>
      <div className="stack">
        <p>{kind.help}</p>
        <section>
          <h3>{t('kind.given')}</h3>
          <Given fields={kind.input} />
        </section>
        <section>
          <h3>{t('kind.returns')}</h3>
          <dl className="kind-returns">
            {kind.returns.map((row) => (
              <div key={row.when}>
                <dt className="mono">{row.when}</dt>
                <dd>{row.means}</dd>
              </div>
            ))}
          </dl>
        </section>
        <p className="quiet small">{t('kind.limits', { cpu: duration(kind.limits.cpu), wall: duration(kind.limits.wall), memory: bytes(kind.limits.memory) })}</p>
      </div>
    </details>
  )
}

function Given({ fields }: { fields: KindField[] }) {
  return (
    <ul className="kind-fields">
      {fields.map((field) => (
        <li key={field.name}>
          {field.fields?.length ? (
            <details>
              <summary>
                <Words field={field} />
              </summary>
              <Given fields={field.fields} />
            </details>
          ) : (
            <Words field={field} />
          )}
        </li>
      ))}
    </ul>
  )
}

const Words = ({ field }: { field: KindField }) => (
  <>
    <code>{field.name}</code> <span className="quiet small">{field.type}</span> <span className="small">{field.help}</span>
  </>
)
