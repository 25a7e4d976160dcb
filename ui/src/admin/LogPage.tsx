/** The server's log, line by line as it is written. */

import { useEffect, useLayoutEffect, useRef, useState } from 'react'

import { asProblem, type Problem } from '../api/problem'
import { follow } from '../api/stream'
import { Failure, Forbidden } from '../parts/states'
import { t } from '../strings/t'

const KEPT = 2_000
const LEVELS = ['debug', 'info', 'warning', 'error'] as const
type Level = (typeof LEVELS)[number]

/** A line of the log, whatever the server makes it of. */
export interface Line {
  level: Level
  text: string
}

export function lineOf(data: string): Line {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    value = data
  }
  const record = value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null
  const text = record ? wordsOf(record) : String(value)
  const word = String(record?.['level'] ?? /\b(debug|info|warning|warn|error|critical)\b/i.exec(text)?.[1] ?? 'info').toLowerCase()
  const level = word === 'warn' ? 'warning' : word === 'critical' ? 'error' : (LEVELS.find((one) => one === word) ?? 'info')
  return { level, text }
}

function wordsOf(record: Record<string, unknown>): string {
  const { timestamp, level, event, line, message, at: _, ...rest } = record
  const more = Object.entries(rest)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [timestamp, level, event ?? message ?? line, ...more].filter((part) => part !== undefined && part !== '').join(' ')
}

export function LogPage() {
  const [lines, setLines] = useState<Line[]>([])
  const [least, setLeast] = useState<Level>('debug')
  const [words, setWords] = useState('')
  const [live, setLive] = useState(true)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [attempt, setAttempt] = useState(0)
  const pane = useRef<HTMLPreElement>(null)

  useEffect(() => {
    const stop = new AbortController()
    let again: ReturnType<typeof setTimeout> | undefined
    let waiting: Line[] = []
    let frame = 0
    // a burst of lines is one change of the page
    const take = (line: Line) => {
      waiting.push(line)
      frame ||= requestAnimationFrame(() => {
        frame = 0
        const some = waiting
        waiting = []
        setLines((before) => [...before, ...some].slice(-KEPT))
      })
    }
    const run = async () => {
      try {
        await follow('log', (message) => message.data && take(lineOf(message.data)), {
          query: { follow: '1' },
          signal: stop.signal,
          opened: () => {
            setProblem(null)
            setLines([])
          },
        })
      } catch (error) {
        if (stop.signal.aborted) return
        setProblem(asProblem(error))
      }
      if (!stop.signal.aborted) again = setTimeout(run, 3_000)
    }
    void run()
    return () => {
      stop.abort()
      clearTimeout(again)
      cancelAnimationFrame(frame)
    }
  }, [attempt])
  useLayoutEffect(() => {
    if (live && pane.current) pane.current.scrollTop = pane.current.scrollHeight
  }, [lines, live, least, words])

  if (problem?.status === 403) return <Forbidden what={problem.detail} />
  const shown = lines.filter((line) => LEVELS.indexOf(line.level) >= LEVELS.indexOf(least) && line.text.toLowerCase().includes(words.toLowerCase()))
  return (
    <>
      <h1>{t('page.log')}</h1>
      {problem && !problem.loggedOut && <Failure error={problem} retry={() => setAttempt(attempt + 1)} />}
      <div className="row wrap">
        <input type="search" className="input filter" aria-label={t('log.filter')} placeholder={t('log.filter')} value={words} onChange={(event) => setWords(event.target.value)} />
        <select className="input auto" aria-label={t('log.level')} value={least} onChange={(event) => setLeast(event.target.value as Level)}>
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              {t(`level.${level}`)}
            </option>
          ))}
        </select>
        <label className="choice inline">
          <input type="checkbox" checked={live} onChange={(event) => setLive(event.target.checked)} />
          <span>{t('log.follow')}</span>
        </label>
      </div>
      <pre
        ref={pane}
        className="log tall"
        tabIndex={0}
        aria-label={t('page.log')}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
          if (scrollHeight - scrollTop - clientHeight > 60 && live) setLive(false)
        }}
      >
        {shown.length === 0 && <span className="quiet">{t('log.nothing')}</span>}
        {shown.map((line, index) => (
          <span key={index} className={`line ${line.level}`}>
            {line.text}
            {'\n'}
          </span>
        ))}
      </pre>
    </>
  )
}
