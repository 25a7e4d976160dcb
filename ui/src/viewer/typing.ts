/**
 * From the browser's keyboard to keysyms, so that every character that can be typed arrives.
 *
 * A hidden text field has the focus. Keys with a plain meaning come as key events and are sent as they go down and up.
 * Whatever a browser makes otherwise (input methods, dead keys, touch keyboards, emoji pickers) it writes into the field;
 * that text is then sent as keysyms, a key for each character.
 *
 * Printable keys go without their position on the keyboard: a display that heeds it would take the position alone, and a
 * browser with another layout than the session's would type other characters. Shortcuts, modifiers and the rest have it,
 * but AltGr: where the session's layout has none, its position is Alt.
 */

import Keyboard from '#novnc/input/keyboard.js'

import { BACKSPACE, keysymsOf } from './keysyms'
import { Pace } from './pace'

export interface Typed {
  /** `code` null: by the keysym alone. */
  key(keysym: number, code: string | null, down: boolean): void
  /** The keys that leave the viewer were pressed. */
  leave(): void
  /** Text came from the browser's clipboard with the keys that paste. */
  paste(text: string): void
  /** What an input method is composing, to be shown while it does. */
  composing(text: string): void
}

/** A key that pastes, held back until the browser has given its clipboard. */
interface Wanted {
  key: string
  code: string
}

const LEVEL3 = 0xfe03
const INSERT = 0xff63
/** Kept in the field so that a touch keyboard's backspace has something to delete. */
const FILL = '\u00b7'.repeat(64)
const PASTE_WAIT = 60

const printable = (keysym: number): boolean => (keysym >= 0x20 && keysym < 0xfe00) || keysym >= 0x01000000

/** What was deleted before the end and what was added, between two contents of the field. */
export function difference(before: string, after: string): { back: number; added: string } {
  let same = 0
  while (same < before.length && same < after.length && before[same] === after[same]) same++
  // not between the halves of a character
  if (same > 0 && /[\ud800-\udbff]/.test(before[same - 1]!)) same--
  return { back: [...before.slice(same)].length, added: after.slice(same) }
}

export class Typing {
  private readonly keyboard: Keyboard
  private before = FILL
  private composed = false
  private modified = false
  /** Keys that went down without their position, and must go up so. */
  private readonly bare = new Set<string>()
  private chord = ''
  private wanted: Wanted | null = null
  private pasting: ReturnType<typeof setTimeout> | undefined
  private readonly pace: Pace
  private readonly stop = new AbortController()

  constructor(
    private readonly field: HTMLTextAreaElement,
    private readonly typed: Typed,
    /** A touch keyboard composes every word; waiting for its end would hide what is typed. */
    private readonly live: boolean,
  ) {
    this.pace = new Pace((keysym, code, down) => typed.key(keysym, code, down))
    const options = { signal: this.stop.signal }
    field.addEventListener('keydown', (event) => this.down(event), options)
    field.addEventListener('keyup', (event) => this.up(event), options)
    field.addEventListener('compositionstart', () => (this.composed = true), options)
    field.addEventListener('compositionupdate', (event) => this.live || typed.composing(event.data), options)
    field.addEventListener('compositionend', () => this.settle(), options)
    field.addEventListener('input', (event) => this.input(event as InputEvent), options)
    field.addEventListener('paste', (event) => this.paste(event), options)
    field.addEventListener('blur', () => this.release(), options)
    this.keyboard = new Keyboard(field)
    this.keyboard.onkeyevent = (keysym, code, down) => this.send(keysym, code, down)
    this.keyboard.grab() // after ours, so that ours see an event first and may keep it
    this.empty()
  }

  close(): void {
    clearTimeout(this.pasting)
    this.stop.abort()
    this.keyboard.ungrab()
    this.pace.close()
  }

  /** All keys up: the page no longer hears of it when they are. */
  release(): void {
    this.chord = ''
    this.keyboard.ungrab()
    this.keyboard.grab()
  }

  text(text: string): void {
    for (const keysym of keysymsOf(text)) this.press(keysym)
  }

  private press(keysym: number): void {
    this.pace.key(keysym, null, true)
    this.pace.key(keysym, null, false)
  }

  private send(keysym: number | null, code: string, down: boolean): void {
    if (!keysym) return // a key without a meaning; Xvnc would take its position for one
    // Ctrl and a letter of another script is a shortcut, and shortcuts are looked up by position then
    const shortcut = this.modified && keysym > 0x7f
    const bare = down ? keysym === LEVEL3 || (printable(keysym) && !shortcut) : this.bare.has(code)
    if (down && bare) this.bare.add(code)
    else this.bare.delete(code)
    this.pace.key(keysym, bare ? null : code, down)
  }

  private down(event: KeyboardEvent): void {
    this.modified = (event.ctrlKey || event.altKey || event.metaKey) && !event.getModifierState('AltGraph')
    const modifiers = /^(Control|Alt|Shift)(Left|Right)$/.test(event.code)
    this.chord = modifiers && event.ctrlKey && event.altKey && event.shiftKey ? 'armed' : ''
    // the field's own: an input method at work, a dead key, a touch keyboard that does not say which key
    if (event.isComposing || event.keyCode === 229 || event.key === 'Process' || event.key === 'Dead') {
      event.stopImmediatePropagation()
      return
    }
    if (pastes(event)) {
      event.stopImmediatePropagation()
      clearTimeout(this.pasting)
      const wanted = (this.wanted = { key: event.key, code: event.code })
      this.pasting = setTimeout(() => this.pasted(wanted, ''), PASTE_WAIT)
    }
  }

  private up(event: KeyboardEvent): void {
    if (this.chord === 'armed') {
      this.chord = ''
      event.preventDefault()
      event.stopImmediatePropagation()
      this.release()
      this.typed.leave()
    }
  }

  private paste(event: ClipboardEvent): void {
    event.preventDefault()
    const text = event.clipboardData?.getData('text/plain') ?? ''
    if (this.wanted) this.pasted(this.wanted, text)
    else if (text) this.typed.paste(text)
  }

  /** The text first, then the key that makes the program ask for it. */
  private pasted(wanted: Wanted, text: string): void {
    clearTimeout(this.pasting)
    this.wanted = null
    if (text) this.typed.paste(text)
    const insert = wanted.key === 'Insert'
    const keysym = insert ? INSERT : keysymsOf(wanted.key)[0]!
    const code = insert ? wanted.code : null
    this.pace.key(keysym, code, true)
    this.pace.key(keysym, code, false)
  }

  private input(event: InputEvent): void {
    if (this.composed && !this.live) return
    const { back, added } = difference(this.before, this.field.value)
    for (let count = 0; count < back; count++) this.press(BACKSPACE)
    this.text(event.inputType === 'insertLineBreak' && !added ? '\n' : added)
    this.before = this.field.value
    if (!this.composed) this.empty()
  }

  private settle(): void {
    this.composed = false
    this.typed.composing('')
    const { back, added } = difference(this.before, this.field.value)
    for (let count = 0; count < back; count++) this.press(BACKSPACE)
    this.text(added)
    // some browsers tell of the last input only after this event
    setTimeout(() => this.composed || this.empty())
    this.before = this.field.value
  }

  private empty(): void {
    if (this.field.value === FILL) return void (this.before = FILL)
    this.field.value = FILL
    this.before = FILL
    this.field.setSelectionRange(FILL.length, FILL.length)
  }
}

/** Ctrl-V, ⌘V, Shift-Insert: the browser then gives its clipboard without having to be asked for leave. */
const pastes = (event: KeyboardEvent): boolean =>
  (event.code === 'Insert' && event.shiftKey && !event.ctrlKey && !event.altKey) ||
  ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'v')
