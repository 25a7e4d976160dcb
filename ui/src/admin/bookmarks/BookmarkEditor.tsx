/** One bookmark's fields. */

import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'

import { type Bookmark, bookmarks, forms, profileDocuments } from '../../api/administered'
import { launchers } from '../../api/launchers'
import { Field } from '../../parts/Field'
import { BookmarkIcon } from '../../sessions/Bookmarks'
import { useKeyboards } from '../../sessions/keyboards'
import { t } from '../../strings/t'
import { DocumentEditor, type Fields } from '../parts/DocumentEditor'
import { Json } from '../parts/Json'
import { Order } from '../parts/Order'
import { Words } from '../parts/Words'
import { useDocuments } from '../parts/useDocuments'
import { iconOf } from './icon'

const BLANK: Bookmark = {
  id: '', name: '', command: '', description: '', geometry: '', icon: '', profile: 'default', keyboardLayout: '', forms: [], groups: [],
  launcher: '', launcherOptions: {}, params: {}, revision: 0, fixed: null,
} // prettier-ignore

interface BookmarkEditorProps {
  saved: Bookmark | undefined
  taken: string[]
  pathOf: (id: string) => string
}

export function BookmarkEditor({ saved, taken, pathOf }: BookmarkEditorProps) {
  return (
    <DocumentEditor resource={bookmarks} saved={saved} blank={BLANK} taken={taken} pathOf={pathOf} nameOf={(value) => value.name} withId={(value, id) => ({ ...value, id })}>
      {(fields) => <Body fields={fields} />}
    </DocumentEditor>
  )
}

function Body({ fields }: { fields: Fields<Bookmark> }) {
  const { value, change, fixed, wrong } = fields
  const all = useDocuments(forms).data ?? []
  const profiles = useDocuments(profileDocuments).data ?? []
  const layouts = useKeyboards().data ?? []
  const known = useQuery({ queryKey: ['launchers'], queryFn: launchers, staleTime: 60_000, retry: false })
  const text = (member: 'name' | 'command' | 'description' | 'geometry' | 'launcher') => ({
    value: value[member],
    readOnly: fixed,
    onChange: (event: { target: { value: string } }) => change({ [member]: event.target.value }),
  })
  return (
    <div className="stack fields">
      <Field label={t('doc.name')} error={wrong('name')}>
        {(wiring) => <input {...wiring} {...text('name')} className="input" maxLength={128} />}
      </Field>
      <Field label={t('field.command')} help={t('field.commandHelp')} error={wrong('command')}>
        {(wiring) => <textarea {...wiring} {...text('command')} className="input mono" rows={2} spellCheck={false} />}
      </Field>
      <Field label={t('doc.description')} help={t('bm.descriptionHelp')}>
        {(wiring) => <input {...wiring} {...text('description')} className="input" />}
      </Field>
      <IconField icon={value.icon} off={fixed} error={wrong('icon')} change={(icon) => change({ icon })} />
      <div className="two">
        <Field label={t('bm.geometry')} help={t('bm.geometryHelp')} error={wrong('geometry')}>
          {(wiring) => <input {...wiring} {...text('geometry')} className="input" placeholder="1280x800" />}
        </Field>
        <Field label={t('field.profile')} error={wrong('profile')}>
          {(wiring) => (
            <select {...wiring} className="input" value={value.profile} disabled={fixed} onChange={(event) => change({ profile: event.target.value })}>
              {[...new Set([value.profile || 'default', ...profiles.map((one) => one.name)])].map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t('field.keyboard')} error={wrong('keyboardLayout')}>
          {(wiring) => (
            <select {...wiring} className="input" value={value.keyboardLayout} disabled={fixed} onChange={(event) => change({ keyboardLayout: event.target.value })}>
              <option value="">{t('bm.keyboardOwn')}</option>
              {layouts.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.title}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t('fact.launcher')} help={t('bm.launcherHelp')} error={wrong('launcher')}>
          {(wiring) => (
            <>
              <input {...wiring} {...text('launcher')} className="input" list="launchers-known" />
              <datalist id="launchers-known">
                {(known.data?.launchers ?? []).map((one) => (
                  <option key={one.name} value={one.name}>
                    {one.title}
                  </option>
                ))}
              </datalist>
            </>
          )}
        </Field>
      </div>
      <Words label={t('bm.groups')} help={t('bm.groupsHelp')} values={value.groups} off={fixed} change={(groups) => change({ groups })} error={wrong('groups')} />
      <section className="stack">
        <h3>{t('page.forms')}</h3>
        <p className="quiet small">{t('bm.formsHelp')}</p>
        <Order
          all={all.map((form) => ({ id: form.id, name: form.name, note: form.description }))}
          chosen={value.forms}
          change={(chosen) => change({ forms: chosen })}
          available={t('forms.available')}
          used={t('forms.asked')}
          nothing={t('forms.noneAsked')}
          off={fixed}
        />
        {wrong('forms') && <p className="field-error">{wrong('forms')}</p>}
      </section>
      {value.launcher && (
        <details open={Object.keys(value.launcherOptions).length > 0 || undefined}>
          <summary>{t('bm.launcherOptions')}</summary>
          <p className="quiet small">{t('bm.launcherOptionsHelp')}</p>
          <Json label={t('bm.launcherOptions')} value={value.launcherOptions} change={fixed ? undefined : (launcherOptions) => change({ launcherOptions })} error={wrong('launcherOptions')} short />
        </details>
      )}
      <details open={Object.keys(value.params).length > 0 || undefined}>
        <summary>{t('tab.params')}</summary>
        <p className="quiet small">{t('bm.paramsHelp')}</p>
        <Json label={t('tab.params')} value={value.params} change={fixed ? undefined : (params) => change({ params })} error={wrong('params')} short />
      </details>
    </div>
  )
}

function IconField({ icon, off, error, change }: { icon: string; off: boolean; error: string | undefined; change: (icon: string) => void }) {
  const file = useRef<HTMLInputElement>(null)
  const [bad, setBad] = useState(false)
  return (
    <Field label={t('bm.icon')} help={t('bm.iconHelp')} error={error ?? (bad ? t('bm.iconBad') : undefined)}>
      {(wiring) => (
        <div className="row wrap">
          <BookmarkIcon icon={icon} />
          {!off && (
            <input
              {...wiring}
              ref={file}
              type="file"
              className="input grow"
              accept="image/*"
              onChange={(event) => {
                const chosen = event.target.files?.[0]
                setBad(false)
                if (chosen) void iconOf(chosen).then(change, () => setBad(true))
              }}
            />
          )}
          {icon && !off && (
            <button
              type="button"
              className="button small"
              onClick={() => {
                change('')
                if (file.current) file.current.value = ''
              }}
            >
              {t('bm.noIcon')}
            </button>
          )}
        </div>
      )}
    </Field>
  )
}
