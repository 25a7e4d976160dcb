/** One form: its HTML, and beside it the form as people will see it, with the params that its answers make. */

import { useEffect, useRef, useState } from 'react'

import { type FormDocument, forms, previewForm, type ShownForm } from '../../api/administered'
import { asProblem, type Problem } from '../../api/problem'
import { FormBody, type FormBodyHandle } from '../../forms/FormBody'
import { Field } from '../../parts/Field'
import { Failure } from '../../parts/states'
import { t } from '../../strings/t'
import { Code } from '../code/Code'
import { DocumentEditor, type Fields } from '../parts/DocumentEditor'
import { Json } from '../parts/Json'

const EXAMPLE = `<div class="form-group">
  <label for="project">Project</label>
  <input type="text" class="form-control" id="project" name="project" required />
</div>
<div class="form-group">
  <label for="minRam">Memory</label>
  <select class="form-control" id="minRam" name="minRam" data-type="number">
    <option value="1">1 GB</option>
    <option value="2">2 GB</option>
    <option value="10">10 GB</option>
  </select>
</div>
`

const BLANK: FormDocument = { id: '', name: '', html: EXAMPLE, description: '', staticData: {}, revision: 0, fixed: null }

interface FormEditorProps {
  saved: FormDocument | undefined
  taken: string[]
  pathOf: (id: string) => string
}

export function FormEditor({ saved, taken, pathOf }: FormEditorProps) {
  return (
    <DocumentEditor
      resource={forms}
      saved={saved}
      blank={BLANK}
      taken={taken}
      pathOf={pathOf}
      nameOf={(value) => value.name}
      withId={(value, id) => ({ ...value, id })}
    >
      {(fields) => <Body fields={fields} />}
    </DocumentEditor>
  )
}

function Body({ fields }: { fields: Fields<FormDocument> }) {
  const { value, change, fixed, wrong } = fields
  return (
    <div className="form-edit">
      <div className="stack">
        <Field label={t('doc.name')} help={t('forms.nameHelp')} error={wrong('name')}>
          {(wiring) => <input {...wiring} className="input" value={value.name} maxLength={128} readOnly={fixed} onChange={(event) => change({ name: event.target.value })} />}
        </Field>
        <Field label={t('doc.description')} help={t('forms.descriptionHelp')}>
          {(wiring) => <textarea {...wiring} className="input" rows={2} value={value.description} readOnly={fixed} onChange={(event) => change({ description: event.target.value })} />}
        </Field>
        <div className="field">
          <span className="strong">{t('forms.html')}</span>
          <Code label={t('forms.html')} language="html" value={value.html} readOnly={fixed} change={(html) => change({ html })} />
          {wrong('html') && <p className="field-error">{wrong('html')}</p>}
          <p className="quiet small">{t('forms.htmlHelp')}</p>
        </div>
        <details open={Object.keys(value.staticData).length > 0 || undefined}>
          <summary>{t('forms.data')}</summary>
          <p className="quiet small">{t('forms.dataHelp')}</p>
          <Json label={t('forms.data')} value={value.staticData} change={fixed ? undefined : (staticData) => change({ staticData })} error={wrong('staticData')} short />
        </details>
      </div>
      <Preview html={value.html} name={value.name} />
    </div>
  )
}

function Preview({ html, name }: { html: string; name: string }) {
  const [form, setForm] = useState<ShownForm | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [answers, setAnswers] = useState<Record<string, unknown> | null>(null)
  const body = useRef<FormBodyHandle>(null)
  useEffect(() => {
    let over = false
    const timer = setTimeout(() => {
      previewForm(html, name).then(
        (shown) => {
          if (over) return
          setForm(shown)
          setProblem(null)
          setAnswers(null)
        },
        (error: unknown) => !over && setProblem(asProblem(error)),
      )
    }, 300)
    return () => {
      over = true
      clearTimeout(timer)
    }
  }, [html, name])
  return (
    <section className="preview" aria-label={t('forms.preview')}>
      <h3>{t('forms.preview')}</h3>
      {problem && <Failure error={problem} />}
      {form && (
        <>
          <div className="panel">
            <FormBody ref={body} form={form} prefix="preview" />
            {form.inputs.length === 0 && <p className="quiet small">{t('forms.noInputs')}</p>}
          </div>
          {form.inputs.length > 0 && (
            <button type="button" className="button small" onClick={() => setAnswers(body.current!.answers())}>
              {t('forms.check')}
            </button>
          )}
          {answers && (
            <pre className="log" tabIndex={0} aria-label={t('forms.params')}>
              {JSON.stringify(answers, null, 2)}
            </pre>
          )}
        </>
      )}
    </section>
  )
}
