/** The clipboard, both ways: by the browser's asynchronous interface where it may, else by the text panel. */

import { store } from '../app/store'

export class Clipboard {
  /** The session's clipboard, as it was last heard of. */
  readonly theirs = store('')
  /** True while the session's text could not be put into the browser's clipboard by itself. */
  readonly waiting = store(false)
  private last = ''
  private readonly stop = new AbortController()

  constructor(private readonly send: (text: string) => void) {
    // what was copied elsewhere comes along when the person comes back to this window
    window.addEventListener('focus', () => void this.offer(), { signal: this.stop.signal })
  }

  close(): void {
    this.stop.abort()
  }

  /** The session has copied something. */
  async heard(text: string): Promise<void> {
    this.theirs.set(text)
    this.last = text
    this.waiting.set(!(await this.write(text)))
  }

  async write(text: string): Promise<boolean> {
    try {
      await navigator.clipboard.writeText(text)
      this.waiting.set(false)
      return true
    } catch {
      return false // not in focus, not allowed, or not a secure context
    }
  }

  /** To the session, unless it is what the session has already. */
  give(text: string): void {
    if (text === this.last) return
    this.last = text
    this.send(text)
  }

  /** Gives what is in the browser's clipboard, if it may be read without a question being asked. */
  async offer(): Promise<void> {
    try {
      const leave = await navigator.permissions.query({ name: 'clipboard-read' as PermissionName })
      if (leave.state !== 'granted' || !document.hasFocus()) return
      const text = await navigator.clipboard.readText()
      if (text) this.give(text)
    } catch {
      // a browser without this: pasting by key and the panel still do
    }
  }

  /** The same, where the person has asked for it by a click. */
  async read(): Promise<string | null> {
    try {
      return await navigator.clipboard.readText()
    } catch {
      return null
    }
  }
}
