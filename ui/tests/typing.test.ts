import { expect, test, vi } from 'vitest'

vi.stubGlobal('window', new EventTarget())
vi.stubGlobal('document', { createElement: () => ({ style: { cursor: '' } }), documentElement: {} })
vi.mock('#novnc/input/keyboard.js', () => ({ default: class {} }))
const { difference } = await import('../src/viewer/typing')
const { keysymOf, keysymsOf } = await import('../src/viewer/keysyms')

test('Latin-1 is its own keysym, the rest of Unicode has the offset or a name of old', () => {
  expect(keysymOf(0xfc)).toBe(0xfc)
  expect(keysymOf('€'.codePointAt(0)!)).toBe(0x20ac)
  expect(keysymOf('日'.codePointAt(0)!)).toBe(0x010065e5)
  expect(keysymOf('😀'.codePointAt(0)!)).toBe(0x0101f600)
})

test('a line end is one Return, however it is written', () => {
  expect(keysymsOf('a\r\nb\n\t')).toEqual([0x61, 0xff0d, 0x62, 0xff0d, 0xff09])
})

test('what an input method changed is backspaces and characters', () => {
  expect(difference('··', '··ü')).toEqual({ back: 0, added: 'ü' })
  expect(difference('··', '·')).toEqual({ back: 1, added: '' })
  expect(difference('··teh', '··the')).toEqual({ back: 2, added: 'he' })
})

test('characters of two halves are deleted and typed whole', () => {
  expect(difference('·😀', '·')).toEqual({ back: 1, added: '' })
  expect(difference('·😀', '·😁')).toEqual({ back: 1, added: '😁' })
})
