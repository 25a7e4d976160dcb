/** Sessions › Profiles: limits and looks that sessions are started with. */

import { useState } from 'react'

import { type ProfileDocument, profileDocuments } from '../../api/administered'
import { Link } from '../../app/router'
import { Field } from '../../parts/Field'
import { Icon } from '../../parts/Icon'
import { Loaded } from '../../parts/states'
import { t, type Key } from '../../strings/t'
import { DocumentEditor, type Fields } from '../parts/DocumentEditor'
import { ListPage, Nothing } from '../parts/ListPage'
import { Words } from '../parts/Words'
import { RowLinks } from '../parts/RowLinks'
import { useDocuments } from '../parts/useDocuments'
import { Period } from './Period'

const DEFAULT = 'default'
const BASE = 'system/profiles'
const pathOf = (name: string) => (name ? `${BASE}/${encodeURIComponent(name)}` : BASE)
const CLIPBOARD = ['both', 'to-session', 'from-session', 'off'] as const

const SCRIPTS = ['onStart', 'onConnect', 'onDisconnect', 'onParams', 'onTerminate'] as const

const BLANK: ProfileDocument = {
  name: '', description: '', groups: [], hidden: false, display: 'xvnc', geometry: '1280x800', maximumGeometry: '7680x4320', endAfterDisconnected: 0, disconnectWhenIdle: 0,
  warnBefore: 120, extendBy: 3600, openGl: true, clipboard: 'both', windowManager: 'openbox',
  onStart: '', onConnect: '', onDisconnect: '', onParams: '', onTerminate: '', revision: 0, fixed: null,
} // prettier-ignore

export function ProfilesPage({ rest }: { rest: string }) {
  const query = useDocuments(profileDocuments)
  const list = (
    <Loaded query={query} loading={t('load.profiles')}>
      {(all) => (
        <>
          <Link className="button small" to={pathOf('new')}>
            <Icon name="plus" />
            {t('profile.new')}
          </Link>
          <RowLinks label={t('page.profiles')} rows={all.map((one) => ({ id: one.name, to: pathOf(one.name), now: rest === one.name, name: one.name, note: one.fixed ? t('doc.fromFile') : one.description }))} />
        </>
      )}
    </Loaded>
  )
  return (
    <ListPage title={t('page.profiles')} about={t('profile.about')} open={rest !== ''} back={BASE} list={list}>
      {rest === '' ? (
        <p className="quiet master-hint">{t('profile.choose')}</p>
      ) : (
        <Loaded query={query} loading={t('load.profiles')}>
          {(all) => {
            const saved = all.find((one) => one.name === rest)
            if (!saved && rest !== 'new') return <Nothing title={t('doc.gone')} text={t('doc.goneText')} />
            return (
              <DocumentEditor
                key={rest}
                resource={profileDocuments}
                saved={saved}
                blank={BLANK}
                taken={all.map((one) => one.name)}
                removable={saved?.name !== DEFAULT}
                pathOf={pathOf}
                nameOf={(value) => value.name}
                withId={(value, name) => ({ ...value, name })}
              >
                {(fields) => <Body fields={fields} isNew={!saved} />}
              </DocumentEditor>
            )
          }}
        </Loaded>
      )}
    </ListPage>
  )
}

function Body({ fields, isNew }: { fields: Fields<ProfileDocument>; isNew: boolean }) {
  const { value, change, fixed, wrong } = fields
  const text = (member: 'name' | 'description' | 'geometry' | 'maximumGeometry' | 'windowManager' | 'display') => ({
    value: value[member],
    readOnly: fixed,
    onChange: (event: { target: { value: string } }) => change({ [member]: event.target.value }),
  })
  const snake = (member: string) => wrong(member) ?? wrong(member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
  const period = (member: 'endAfterDisconnected' | 'disconnectWhenIdle' | 'warnBefore' | 'extendBy', off: Key | null) => (
    <Period label={t(`profile.${member}`)} help={t(`profile.${member}Help`)} seconds={value[member]} off={off && t(off)} disabled={fixed} error={snake(member)} change={(seconds) => change({ [member]: seconds })} />
  )
  return (
    <div className="stack fields">
      {isNew && (
        <Field label={t('doc.name')} help={t('profile.nameHelp')} error={wrong('name')}>
          {(wiring) => <input {...wiring} {...text('name')} className="input" maxLength={64} />}
        </Field>
      )}
      <Field label={t('doc.description')}>{(wiring) => <input {...wiring} {...text('description')} className="input" />}</Field>
      {value.name === DEFAULT ? (
        <p className="quiet small">{t('profile.everybodys')}</p>
      ) : (
        <>
          <Words label={t('bm.groups')} help={t('profile.groupsHelp')} values={value.groups} off={fixed} change={(groups) => change({ groups })} error={wrong('groups')} />
          <label className="choice">
            <input type="checkbox" checked={value.hidden} disabled={fixed} onChange={(event) => change({ hidden: event.target.checked })} />
            <span>
              {t('profile.hidden')}
              <span className="quiet small">{t('profile.hiddenHelp')}</span>
            </span>
          </label>
        </>
      )}
      <div className="two">
        <Field label={t('profile.size')} help={t('profile.sizeHelp')} error={snake('geometry')}>
          {(wiring) => <input {...wiring} {...text('geometry')} className="input" />}
        </Field>
        <Field label={t('profile.largest')} help={t('profile.largestHelp')} error={snake('maximumGeometry')}>
          {(wiring) => <input {...wiring} {...text('maximumGeometry')} className="input" />}
        </Field>
        {period('endAfterDisconnected', 'profile.never')}
        {period('disconnectWhenIdle', 'profile.never')}
        {period('warnBefore', null)}
        {period('extendBy', null)}
        <Field label={t('bar.clipboard')} error={wrong('clipboard')}>
          {(wiring) => (
            <select {...wiring} className="input" value={value.clipboard} disabled={fixed} onChange={(event) => change({ clipboard: event.target.value })}>
              {CLIPBOARD.map((mode) => (
                <option key={mode} value={mode}>
                  {t(`profile.clipboard.${mode}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t('profile.windowManager')} help={t('profile.windowManagerHelp')} error={snake('windowManager')}>
          {(wiring) => <input {...wiring} {...text('windowManager')} className="input" />}
        </Field>
        <Field label={t('profile.display')} error={wrong('display')}>
          {(wiring) => <input {...wiring} {...text('display')} className="input" />}
        </Field>
      </div>
      <label className="choice">
        <input type="checkbox" checked={value.openGl} disabled={fixed} onChange={(event) => change({ openGl: event.target.checked })} />
        <span>
          {t('profile.openGl')}
          <span className="quiet small">{t('profile.openGlHelp')}</span>
        </span>
      </label>
      <Scripts fields={fields} />
      <p className="quiet small">{t('profile.newOnly')}</p>
    </div>
  )
}

/** Closed unless one is set: most profiles have none. */
function Scripts({ fields: { value, change, fixed, wrong } }: { fields: Fields<ProfileDocument> }) {
  const [open] = useState(SCRIPTS.some((member) => value[member].trim() !== ''))
  const errorOf = (member: (typeof SCRIPTS)[number]) => wrong(member.replace('on', 'on_').toLowerCase())
  return (
    <details open={open || SCRIPTS.some(errorOf) || undefined}>
      <summary>{t('profile.scripts')}</summary>
      <div className="stack">
        <p className="quiet small">{t('profile.scriptsHelp')}</p>
        {SCRIPTS.map((member) => (
          <Field key={member} label={t(`profile.${member}`)} help={t(`profile.${member}Help`)} error={errorOf(member)}>
            {(wiring) => (
              <textarea
                {...wiring}
                className="input mono"
                rows={Math.min(12, value[member].split('\n').length + 1)}
                value={value[member]}
                readOnly={fixed}
                onChange={(event) => change({ [member]: event.target.value })}
                autoCapitalize="off"
                spellCheck={false}
              />
            )}
          </Field>
        ))}
      </div>
    </details>
  )
}
