/** The parts of noVNC 1.7 that the viewer uses. */

declare module '@novnc/novnc' {
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, channel: unknown, options?: { shared?: boolean })
    viewOnly: boolean
    focusOnClick: boolean
    clipViewport: boolean
    dragViewport: boolean
    scaleViewport: boolean
    resizeSession: boolean
    showDotCursor: boolean
    background: string
    qualityLevel: number
    compressionLevel: number
    disconnect(): void
    sendKey(keysym: number, code?: string | null, down?: boolean): void
    clipboardPasteFrom(text: string): void
    toBlob(callback: (blob: Blob | null) => void, type?: string): void
    // not of the documented interface; overridden in screen.ts, where the reason stands
    _screenSize(): { w: number; h: number }
    _requestRemoteResize(): void
    _framebufferUpdate(): boolean
    _fail(details: string): boolean
  }
}

declare module '#novnc/input/keyboard.js' {
  export default class Keyboard {
    constructor(target: HTMLElement)
    onkeyevent: (keysym: number | null, code: string, down: boolean, numlock: boolean | null, capslock: boolean | null) => void
    grab(): void
    ungrab(): void
  }
}

declare module '#novnc/input/keysymdef.js' {
  const keysyms: { lookup(codepoint: number): number }
  export default keysyms
}
