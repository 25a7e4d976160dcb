/**
 * A viewer's way to its session: ticket, WebSocket, RFB; and all of it again when the network was gone.
 *
 * What there is to see of it is `state`. After a loss the picture stays (`frozen`), a new ticket is asked for with growing
 * delays, and at once when the browser says that it is online again.
 */

import * as api from '../api/client'
import { asProblem, Problem } from '../api/problem'
import { socketAddress } from '../base'
import { store } from '../app/store'
import { Channel, type Closed, type Control } from './channel'
import { Screen } from './screen'

export type Ending = 'ended' | 'suspended' | 'idle' | 'taken' | 'lost' | 'forbidden' | 'logged-out'

export type LinkState =
  | { now: 'connecting' }
  | { now: 'connected' }
  | { now: 'reconnecting'; again: number; tries: number; had: boolean }
  | { now: 'over'; code: Ending | string; reason: string }
  | { now: 'failed'; problem: Problem }

export interface Warning {
  kind: 'idle' | 'disconnected' | 'job'
  at: number
  extendable: boolean
  detail?: string
}

const PING = 3_000
const DEAD = 12_000
/** So long an answer may take where there is reason to doubt the connection. */
const DOUBT = 4_000
const DELAYS = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000]

export class Link {
  readonly state = store<LinkState>({ now: 'connecting' })
  readonly warning = store<Warning | null>(null)
  readonly viewOnly = store(false)
  /** The last round trip of the control channel in seconds. */
  roundTrip: number | null = null
  screen: Screen | null = null
  channel: Channel | null = null

  private tries = 0
  private had = false
  private closed = false
  private ended: { code: string; reason: string } | null = null
  private refused: Problem | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private pings: ReturnType<typeof setInterval> | undefined
  private heardAt = 0

  constructor(
    private readonly session: string,
    private readonly target: HTMLElement,
    private readonly hooks: { prepare(screen: Screen): void; freeze(): void; thaw(): void },
  ) {
    window.addEventListener('online', this.atOnce)
    window.addEventListener('offline', this.doubt)
    document.addEventListener('visibilitychange', this.seen)
    void this.dial()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    clearInterval(this.pings)
    window.removeEventListener('online', this.atOnce)
    window.removeEventListener('offline', this.doubt)
    document.removeEventListener('visibilitychange', this.seen)
    this.screen?.disconnect()
    this.channel?.close()
  }

  /** Now, whatever the delay; also after the end, when the person wants back in. */
  again(): void {
    clearTimeout(this.timer)
    this.tries = 0
    this.state.set({ now: 'connecting' })
    void this.dial()
  }

  stay(): void {
    this.channel?.say({ type: 'stay' })
    // by the API too: it also moves the end that is announced in the session's record
    void api.extend(this.session).catch(() => undefined)
    this.warning.set(null)
  }

  private readonly atOnce = () => {
    if (this.state.get().now === 'reconnecting') this.again()
    else this.doubt()
  }

  /** Answer soon, or be taken for dead. Silence while timers were asleep is no sign either way. */
  private readonly doubt = () => {
    this.heardAt = performance.now() - DEAD + DOUBT
    this.ping()
  }

  private readonly seen = () => {
    if (document.hidden) return
    if (this.state.get().now === 'reconnecting') this.again()
    else this.doubt()
  }

  private async dial(): Promise<void> {
    this.ended = null
    this.refused = null
    try {
      const { ticket, url } = await api.connect(this.session)
      if (this.closed) return
      const socket = new WebSocket(socketAddress(url), 'binary')
      this.channel = new Channel(socket, ticket, this.heard, this.gone)
    } catch (error) {
      this.failed(asProblem(error))
    }
  }

  private readonly heard = (message: Control, channel: Channel): void => {
    if (channel !== this.channel) return
    this.heardAt = performance.now()
    switch (message.type) {
      case 'ready':
        this.viewOnly.set(message.viewOnly)
        return this.attach(channel)
      case 'error':
        this.refused = new Problem(-1, { ...message, title: message.detail })
        return
      case 'pong':
        this.roundTrip = (performance.now() - message.t) / 1000
        return
      case 'warning':
        return this.warning.set(message)
      case 'warning-over':
        return this.warning.set(null)
      case 'end':
        this.ended = message
    }
  }

  private attach(channel: Channel): void {
    this.screen?.disconnect()
    const screen = new Screen(this.target, channel, { shared: true })
    this.screen = screen
    screen.viewOnly = this.viewOnly.get()
    screen.focusOnClick = false
    screen.addEventListener('connect', () => {
      this.tries = 0
      this.had = true
      this.state.set({ now: 'connected' })
      this.hooks.prepare(screen)
    })
    // the old picture goes when the new one is whole, not before
    screen.onframe = () => {
      screen.onframe = null
      this.hooks.thaw()
    }
    clearInterval(this.pings)
    this.pings = setInterval(() => this.ping(), PING)
    this.heardAt = performance.now()
    this.ping()
  }

  private ping(): void {
    const channel = this.channel
    if (!channel || channel.readyState !== 1) return
    if (performance.now() - this.heardAt > DEAD && !document.hidden) return channel.drop('silent')
    channel.say({ type: 'ping', t: performance.now() })
  }

  /** Before noVNC hears of it, so that its picture can be kept. */
  private readonly gone = (closed: Closed): void => {
    clearInterval(this.pings)
    if (this.closed) return
    this.hooks.freeze()
    this.screen = null
    this.warning.set(null)
    this.roundTrip = null
    const end = this.ended
    if (end && end.code !== 'lost' && end.code !== 'restart') return this.state.set({ now: 'over', ...end })
    const refused = this.refused
    if (refused && closed.code !== 4403 && closed.code !== 4502) return this.failed(refused)
    this.later(refused)
  }

  private failed(problem: Problem): void {
    if (this.closed) return
    if (problem.passing || problem.status === 429) return this.later(problem)
    if (problem.status === 409 || problem.code === 'conflict')
      return this.state.set({ now: 'over', code: 'not-connectable', reason: problem.detail })
    this.state.set({ now: 'failed', problem })
  }

  private later(problem: Problem | null): void {
    const delay = DELAYS[Math.min(this.tries, DELAYS.length - 1)]!
    this.tries++
    // a server that is there and refuses the same thing again and again will not change its mind
    if (problem && !problem.passing && this.tries > 4) return this.state.set({ now: 'failed', problem })
    this.state.set({ now: 'reconnecting', again: Date.now() + delay, tries: this.tries, had: this.had })
    this.timer = setTimeout(() => void this.dial(), delay)
  }
}
