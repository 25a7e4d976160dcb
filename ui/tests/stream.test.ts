import { expect, test, vi } from 'vitest'

vi.stubGlobal('document', { baseURI: 'http://host/prefix/' })
const { parser } = await import('../src/api/stream')

const messages = (pieces: string[]) => {
  const got: { id: string; event: string; data: string }[] = []
  const feed = parser((message) => got.push(message))
  pieces.forEach(feed)
  return got
}

test('a message may be cut anywhere, also between CR and LF', () => {
  const text = 'id: 7\r\nevent: session\r\ndata: {"a":\r\ndata: 1}\r\n\r\n'
  const whole = messages([text])
  expect(whole).toEqual([{ id: '7', event: 'session', data: '{"a":\n1}' }])
  for (let cut = 1; cut < text.length; cut++) expect(messages([text.slice(0, cut), text.slice(cut)])).toEqual(whole)
})

test('comments keep the stream alive and are no messages', () => {
  expect(messages([': here\n\n: here\n\ndata: x\n\n'])).toEqual([{ id: '', event: 'message', data: 'x' }])
})

test('the last id stays in force for messages without one', () => {
  expect(messages(['id: 3\ndata: a\n\ndata: b\n\n']).map((message) => message.id)).toEqual(['3', '3'])
})
