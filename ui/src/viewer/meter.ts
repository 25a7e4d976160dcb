/** The connection's quality in figures: round trip, frames each second, megabits each second. */

import type { Link } from './link'

export interface Figures {
  roundTrip: number | null
  frames: number
  megabits: number
}

export class Meter {
  private frames = 0
  private bytes = 0
  private at = performance.now()

  constructor(private readonly link: Link) {}

  /** Since the last call. */
  read(): Figures {
    const now = performance.now()
    const span = Math.max(0.001, (now - this.at) / 1000)
    const frames = this.link.screen?.frames ?? 0
    const bytes = this.link.channel?.received ?? 0
    // a new connection counts from nothing
    const figures = {
      roundTrip: this.link.roundTrip,
      frames: Math.max(0, frames < this.frames ? frames : frames - this.frames) / span,
      megabits: (Math.max(0, bytes < this.bytes ? bytes : bytes - this.bytes) * 8) / 1e6 / span,
    }
    this.frames = frames
    this.bytes = bytes
    this.at = now
    return figures
  }
}

export type Grade = 'good' | 'fair' | 'poor' | 'none'

export const grade = (roundTrip: number | null): Grade =>
  roundTrip === null ? 'none' : roundTrip < 0.08 ? 'good' : roundTrip < 0.2 ? 'fair' : 'poor'
