/** Characters to keysyms, and the keys that a browser keeps for itself. */

import keysyms from '#novnc/input/keysymdef.js'

const CONTROLS: Record<number, number> = { 8: 0xff08, 9: 0xff09, 10: 0xff0d, 13: 0xff0d, 27: 0xff1b, 127: 0xffff }

export const BACKSPACE = 0xff08

/** The keysym of one character; all of Unicode has one (X11 protocol, appendix A: 0x01000000 + code point). */
export const keysymOf = (codepoint: number): number => CONTROLS[codepoint] ?? keysyms.lookup(codepoint)

/** One keysym for each character; a line end of two characters is one key. */
export const keysymsOf = (text: string): number[] =>
  [...text.replace(/\r\n/g, '\n')].map((character) => keysymOf(character.codePointAt(0)!))

export interface Key {
  keysym: number
  code: string
  label: string
}

const key = (label: string, keysym: number, code: string): Key => ({ label, keysym, code })

export const KEYS = {
  ctrl: key('Ctrl', 0xffe3, 'ControlLeft'),
  alt: key('Alt', 0xffe9, 'AltLeft'),
  shift: key('Shift', 0xffe1, 'ShiftLeft'),
  super: key('Super', 0xffeb, 'MetaLeft'),
  tab: key('Tab', 0xff09, 'Tab'),
  esc: key('Esc', 0xff1b, 'Escape'),
  del: key('Del', 0xffff, 'Delete'),
  print: key('PrtSc', 0xff61, 'PrintScreen'),
  menu: key('Menu', 0xff67, 'ContextMenu'),
} as const

export const STICKY = [KEYS.ctrl, KEYS.alt, KEYS.shift, KEYS.super]
export const PLAIN = [KEYS.esc, KEYS.tab, KEYS.del, KEYS.print, KEYS.menu]
export const FUNCTION_KEYS = Array.from({ length: 12 }, (_, index) => key(`F${index + 1}`, 0xffbe + index, `F${index + 1}`))
