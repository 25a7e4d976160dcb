/** A value outside the components, kept in the browser where it has a name there. */

import { useSyncExternalStore } from 'react'

export interface Store<V> {
  get(): V
  set(value: V | ((before: V) => V)): void
  subscribe(listener: () => void): () => void
}

export function store<V>(initial: V): Store<V> {
  let value = initial
  const listeners = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      value = typeof next === 'function' ? (next as (before: V) => V)(value) : next
      listeners.forEach((listener) => listener())
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

export const useStore = <V>(which: Store<V>): V => useSyncExternalStore(which.subscribe, which.get)

export function remember(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(`portcall.${name}`)
    else localStorage.setItem(`portcall.${name}`, JSON.stringify(value))
  } catch {
    // storage may be forbidden or full: then it is only for now
  }
}

export function remembered<V>(name: string, otherwise: V): V {
  try {
    const text = localStorage.getItem(`portcall.${name}`)
    return text === null ? otherwise : (JSON.parse(text) as V)
  } catch {
    return otherwise
  }
}

/** A store whose value is still there at the next visit. */
export function keptStore<V>(name: string, initial: V): Store<V> {
  const kept = store<V>(remembered(name, initial))
  kept.subscribe(() => remember(name, kept.get()))
  return kept
}
