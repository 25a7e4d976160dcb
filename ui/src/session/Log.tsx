/** The output of a session's command. It follows while its end is in sight. */

import { useQuery } from '@tanstack/react-query'
import { useLayoutEffect, useRef, useState } from 'react'

import * as api from '../api/client'
import { bytes } from '../app/words'
import { Loaded } from '../parts/states'
import { t } from '../strings/t'

const SIZES = [65_536, 262_144, 1_048_576]

export function Log({ id, live }: { id: string; live: boolean }) {
  const [size, setSize] = useState(SIZES[0]!)
  const [follow, setFollow] = useState(true)
  const query = useQuery({
    queryKey: ['log', id, size],
    queryFn: () => api.log(id, size),
    refetchInterval: live && follow ? 2_000 : false,
    placeholderData: (before) => before,
  })
  const pane = useRef<HTMLPreElement>(null)
  useLayoutEffect(() => {
    if (follow && pane.current) pane.current.scrollTop = pane.current.scrollHeight
  }, [follow, query.data])

  return (
    <Loaded query={query} loading={t('load.log')}>
      {(log) => (
        <div className="stack">
          <div className="row wrap">
            {live && (
              <label className="choice inline">
                <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} />
                <span>{t('log.follow')}</span>
              </label>
            )}
            <span className="quiet small grow">{log.size > size ? t('log.last', { shown: bytes(size), all: bytes(log.size) }) : bytes(log.size)}</span>
            {log.size > size && size < SIZES.at(-1)! && (
              <button type="button" className="button small" onClick={() => setSize(SIZES[SIZES.indexOf(size) + 1]!)}>
                {t('log.more')}
              </button>
            )}
          </div>
          {log.log ? (
            <pre
              ref={pane}
              className="log tall"
              tabIndex={0}
              aria-label={t('tab.log')}
              onScroll={(event) => {
                const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
                if (scrollHeight - scrollTop - clientHeight > 40 && follow) setFollow(false)
              }}
            >
              {log.log}
            </pre>
          ) : (
            <p className="quiet">{t('log.none')}</p>
          )}
        </div>
      )}
    </Loaded>
  )
}
