import { expect, test } from 'vitest'

import { Pace } from '../src/viewer/pace'

function paced() {
  const sent: string[] = []
  const timers: (() => void)[] = []
  const pace = new Pace(
    (keysym, _code, down) => sent.push(`${String.fromCodePoint(keysym & 0xffffff)}${down ? '+' : '-'}`),
    (action) => (timers.push(action), 0 as unknown as ReturnType<typeof setTimeout>),
  )
  const type = (text: string) => {
    for (const character of text) {
      const keysym = character.codePointAt(0)!
      for (const down of [true, false]) pace.key(keysym > 0xff ? keysym | 0x01000000 : keysym, null, down)
    }
  }
  return { sent, timers, type }
}

test('ordinary characters go at once', () => {
  const { sent, timers, type } = paced()
  type('ab')
  expect(sent.join(' ')).toBe('a+ a- b+ b-')
  expect(timers).toEqual([])
})

test('after a rare character the next waits, and what comes meanwhile stays behind it', () => {
  const { sent, timers, type } = paced()
  type('日本')
  type('x')
  expect(sent.join(' ')).toBe('日+ 日-')
  timers.shift()!()
  expect(sent.join(' ')).toBe('日+ 日- 本+ 本-')
  timers.shift()!()
  expect(sent.join(' ')).toBe('日+ 日- 本+ 本- x+ x-')
})
