/** Tells a screen reader what changed without anybody having asked; what is said is also to be seen somewhere. */

import { store, useStore } from '../app/store'

const said = store('')

export function announce(text: string): void {
  // the same sentence twice would not be read twice
  said.set((before) => (before === text ? `${text}\u00a0` : text))
}

export function Announcements() {
  const text = useStore(said)
  return (
    <div className="unseen" role="status" aria-live="polite">
      {text}
    </div>
  )
}
