/** The connection's quality: bars in the bar, the figures beside them. */

import { useEffect, useState } from 'react'

import { useStore } from '../app/store'
import { number, t, type Key } from '../strings/t'
import type { Link } from './link'
import { type Figures, grade, type Meter } from './meter'

export function QualityFigures({ meter, link }: { meter: Meter; link: Link }) {
  const [figures, setFigures] = useState<Figures>({ roundTrip: null, frames: 0, megabits: 0 })
  const state = useStore(link.state).now
  useEffect(() => {
    const timer = setInterval(() => setFigures(meter.read()), 1_000)
    return () => clearInterval(timer)
  }, [meter])
  const now = state === 'connected' ? grade(figures.roundTrip) : 'none'
  const words = [
    t(`grade.${now}` as Key),
    figures.roundTrip === null ? '' : t('figures.roundTrip', { ms: number(figures.roundTrip * 1000, 0) }),
    t('figures.frames', { n: Math.round(figures.frames) }),
    t('figures.megabits', { mbit: number(figures.megabits, figures.megabits < 10 ? 1 : 0) }),
  ].filter(Boolean)
  return (
    <span className={`quality ${now}`} title={words.join(' · ')}>
      <svg viewBox="0 0 16 12" width="16" height="12" aria-hidden="true">
        {[0, 1, 2].map((bar) => (
          <rect key={bar} x={bar * 5.5} y={8 - bar * 4} width="4" height={4 + bar * 4} rx="1" className={bar < { good: 3, fair: 2, poor: 1, none: 0 }[now] ? 'on' : ''} />
        ))}
      </svg>
      <span className="quality-words">{words.slice(1).join(' · ')}</span>
      <span className="unseen">{words[0]}</span>
    </span>
  )
}
