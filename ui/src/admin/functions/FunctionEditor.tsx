/** One function: its code with the input's fields completed, the table's row in words, and Try beside it. */

import { useEffect, useRef, useState } from 'react'

import { type FunctionDocument, type FunctionProblem, functions, type Kind } from '../../api/administered'
import { Field } from '../../parts/Field'
import { known, t } from '../../strings/t'
import { Code } from '../code/Code'
import type { Mark } from '../code/Editor'
import { DocumentEditor, type Fields } from '../parts/DocumentEditor'
import { blank, exampleFor } from './kinds'
import { KindWords } from './KindWords'
import { hintOf, placeIn } from './told'
import { type TryHandle, TryPane } from './TryPane'
import { reordered } from './useReorder'

interface FunctionEditorProps {
  kind: Kind
  saved: FunctionDocument | undefined
  all: FunctionDocument[]
  pathOf: (id: string) => string
}

export const draftKeyOf = (kind: string): string => `functions/new-${kind}`

export function FunctionEditor({ kind, saved, all, pathOf }: FunctionEditorProps) {
  return (
    <DocumentEditor
      resource={functions}
      saved={saved}
      blank={{ ...blank(kind), position: Math.max(0, ...all.filter((one) => one.kind === kind.name).map((one) => one.position + 1)) }}
      draftKey={draftKeyOf(kind.name)}
      taken={all.map((one) => one.id)}
      pathOf={pathOf}
      nameOf={(value) => value.name}
      withId={(value, id) => ({ ...value, id })}
      settled={reordered}
      heading={<h2>{t('fn.heading', { kind: kind.title, name: saved?.name ?? t('fn.headingNew') })}</h2>}
    >
      {(fields) => <Body fields={fields} kind={kind} saved={saved} />}
    </DocumentEditor>
  )
}

const asMark = (problem: FunctionProblem): Mark | null =>
  problem.line ? { line: problem.line, column: problem.column, message: [problem.detail, hintOf(problem)].filter(Boolean).join(' ') } : null

function Body({ fields, kind, saved }: { fields: Fields<FunctionDocument>; kind: Kind; saved: FunctionDocument | undefined }) {
  const { value, change, fixed, wrong, problem } = fields
  const [mark, setMark] = useState<Mark | null>(null)
  const tried = useRef<TryHandle>(null)
  const language = value.engine === 'python' ? 'python' : 'javascript'
  const invalid = problem?.code === 'function-invalid' ? (problem.document as unknown as FunctionProblem) : null

  useEffect(() => {
    if (invalid) setMark(asMark(invalid))
  }, [problem])
  return (
    <div className="function">
      <div className="function-code stack">
        <div className="function-names">
          <Field label={t('fn.name')} error={wrong('name')}>
            {(wiring) => <input {...wiring} className="input" value={value.name} maxLength={128} readOnly={fixed} onChange={(event) => change({ name: event.target.value })} />}
          </Field>
          <label className="choice inline">
            <input type="checkbox" checked={value.enabled} disabled={fixed} onChange={(event) => change({ enabled: event.target.checked })} />
            <span>{t('fn.enabled')}</span>
          </label>
        </div>
        {invalid && (
          <div className="notice bad" role="alert">
            <div>
              <p className="strong">{[placeIn(invalid), invalid.detail].filter(Boolean).join(' ')}</p>
              {hintOf(invalid) && <p>{hintOf(invalid)}</p>}
            </div>
          </div>
        )}
        {value.engine === 'executable' ? (
          <Field label={t('fn.program')} help={t('fn.programHelp')}>
            {(wiring) => <input {...wiring} className="input mono" value={value.source} readOnly />}
          </Field>
        ) : (
          <Code
            label={t('fn.code', { name: value.name || kind.title })}
            language={language}
            value={value.source || exampleFor(value.engine, kind)}
            readOnly={fixed}
            fields={kind.input}
            mark={mark}
            change={(source) => {
              change({ source })
              setMark(null)
            }}
            run={() => tried.current?.run()}
          />
        )}
        <p className="quiet small">{known(`engine.${value.engine}`, value.engine)} · {t('fn.keys')}</p>
        {kind.actions.length > 1 && (
          <fieldset className="field">
            <legend>{t('fn.on')}</legend>
            <p className="quiet small">{t('fn.onHelp')}</p>
            <div className="boxes">
              {kind.actions.map((action) => (
                <label key={action} className="choice">
                  <input
                    type="checkbox"
                    checked={value.on.includes(action)}
                    disabled={fixed}
                    onChange={(event) => change({ on: event.target.checked ? [...value.on, action] : value.on.filter((one) => one !== action) })}
                  />
                  <span className="mono">{action}</span>
                </label>
              ))}
            </div>
            {wrong('on') && <p className="field-error">{wrong('on')}</p>}
          </fieldset>
        )}
        {kind.name === 'metric' && (
          <Field label={t('fn.every')} help={t('fn.everyHelp')} error={wrong('every')}>
            {(wiring) => (
              <input {...wiring} className="input short" type="number" min="1" value={value.every} readOnly={fixed} onChange={(event) => change({ every: Number(event.target.value) || 0 })} />
            )}
          </Field>
        )}
        <Field label={t('doc.description')}>
          {(wiring) => <textarea {...wiring} className="input" rows={2} value={value.description} readOnly={fixed} onChange={(event) => change({ description: event.target.value })} />}
        </Field>
        <KindWords kind={kind} />
      </div>
      <TryPane
        key={`${kind.name} ${saved?.id ?? ''}`}
        ref={tried}
        document={saved ? value : { ...value, id: '' }}
        same={saved?.source === value.source}
        kind={kind}
        told={(error) => setMark(error ? asMark(error) : null)}
      />
    </div>
  )
}
