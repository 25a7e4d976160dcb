/**
 * Sends keys in their order, and rare characters with a pause after each.
 *
 * A character that the session's layout lacks gets a key of its own for the moment (Xvnc changes the keyboard map). Programs
 * look keys up in the map when they get to it; of two such characters sent at once, both would be read as the second.
 */

export type SendKey = (keysym: number, code: string | null, down: boolean) => void

/** The session's side keeps such keys apart and frees the oldest (sessiond/keys.py); this gives it time in a burst. */
const PAUSE = 4

export class Pace {
  private readonly waiting: { keysym: number; code: string | null; down: boolean }[] = []
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly send: SendKey,
    private readonly later: (action: () => void, wait: number) => ReturnType<typeof setTimeout> = (action, wait) => setTimeout(action, wait),
  ) {}

  key(keysym: number, code: string | null, down: boolean): void {
    this.waiting.push({ keysym, code, down })
    if (this.timer === undefined) this.flush()
  }

  close(): void {
    clearTimeout(this.timer)
    this.waiting.length = 0
  }

  private flush(): void {
    this.timer = undefined
    for (let key = this.waiting.shift(); key; key = this.waiting.shift()) {
      this.send(key.keysym, key.code, key.down)
      if (!key.down && key.code === null && key.keysym > 0x7e && !special(key.keysym)) {
        this.timer = this.later(() => this.flush(), PAUSE)
        return
      }
    }
  }
}

const special = (keysym: number): boolean => keysym >= 0xfe00 && keysym <= 0xffff
