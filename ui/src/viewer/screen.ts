/**
 * noVNC's RFB with what its interface lacks: a count of frames, and sessions sized in device pixels.
 *
 * Both override methods that are not documented (checked with 1.7.0): `_framebufferUpdate` returns true once for each whole
 * update; `_requestRemoteResize` asks `_screenSize` what to ask the server for.
 */

import RFB from '@novnc/novnc'

export type Fit = 'match' | 'fit' | 'actual'

export class Screen extends RFB {
  frames = 0
  /** Device pixels for each pixel of the page, while sessions are to be sharp; else 1. */
  sharpness = 1
  onframe: (() => void) | null = null
  private asking = false

  override _framebufferUpdate(): boolean {
    const whole = super._framebufferUpdate()
    if (whole) {
      this.frames++
      this.onframe?.()
    }
    return whole
  }

  override _requestRemoteResize(): void {
    this.asking = true
    try {
      super._requestRemoteResize()
    } finally {
      this.asking = false
    }
  }

  override _screenSize(): { w: number; h: number } {
    const { w, h } = super._screenSize()
    if (!this.asking) return { w, h }
    return { w: Math.round(w * this.sharpness), h: Math.round(h * this.sharpness) }
  }

  /** Matching also scales: a session that may not become that large is shown whole, and a sharp one at its true size. */
  fit(how: Fit, sharp: boolean): void {
    this.sharpness = sharp ? window.devicePixelRatio || 1 : 1
    this.scaleViewport = how !== 'actual'
    this.clipViewport = false
    this.resizeSession = how === 'match'
    if (how === 'match') this._requestRemoteResize()
  }
}
