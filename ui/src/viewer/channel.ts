/**
 * One WebSocket with two conversations in it: binary messages are RFB bytes and go to noVNC, text messages are the control
 * channel and stay here. To noVNC this looks like a WebSocket that is open already.
 *
 * `ready` is called while the message that said so is being handled, and the RFB object made in it takes its place as
 * `onmessage` at once, so that no byte that follows is lost.
 */

export type Control =
  | { type: 'ready'; session: string; viewOnly: boolean; control: boolean }
  | { type: 'error'; code: string; detail: string }
  | { type: 'pong'; t: number }
  | { type: 'warning'; kind: 'idle' | 'disconnected' | 'job'; at: number; extendable: boolean; detail?: string }
  | { type: 'warning-over' }
  | { type: 'end'; reason: string; code: string }

export interface Closed {
  code: number
  reason: string
}

type Handler<E> = ((event: E) => void) | null

export class Channel {
  binaryType: BinaryType = 'arraybuffer'
  onopen: Handler<unknown> = null
  onmessage: Handler<{ data: ArrayBuffer }> = null
  onerror: Handler<unknown> = null
  onclose: Handler<Closed> = null
  /** Bytes of RFB so far, for the figures. */
  received = 0
  private ended = false

  constructor(
    private readonly socket: WebSocket,
    ticket: string,
    private readonly heard: (message: Control, channel: Channel) => void,
    private readonly gone: (closed: Closed) => void,
  ) {
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => this.say({ type: 'ticket', ticket })
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => this.take(event.data)
    socket.onerror = () => this.onerror?.({})
    socket.onclose = (event) => this.finish({ code: event.code, reason: event.reason })
  }

  get readyState(): number {
    return this.ended ? 3 : this.socket.readyState
  }

  get protocol(): string {
    return this.socket.protocol
  }

  send(data: ArrayBuffer | ArrayBufferView<ArrayBuffer>): void {
    if (this.socket.readyState === 1) this.socket.send(data)
  }

  say(message: object): void {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(message))
  }

  close(): void {
    this.socket.close()
  }

  /** Does not wait for a peer that may never answer: to everybody here it is closed now. */
  drop(reason: string): void {
    this.socket.close()
    this.finish({ code: 1006, reason })
  }

  private take(data: ArrayBuffer | string): void {
    if (this.ended) return
    if (typeof data !== 'string') {
      this.received += data.byteLength
      this.onmessage?.({ data })
      return
    }
    let message: Control
    try {
      message = JSON.parse(data) as Control
    } catch {
      return // not of this protocol; a newer server may say more than we understand
    }
    this.heard(message, this)
  }

  private finish(closed: Closed): void {
    if (this.ended) return
    this.ended = true
    this.gone(closed)
    this.onclose?.(closed)
  }
}
