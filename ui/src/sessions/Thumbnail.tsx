/** A live picture of a session: fetched while it is on the screen, less often the longer nothing changes. */

import { useEffect, useRef, useState } from 'react'

import * as api from '../api/client'
import { asProblem } from '../api/problem'
import { Icon } from '../parts/Icon'
import { t } from '../strings/t'

const OFTEN = 3_000
const SELDOM = 24_000

export function Thumbnail({ id, live, name }: { id: string; live: boolean; name: string }) {
  const box = useRef<HTMLDivElement>(null)
  const [picture, setPicture] = useState('')
  const [refused, setRefused] = useState(false)

  useEffect(() => {
    if (!live) return
    let visible = false
    let timer: ReturnType<typeof setTimeout> | undefined
    let wait = OFTEN
    let last = ''
    let shown = ''
    const stop = new AbortController()

    const next = () => {
      clearTimeout(timer)
      timer = undefined
      if (visible && !document.hidden && !stop.signal.aborted) timer = setTimeout(fetchOne, shown ? wait : 0)
    }
    const fetchOne = async () => {
      try {
        const blob = await api.screenshot(id, { width: 320, format: 'webp' }, stop.signal)
        const print = await fingerprint(blob)
        wait = print === last ? Math.min(wait * 1.6, SELDOM) : OFTEN
        if (print !== last) {
          last = print
          const before = shown
          shown = URL.createObjectURL(blob)
          setPicture(shown)
          setTimeout(() => URL.revokeObjectURL(before), 2_000)
        }
        next()
      } catch (error) {
        if (stop.signal.aborted) return
        if (asProblem(error).status === 403) return setRefused(true)
        wait = SELDOM
        timer = setTimeout(fetchOne, shown ? SELDOM : OFTEN)
      }
    }
    const watch = new IntersectionObserver((entries) => {
      visible = entries.at(-1)!.isIntersecting
      if (visible) wait = OFTEN
      next()
    })
    watch.observe(box.current!)
    document.addEventListener('visibilitychange', next)
    return () => {
      stop.abort()
      clearTimeout(timer)
      watch.disconnect()
      document.removeEventListener('visibilitychange', next)
      URL.revokeObjectURL(shown)
    }
  }, [id, live])

  return (
    <div ref={box} className={live ? 'thumb' : 'thumb still'}>
      {picture && !refused ? (
        <img src={picture} alt={t('thumb.of', { name })} width={320} height={200} />
      ) : (
        <span className="thumb-none">
          <Icon name="sessions" />
        </span>
      )}
    </div>
  )
}

async function fingerprint(blob: Blob): Promise<string> {
  // crypto.subtle is there in secure contexts only; the length alone then has to do
  if (!crypto.subtle) return String(blob.size)
  const digest = await crypto.subtle.digest('SHA-1', await blob.arrayBuffer())
  return [...new Uint8Array(digest)].join()
}
