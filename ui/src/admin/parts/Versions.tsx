/** The versions of a document: when, by whom, what changed; going back is a click. */

import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import type { Kept, Resource, Version } from '../../api/administered'
import { exact } from '../../app/words'
import { Dialog } from '../../parts/Dialog'
import { Loaded } from '../../parts/states'
import { Time } from '../../parts/Time'
import { t } from '../../strings/t'
import { Diff } from './Diff'
import { asText } from './diff'

interface VersionsProps<D extends Kept> {
  resource: Resource<D>
  id: string
  name: string
  /** What is in force now; undefined when it has been deleted. */
  present: D | undefined
  fixed: boolean
  onClose: () => void
  /** Saves this document in place of the present one. */
  back: (document: D) => Promise<boolean>
}

export function Versions<D extends Kept>({ resource, id, name, present, fixed, onClose, back }: VersionsProps<D>) {
  const query = useQuery({ queryKey: ['versions', resource.bucket, id], queryFn: () => resource.versions(id), staleTime: 0 })
  const [chosen, setChosen] = useState(0)
  const [busy, setBusy] = useState(false)
  return (
    <Dialog title={t('versions.of', { name })} onClose={onClose} wide light>
      <Loaded query={query} loading={t('load.versions')}>
        {(versions) => {
          const version = versions[chosen]
          return versions.length === 0 || !version ? (
            <p className="quiet">{t('versions.none')}</p>
          ) : (
            <div className="versions">
              <ol className="versions-list" aria-label={t('versions.title')}>
                {versions.map((one, index) => (
                  <li key={index}>
                    <button type="button" className="version" aria-pressed={index === chosen} title={exact(one.at)} onClick={() => setChosen(index)}>
                      <span className="strong">{index === 0 ? t('versions.present') : <Time at={one.at} />}</span>
                      <span className="quiet small">{one.document === null ? t('versions.deletedBy', { by: one.by }) : t('versions.by', { by: one.by })}</span>
                    </button>
                  </li>
                ))}
              </ol>
              <div className="stack">
                <div className="row wrap">
                  <p className="grow quiet small">{exact(version.at)}</p>
                  {version.document !== null && chosen > 0 && !fixed && (
                    <button
                      type="button"
                      className="button primary small"
                      aria-disabled={busy}
                      onClick={() => {
                        setBusy(true)
                        void back(version.document!).then((done) => (done ? onClose() : setBusy(false)))
                      }}
                    >
                      {t('versions.back')}
                    </button>
                  )}
                </div>
                <Compared versions={versions} chosen={chosen} present={present} />
              </div>
            </div>
          )
        }}
      </Loaded>
    </Dialog>
  )
}

type Against = 'before' | 'present'

function Compared<D extends Kept>({ versions, chosen, present }: { versions: Version<D>[]; chosen: number; present: D | undefined }) {
  const [against, setAgainst] = useState<Against>('before')
  const version = versions[chosen]!
  const earlier = versions[chosen + 1]?.document
  return (
    <>
      <fieldset className="segments">
        <legend className="unseen">{t('versions.compare')}</legend>
        {(['before', 'present'] as const).map((one) => (
          <label key={one}>
            <input type="radio" name="against" checked={against === one} onChange={() => setAgainst(one)} />
            <span>{t(`versions.${one === 'before' ? 'sinceBefore' : 'toPresent'}`)}</span>
          </label>
        ))}
      </fieldset>
      {against === 'before' ? (
        <Diff before={asText(earlier)} after={asText(version.document)} label={t('versions.sinceBefore')} />
      ) : (
        <Diff before={asText(version.document)} after={asText(present)} label={t('versions.toPresent')} />
      )}
    </>
  )
}
