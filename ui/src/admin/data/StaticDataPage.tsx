/** Local system › Static data: what administrators say about a server, as a JSON object that goes with its record. */

import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { type StaticData, staticData } from '../../api/administered'
import * as api from '../../api/client'
import { Loaded } from '../../parts/states'
import { t } from '../../strings/t'
import { DocumentEditor } from '../parts/DocumentEditor'
import { Json } from '../parts/Json'
import { ListPage } from '../parts/ListPage'
import { RowLinks } from '../parts/RowLinks'
import { useDocuments } from '../parts/useDocuments'

const BASE = 'system/static-data'

export function StaticDataPage({ rest }: { rest: string }) {
  const query = useDocuments(staticData)
  const servers = useQuery({ queryKey: ['servers'], queryFn: async () => (await api.servers()).servers })
  const ids = (all: StaticData[]) => [...new Set([...(servers.data ?? []).map((one) => one.serverId), ...all.map((one) => one.id)])].sort()
  const only = query.data && servers.data ? ids(query.data) : []
  const now = rest || (only.length === 1 ? only[0]! : '')
  const list = (
    <Loaded query={query} loading={t('load.data')}>
      {(all) => (
        <RowLinks
          label={t('page.servers')}
          rows={ids(all).map((id) => {
            const one = all.find((other) => other.id === id)
            const names = Object.keys(one?.data ?? {})
            return { id, to: `${BASE}/${encodeURIComponent(id)}`, now: id === now, name: id, note: one?.fixed ? t('doc.fromFile') : names.length ? names.join(', ') : t('data.none') }
          })}
        />
      )}
    </Loaded>
  )
  return (
    <ListPage title={t('page.staticData')} about={t('data.about')} open={rest !== ''} back={BASE} list={list}>
      {now === '' ? (
        <p className="quiet master-hint">{t('data.choose')}</p>
      ) : (
        <Loaded query={query} loading={t('load.data')}>
          {(all) => <One key={now} id={now} saved={all.find((one) => one.id === now)} />}
        </Loaded>
      )}
    </ListPage>
  )
}

function One({ id, saved }: { id: string; saved: StaticData | undefined }) {
  const [valid, setValid] = useState(true)
  const shown = saved ?? { id, data: {}, revision: 0, fixed: null }
  return (
    <DocumentEditor resource={staticData} saved={shown} blank={shown} taken={[]} removable={saved !== undefined} pathOf={(one) => (one ? `${BASE}/${encodeURIComponent(one)}` : BASE)} nameOf={() => id} withId={(value) => ({ ...value, id })}>
      {({ value, change, fixed, wrong }) => (
        <div className="stack">
          <p className="quiet">{t('data.help')}</p>
          <Json label={t('data.of', { server: id })} value={value.data} change={fixed ? undefined : (data) => change({ data })} valid={setValid} error={wrong('data') ?? wrong('params')} />
          {!valid && <p className="quiet small">{t('json.notTaken')}</p>}
          <details>
            <summary>{t('data.examples')}</summary>
            <ul className="bullets">
              {(['gpu', 'users', 'group', 'login'] as const).map((name) => (
                <li key={name}>{t(`data.example.${name}`)}</li>
              ))}
            </ul>
          </details>
        </div>
      )}
    </DocumentEditor>
  )
}
