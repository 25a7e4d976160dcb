/** Times, amounts and states in words. */

import { language, number, t, type Key } from '../strings/t'
import type { Session, State } from '../api/types'

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, 'second'], [3600, 'minute'], [86_400, 'hour'], [604_800, 'day'], [2_629_800, 'week'], [31_557_600, 'month'],
  [Infinity, 'year'],
] // prettier-ignore

/** "3 minutes ago", "in 2 hours". */
export function relative(at: number, now: number): string {
  const away = at - now
  if (Math.abs(away) < 5) return t('time.now')
  let size = 1
  for (const [below, unit] of STEPS) {
    if (Math.abs(away) < below) return format(language).format(Math.trunc(away / size), unit)
    size = below
  }
  return exact(at)
}

const format = (tag: string) => new Intl.RelativeTimeFormat(tag, { numeric: 'auto', style: 'long' })

export const exact = (at: number): string =>
  new Date(at * 1000).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'medium' })

/** "12 ms", "3.2 s", "4 min 10 s", "2 h 5 min", "3 d 4 h". */
/** The time of day, with the day where it is another one. */
export function clock(at: number, now: number): string {
  const date = new Date(at * 1000)
  const same = date.toDateString() === new Date(now * 1000).toDateString()
  return date.toLocaleString(language, { ...(!same && { weekday: 'short', day: 'numeric', month: 'short' }), hour: 'numeric', minute: '2-digit' })
}

export function duration(seconds: number): string {
  if (seconds < 0.0005) return seconds > 0 ? '< 1 ms' : '0 ms'
  if (seconds < 1) return `${number(seconds * 1000, seconds < 0.01 ? 1 : 0)} ms`
  if (seconds < 60) return `${number(seconds, 1)} s`
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'], [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'], [Math.floor(seconds) % 60, 's'],
  ] // prettier-ignore
  return parts
    .filter(([count]) => count > 0)
    .slice(0, 2)
    .map(([count, unit]) => `${number(count)} ${unit}`)
    .join(' ')
}

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let size = count
  let unit = 0
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  return `${number(size, size < 10 && unit > 1 ? 1 : 0)} ${units[unit]}`
}

export const percent = (value: number): string => `${number(value, value < 10 ? 1 : 0)} %`

/** What to call it: its name, else its command. */
export const titleOf = (session: Pick<Session, 'name' | 'command' | 'id'>): string =>
  session.name || session.command || session.id

/** Nobody wanted it any more before it was ready. */
export const cancelled = (session: Session): boolean =>
  session.state === 'ended' && session.started === null && session.cause === 'terminated'

/** Ended without ever having been ready, and not because somebody wanted that. */
export const startFailed = (session: Session): boolean =>
  session.state === 'ended' && session.started === null && !cancelled(session)

/** It waits for somebody else to start it: a job scheduler, a script. */
export const queued = (session: Session): boolean =>
  session.state === 'pending' && session.launcher !== 'direct' && (session.job !== null || session.message !== null)

export const stateWord = (session: Session): string =>
  startFailed(session) ? t('state.failed') : cancelled(session) ? t('state.cancelled') : queued(session) ? t('state.queued') : t(`state.${session.state}` as Key)

export const LIVE: ReadonlySet<State> = new Set<State>(['pending', 'running', 'suspended', 'ending', 'lost'])
export const CONNECTABLE: ReadonlySet<State> = new Set<State>(['running', 'suspended'])
