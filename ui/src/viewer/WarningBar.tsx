/** An end that is announced: what will happen, when, and the button that keeps it from happening. */

import { useEffect } from 'react'

import { useStore } from '../app/store'
import { announce } from '../parts/announce'
import { useNow } from '../parts/Time'
import { t, type Key } from '../strings/t'
import type { Link } from './link'

export function WarningBar({ link, focusPicture }: { link: Link; focusPicture: () => void }) {
  const warning = useStore(link.warning)
  const now = useNow(1_000)
  const kind = warning?.kind
  useEffect(() => {
    if (kind) announce(t(`warning.${kind}` as Key, { time: '' }))
  }, [kind])
  if (!warning) return null
  const left = Math.max(0, Math.round(warning.at - now))
  const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`
  return (
    <div className="viewer-warning" role="group" aria-label={t('warning.title')}>
      <p>
        {t(`warning.${warning.kind}` as Key, { time })}
        {warning.detail ? ` ${warning.detail}` : ''}
      </p>
      {warning.extendable && (
        <button
          type="button"
          className="button primary"
          onClick={() => {
            link.stay()
            focusPicture()
          }}
        >
          {t('warning.stay')}
        </button>
      )}
    </div>
  )
}
