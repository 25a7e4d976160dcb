/** Sessions › Forms: the forms, those asked by default, and the functions that choose among them. */

import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { defaultForms, forms, putDefaultForms } from '../../api/administered'
import { asProblem, type Problem } from '../../api/problem'
import { Link } from '../../app/router'
import { announce } from '../../parts/announce'
import { Icon } from '../../parts/Icon'
import { Failure, Loaded } from '../../parts/states'
import { t } from '../../strings/t'
import { FunctionList, FunctionPane } from '../functions/FunctionsPage'
import { BackLink, ListPage, Nothing } from '../parts/ListPage'
import { Order } from '../parts/Order'
import { RowLinks } from '../parts/RowLinks'
import { useDocuments } from '../parts/useDocuments'
import { FormEditor } from './FormEditor'

const BASE = 'system/forms'
const TABS = ['forms', 'default', 'functions'] as const

export function FormsPage({ rest }: { rest: string }) {
  const [first, ...more] = rest.split('/')
  const tab = TABS.find((one) => one === first) ?? 'forms'
  const tabs = (
    <nav className="tabs" aria-label={t('forms.parts')}>
      {TABS.map((one) => (
        <Link key={one} to={one === 'forms' ? BASE : `${BASE}/${one}`} aria-current={one === tab ? 'page' : undefined}>
          {t(`forms.tab.${one}`)}
        </Link>
      ))}
    </nav>
  )
  if (tab === 'default')
    return (
      <>
        <h1>{t('page.forms')}</h1>
        {tabs}
        <DefaultForms />
      </>
    )
  if (tab === 'functions') {
    const place = { base: `${BASE}/functions`, rest: more.join('/'), kinds: ['form-filter', 'server-list'] }
    return (
      <>
        <h1>{t('page.forms')}</h1>
        {tabs}
        <div className={place.rest ? 'master open' : 'master'}>
          <div className="master-list">
            <FunctionList {...place} />
          </div>
          <div className="master-one">
            {place.rest && <BackLink to={place.base} />}
            <FunctionPane {...place} />
          </div>
        </div>
      </>
    )
  }
  // a form may be called as a tab is: then it stands below this
  const id = first === 'form' && more.length ? more.join('/') : ''
  return (
    <ListPage title={t('page.forms')} about={t('forms.about')} open={id !== ''} back={BASE} list={<FormList now={id} />} tabs={tabs}>
      <One id={id} />
    </ListPage>
  )
}

const pathOf = (id: string) => (id ? `${BASE}/form/${encodeURIComponent(id)}` : BASE)

function FormList({ now }: { now: string }) {
  return (
    <Loaded query={useDocuments(forms)} loading={t('load.forms')}>
      {(all) => (
        <>
          <Link className="button small" to={pathOf('new')}>
            <Icon name="plus" />
            {t('forms.new')}
          </Link>
          {all.length === 0 ? (
            <Nothing title={t('forms.none')} text={t('forms.noneText')} />
          ) : (
            <RowLinks label={t('page.forms')} rows={all.map((form) => ({ id: form.id, to: pathOf(form.id), now: now === form.id, name: form.name, note: form.fixed ? t('doc.fromFile') : form.id }))} />
          )}
        </>
      )}
    </Loaded>
  )
}

function One({ id }: { id: string }) {
  const query = useDocuments(forms)
  if (!id) return <p className="quiet master-hint">{t('forms.choose')}</p>
  return (
    <Loaded query={query} loading={t('load.forms')}>
      {(all) => {
        const saved = all.find((form) => form.id === id)
        if (!saved && id !== 'new') return <Nothing title={t('doc.gone')} text={t('doc.goneText')} />
        return <FormEditor key={id} saved={saved} taken={all.map((form) => form.id)} pathOf={pathOf} />
      }}
    </Loaded>
  )
}

function DefaultForms() {
  const client = useQueryClient()
  const all = useDocuments(forms)
  const query = useQuery({ queryKey: ['default-forms'], queryFn: defaultForms })
  const [draft, setDraft] = useState<string[] | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const save = async () => {
    setProblem(null)
    try {
      client.setQueryData(['default-forms'], await putDefaultForms(draft!))
      setDraft(null)
      announce(t('doc.savedSay', { name: t('forms.tab.default') }))
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  return (
    <Loaded query={all} loading={t('load.forms')}>
      {(list) => (
        <Loaded query={query} loading={t('load.forms')}>
          {(chosen) => (
            <div className="stack">
              <h2>{t('forms.tab.default')}</h2>
              <p className="quiet">{t('forms.defaultAbout')}</p>
              {problem && <Failure error={problem} />}
              <Order
                all={list.map((form) => ({ id: form.id, name: form.name, note: form.description }))}
                chosen={draft ?? chosen}
                change={setDraft}
                available={t('forms.available')}
                used={t('forms.asked')}
                nothing={t('forms.noneAsked')}
              />
              {draft !== null && (
                <div className="row">
                  <button type="button" className="button primary" onClick={() => void save()}>
                    {t('do.save')}
                  </button>
                  <button type="button" className="button" onClick={() => setDraft(null)}>
                    {t('doc.discard')}
                  </button>
                  <span className="quiet small">{t('doc.unsaved')}</span>
                </div>
              )}
            </div>
          )}
        </Loaded>
      )}
    </Loaded>
  )
}
