/** Sessions › Session start: the chains of load balancing for starts and logins, and the scripts they are made of. */

import { useState } from 'react'

import { type Chain, chains, functions, type Policy } from '../../api/administered'
import { Link } from '../../app/router'
import { Loaded } from '../../parts/states'
import { t } from '../../strings/t'
import { FunctionPane, FunctionList } from '../functions/FunctionsPage'
import { useKinds } from '../functions/kinds'
import { DocumentEditor } from '../parts/DocumentEditor'
import { BackLink } from '../parts/ListPage'
import { Json } from '../parts/Json'
import { type Item, Order } from '../parts/Order'
import { useDocuments } from '../parts/useDocuments'
import { Script } from './Script'

const BASE = 'system/session-start'
const TABS = ['start', 'login', 'scripts'] as const
type Tab = (typeof TABS)[number]
const KINDS = ['start-balance', 'login-balance']
/** What is in force until somebody saves another order. */
const SHIPPED: Record<Chain['id'], string[]> = { start: ['user_selection', 'fewest_sessions'], login: ['fewest_sessions'] }
const FUNCTION = 'function:'

export function SessionStartPage({ rest }: { rest: string }) {
  const [first, ...more] = rest.split('/')
  const tab: Tab = TABS.find((one) => one === first) ?? 'start'
  return (
    <>
      <h1>{t('page.sessionStart')}</h1>
      <nav className="tabs" aria-label={t('start.parts')}>
        {TABS.map((one) => (
          <Link key={one} to={one === 'start' ? BASE : `${BASE}/${one}`} aria-current={one === tab ? 'page' : undefined}>
            {t(`start.tab.${one}`)}
          </Link>
        ))}
      </nav>
      {tab === 'scripts' ? <Scripts rest={more.join('/')} /> : <OneChain key={tab} id={tab} />}
    </>
  )
}

function OneChain({ id }: { id: Chain['id'] }) {
  const query = useDocuments(chains)
  const table = useKinds()
  const written = useDocuments(functions)
  const [source, setSource] = useState<Policy | null>(null)
  const [valid, setValid] = useState(true)
  return (
    <>
    <Loaded query={table} loading={t('load.chain')}>
      {(kinds) => (
        <Loaded query={written} loading={t('load.chain')}>
          {(all) => (
            <Loaded query={query} loading={t('load.chain')}>
              {(list) => {
                const saved = list.find((one) => one.id === id)
                const items: Item[] = [
                  ...all
                    .filter((one) => one.kind === `${id}-balance`)
                    .map((one) => ({
                      id: FUNCTION + one.id,
                      name: one.name,
                      note: one.description || t('start.own'),
                      ...(!one.enabled && { badge: <span className="badge">{t('fn.off')}</span> }),
                    })),
                  ...kinds.policies.map((one) => ({ id: one.name, name: one.title, note: one.help })),
                ]
                // the order of the shipped ones is in force without having been written: it can be changed, and saved again as it is
                const shown: Chain = saved ?? { id, steps: SHIPPED[id], prefilter: {}, revision: 0, fixed: null }
                return (
                  <DocumentEditor
                    resource={chains}
                    saved={shown}
                    blank={shown}
                    taken={[]}
                    removable={saved !== undefined}
                    remove={{ word: t('start.reset'), title: t('start.resetTitle'), text: t('start.resetText') }}
                    pathOf={() => (id === 'start' ? BASE : `${BASE}/${id}`)}
                    nameOf={() => t(`start.chain.${id}`)}
                    withId={(value) => ({ ...value, id })}
                  >
                    {({ value, change, fixed, wrong }) => (
                      <div className="stack">
                        <p className="quiet">{t(`start.about.${id}`)}</p>
                        <Order
                          all={items}
                          chosen={value.steps}
                          change={(steps) => change({ steps })}
                          available={t('start.available')}
                          used={t('start.executed')}
                          nothing={t('start.noSteps')}
                          off={fixed}
                          show={{
                            label: (name) => t('start.sourceOf', { name }),
                            run: (step) => {
                              const own = all.find((one) => FUNCTION + one.id === step)
                              setSource(
                                own
                                  ? { name: step, title: own.name, help: own.description, source: own.source }
                                  : (kinds.policies.find((one) => one.name === step) ?? null),
                              )
                            },
                          }}
                        />
                        {wrong('steps') && <p className="field-error">{wrong('steps')}</p>}
                        <details open={Object.keys(value.prefilter).length > 0 || undefined}>
                          <summary>{t('start.prefilter')}</summary>
                          <div className="stack">
                            <p className="quiet small">{t('start.prefilterHelp')}</p>
                            <pre className="log">{'{ "staticData.group": "design", "freemem": { "$gte": 4294967296 } }'}</pre>
                            <Json label={t('start.prefilter')} value={value.prefilter} change={fixed ? undefined : (prefilter) => change({ prefilter })} valid={setValid} error={wrong('prefilter')} short />
                            {!valid && <p className="quiet small">{t('json.notTaken')}</p>}
                          </div>
                        </details>
                      </div>
                    )}
                  </DocumentEditor>
                )
              }}
            </Loaded>
          )}
        </Loaded>
      )}
    </Loaded>
      {source && <Script policy={source} chain={id} onClose={() => setSource(null)} />}
    </>
  )
}

function Scripts({ rest }: { rest: string }) {
  return (
    <div className={rest ? 'master open' : 'master'}>
      <div className="master-list">
        <FunctionList base={`${BASE}/scripts`} rest={rest} kinds={KINDS} />
      </div>
      <div className="master-one">
        {rest && <BackLink to={`${BASE}/scripts`} />}
        {rest ? <FunctionPane base={`${BASE}/scripts`} rest={rest} kinds={KINDS} /> : <Shipped />}
      </div>
    </div>
  )
}

/** The scripts that come with the server, to read and to copy. */
function Shipped() {
  const table = useKinds()
  const [open, setOpen] = useState<Policy | null>(null)
  return (
    <section className="stack">
      <h2>{t('start.shipped')}</h2>
      <p className="quiet small">{t('start.shippedText')}</p>
        <Loaded query={table} loading={t('load.functions')}>
          {(rows) => (
            <ul className="row-links">
              {rows.policies.map((policy) => (
                <li key={policy.name} className="order-item">
                  <span className="order-words">
                    <span className="strong">{policy.title}</span>
                    <span className="quiet small">{policy.help}</span>
                  </span>
                  <button type="button" className="button small" aria-haspopup="dialog" aria-label={t('start.sourceOf', { name: policy.title })} onClick={() => setOpen(policy)}>
                    {t('order.show')}
                  </button>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      {open && <Script policy={open} chain="start" onClose={() => setOpen(null)} />}
    </section>
  )
}
