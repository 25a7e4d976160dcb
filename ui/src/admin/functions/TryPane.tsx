/** Try: what the code as it stands now returns for a recorded or a made-up input, beside what is in force. Changes nothing. */

import { useQuery } from '@tanstack/react-query'
import { useImperativeHandle, useState, type Ref } from 'react'

import { type FunctionDocument, type FunctionProblem, type Kind, recordedInputs, tryFunction, type Tried } from '../../api/administered'
import { asProblem, type Problem } from '../../api/problem'
import { useMe } from '../../app/place'
import { duration, exact, relative } from '../../app/words'
import { Field } from '../../parts/Field'
import { Failure } from '../../parts/states'
import { seconds } from '../../parts/Time'
import { Weighed } from '../../session/Weighed'
import { known, t } from '../../strings/t'
import { Json, written } from '../parts/Json'
import { madeUp } from './kinds'
import { hintOf, placeIn } from './told'

export interface TryHandle {
  run: () => void
}

interface TryPaneProps {
  document: FunctionDocument
  /** The code is that of the saved one. */
  same: boolean
  kind: Kind
  /** The error of the last run, for the editor's mark. */
  told: (error: FunctionProblem | null) => void
  ref?: Ref<TryHandle>
}

export const WRITTEN = 'written'

export function TryPane({ document, same, kind, told, ref }: TryPaneProps) {
  const me = useMe().data
  const query = useQuery({ queryKey: ['recorded', kind.name], queryFn: () => recordedInputs(kind.name), staleTime: 10_000 })
  const recorded = query.data ?? []
  const [chosen, setChosen] = useState<string | null>(null)
  const which = chosen ?? recorded[0]?.id ?? WRITTEN
  const [input, setInput] = useState(() => madeUp(kind.input, { serverId: me?.serverId ?? '', login: me?.user.name ?? '', action: kind.actions[0] ?? '' }))
  const [valid, setValid] = useState(true)
  const [busy, setBusy] = useState(false)
  const [result, setResult] = useState<(Tried & { same: boolean }) | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)

  const run = async () => {
    if (busy || (which === WRITTEN && !valid)) return
    setBusy(true)
    setProblem(null)
    try {
      const { engine, source, id } = document
      const after = await tryFunction({ kind: kind.name, engine, source, name: document.name || kind.title, ...(id && { id }), ...(which === WRITTEN ? { input } : { recorded: which }) })
      setResult({ ...after, same }) // as it was when it ran
      told(after.error ?? null)
    } catch (error) {
      const found = asProblem(error)
      setResult(null)
      setProblem(found)
      told(found.code === 'function-invalid' ? (found.document as unknown as FunctionProblem) : null)
    } finally {
      setBusy(false)
    }
  }
  useImperativeHandle(ref, () => ({ run: () => void run() }))
  const one = recorded.find((item) => item.id === which)

  return (
    <section className="try" aria-label={t('try.title')}>
      <h3>{t('try.title')}</h3>
      <Field label={t('try.input')} help={recorded.length === 0 && !query.isPending ? t('try.noneRecorded') : undefined}>
        {(wiring) => (
          <select {...wiring} className="input" value={which} onChange={(event) => setChosen(event.target.value)}>
            {recorded.map((item) => (
              <option key={item.id} value={item.id} title={exact(item.at)}>
                {labelOf(item)}
              </option>
            ))}
            <option value={WRITTEN}>{t('try.write')}</option>
          </select>
        )}
      </Field>
      {which === WRITTEN ? (
        <Json label={t('try.written')} value={input} change={setInput} valid={setValid} short />
      ) : (
        one && (
          <details>
            <summary className="quiet small">{t('try.seeInput')}</summary>
            <pre className="log short" tabIndex={0} aria-label={t('try.seeInput')}>
              {written(one.input)}
            </pre>
          </details>
        )
      )}
      <button type="button" className="button primary" aria-keyshortcuts="Control+Enter" aria-disabled={busy} onClick={() => void run()}>
        {busy ? t('try.running') : t('try.run')}
      </button>
      <div aria-live="polite" className="stack">
        {problem && <Failure error={problem} />}
        {result && (
          <>
            <Outcome title={t('try.this')} tried={result} />
            {result.live ? <Outcome title={t('try.live')} tried={result.live} /> : <p className="quiet small">{result.same ? t('try.sameAsLive') : t('try.noLive')}</p>}
          </>
        )}
      </div>
    </section>
  )
}

function labelOf(item: { at: number; input: Record<string, unknown> }): string {
  const data = (item.input['data'] ?? item.input['start'] ?? {}) as Record<string, unknown>
  const user = (item.input['user'] ?? item.input['login'] ?? {}) as Record<string, unknown>
  const words = [data['command'], user['sub'] ?? user['login']].filter((word) => typeof word === 'string' && word)
  return [relative(item.at, seconds()), ...words].join(' · ')
}

function Outcome({ title, tried }: { title: string; tried: Tried }) {
  return (
    <div className="outcome">
      <h4>
        {title}
        {tried.took !== undefined && <span className="quiet small"> {duration(tried.took)}</span>}
      </h4>
      {tried.error ? <Wrong error={tried.error} /> : <Returned tried={tried} />}
      {tried.log && tried.log.length > 0 && (
        <>
          <p className="small strong">{t('try.log')}</p>
          <pre className="log short" tabIndex={0} aria-label={t('try.log')}>
            {tried.log.join('\n')}
          </pre>
        </>
      )}
      {tried.chain && (
        <>
          <p className="small strong">{tried.chain.chosen ? t('try.chain', { server: tried.chain.chosen }) : t('try.chainNone')}</p>
          {tried.chain.error && <p className="small pre">{tried.chain.error}</p>}
          <Weighed servers={tried.chain.servers} chain={tried.chain.steps} chosen={tried.chain.chosen} />
        </>
      )}
    </div>
  )
}

const Returned = ({ tried }: { tried: Tried }) => (
  <>
    {tried.outcome && <p className="small">{known(`outcome.${tried.outcome}`, tried.outcome)}</p>}
    <pre className="log short" tabIndex={0} aria-label={t('try.value')}>
      {tried.value === undefined ? 'undefined' : written(tried.value)}
    </pre>
  </>
)

function Wrong({ error }: { error: FunctionProblem }) {
  return (
    <div className="field-error">
      <p className="pre">{[placeIn(error), error.detail].filter(Boolean).join(' ')}</p>
      {hintOf(error) && <p>{hintOf(error)}</p>}
      {error.stack && <pre className="log short">{error.stack}</pre>}
    </div>
  )
}
