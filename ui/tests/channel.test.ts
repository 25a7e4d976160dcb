import { expect, test } from 'vitest'

import { Channel, type Closed, type Control } from '../src/viewer/channel'

class Socket {
  readyState = 1
  protocol = 'binary'
  binaryType = 'blob'
  sent: unknown[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: Closed) => void) | null = null
  onerror: (() => void) | null = null
  send(data: unknown) {
    this.sent.push(data)
  }
  close() {
    this.readyState = 2
  }
}

function opened() {
  const socket = new Socket()
  const heard: Control[] = []
  const closed: Closed[] = []
  let attach = (_: Channel) => {}
  const channel = new Channel(
    socket as unknown as WebSocket,
    'secret',
    (message, itself) => {
      heard.push(message)
      if (message.type === 'ready') attach(itself)
    },
    (how) => closed.push(how),
  )
  return { socket, heard, closed, channel, onReady: (action: (channel: Channel) => void) => (attach = action) }
}

const bytes = (...values: number[]) => new Uint8Array(values).buffer

test('the ticket is the first message', () => {
  const { socket } = opened()
  socket.onopen?.()
  expect(socket.sent).toEqual(['{"type":"ticket","ticket":"secret"}'])
})

test('who attaches while ready is handled loses no byte', () => {
  const { socket, onReady } = opened()
  const got: number[] = []
  onReady((channel) => (channel.onmessage = ({ data }) => got.push(...new Uint8Array(data))))
  socket.onmessage?.({ data: '{"type":"ready","session":"s","viewOnly":false,"control":true}' })
  socket.onmessage?.({ data: bytes(82, 70) })
  socket.onmessage?.({ data: '{"type":"pong","t":1}' })
  socket.onmessage?.({ data: bytes(66) })
  expect(got).toEqual([82, 70, 66])
})

test('text that nobody understands is let pass', () => {
  const { socket, heard } = opened()
  socket.onmessage?.({ data: 'what?' })
  socket.onmessage?.({ data: '{"type":"something-new"}' })
  expect(heard).toEqual([{ type: 'something-new' }])
})

test('a dropped channel is closed at once and only once', () => {
  const { socket, channel, closed } = opened()
  let told = 0
  channel.onclose = () => told++
  channel.drop('silent')
  socket.onclose?.({ code: 1000, reason: '' })
  expect(closed).toEqual([{ code: 1006, reason: 'silent' }])
  expect([told, channel.readyState]).toEqual([1, 3])
})
