/** A time in the person's words and zone, with the exact one on hover; it counts on by itself. */

import { useEffect, useState } from 'react'

import { exact, relative } from '../app/words'

export const seconds = (): number => Date.now() / 1000

export function useNow(every: number): number {
  const [now, setNow] = useState(seconds)
  useEffect(() => {
    const timer = setInterval(() => setNow(seconds()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}

export function Time({ at }: { at: number }) {
  const now = useNow(Math.abs(seconds() - at) < 120 ? 5_000 : 30_000)
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={exact(at)}>
      {relative(at, now)}
    </time>
  )
}
