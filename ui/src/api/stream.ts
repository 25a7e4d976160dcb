/**
 * Server-sent events over fetch. EventSource cannot send Last-Event-ID with its first request, and hides why it failed.
 */

import { call } from './client'

export interface Message {
  id: string
  event: string
  data: string
}

/** Cuts text into messages; text may end anywhere, also within a line. */
export function parser(take: (message: Message) => void): (text: string) => void {
  let rest = ''
  let message: Message = { id: '', event: 'message', data: '' }
  let lines = 0
  return (text) => {
    rest += text
    for (;;) {
      const end = /\r\n|\n|\r(?=[^])/.exec(rest)
      if (!end) return
      const line = rest.slice(0, end.index)
      rest = rest.slice(end.index + end[0].length)
      if (line === '') {
        if (lines) take(message)
        message = { id: message.id, event: 'message', data: '' }
        lines = 0
        continue
      }
      const [, name = '', value = ''] = /^([^:]*):? ?([^]*)$/.exec(line) ?? []
      if (name === 'data') {
        message.data += lines++ ? `\n${value}` : value
      } else if (name === 'id') message.id = value
      else if (name === 'event') message.event = value
    }
  }
}

/** The server sends a comment every 15 s: longer silence than this is a dead connection that nobody has told us about. */
const SILENCE = 45_000

/** Reads until the stream ends, which is normal, or fails. */
export async function follow(
  path: string,
  take: (message: Message) => void,
  options: { lastEventId?: string; query?: Record<string, string>; signal: AbortSignal; opened?: () => void },
): Promise<void> {
  const headers: Record<string, string> = { Accept: 'text/event-stream' }
  if (options.lastEventId) headers['Last-Event-ID'] = options.lastEventId
  const answer = await call('GET', path, { headers, signal: options.signal, ...(options.query && { query: options.query }) })
  options.opened?.()
  const feed = parser(take)
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  let watch: ReturnType<typeof setTimeout> | undefined
  try {
    for (;;) {
      watch = setTimeout(() => void reader.cancel(), SILENCE)
      const { done, value } = await reader.read()
      clearTimeout(watch)
      if (done) return
      feed(value)
    }
  } finally {
    clearTimeout(watch)
  }
}
