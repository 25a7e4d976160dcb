/** Pages by path, below whatever prefix the server stands under. */

import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from 'react'

import { at, below } from '../base'

const listeners = new Set<() => void>()
const changed = () => listeners.forEach((listener) => listener())
window.addEventListener('popstate', changed)

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** The path below the prefix, without a slash at either end. */
export const usePath = (): string => useSyncExternalStore(subscribe, () => below(location).replace(/\/$/, ''))

/** Whether this path is the present one. */
export const nowAt = (path: string): boolean => below(location).replace(/\/$/, '') === path

export function go(path: string, how: 'push' | 'replace' = 'push'): void {
  const address = at(path).href
  if (address === location.href) return
  if (how === 'push') history.pushState(null, '', address)
  else history.replaceState(null, '', address)
  changed()
  if (how === 'push') window.scrollTo(0, 0)
}

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & { to: string }

export function Link({ to, onClick, ...rest }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event)
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
    if (event.defaultPrevented || !plain || rest.target) return
    event.preventDefault()
    go(to)
  }
  return <a {...rest} href={at(to).href} onClick={follow} />
}
