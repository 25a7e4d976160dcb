/** Full screen; where the browser can, it then also leaves the keys to the session that it keeps for itself otherwise. */

import { useSyncExternalStore } from 'react'

type LockableKeyboard = { lock(keys?: string[]): Promise<void>; unlock(): void }
const keyboard = (navigator as Navigator & { keyboard?: Partial<LockableKeyboard> }).keyboard

export async function toggleFull(page: HTMLElement): Promise<void> {
  if (document.fullscreenElement) return document.exitFullscreen()
  try {
    await page.requestFullscreen({ navigationUI: 'hide' })
    // Escape then leaves full screen only when it is held; Alt+Tab, the Windows key and Ctrl+W go to the session
    await keyboard?.lock?.()
  } catch {
    // refused by the browser or the page that embeds us: the button stays as it was
  }
}

const subscribe = (listener: () => void) => {
  const changed = () => {
    if (!document.fullscreenElement) keyboard?.unlock?.()
    listener()
  }
  document.addEventListener('fullscreenchange', changed)
  return () => document.removeEventListener('fullscreenchange', changed)
}

export const useFull = (): boolean => useSyncExternalStore(subscribe, () => document.fullscreenElement !== null)
