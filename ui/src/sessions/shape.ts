/** What a command starts as: a desktop, or a single program whose windows are managed and that ends with the last of them. */

import { remember, remembered } from '../app/store'
import { isDesktop } from './desktops'

export type Kind = 'rootless' | 'window' | 'typed'

/** `size` is that of a desktop of the kind `typed`, as it was typed. */
export interface Shape {
  kind: Kind
  size: string
}

export const GEOMETRY = /^\s*([1-9][0-9]{1,4})\s*[x×*, ]\s*([1-9][0-9]{1,4})\s*$/i

const KEPT = 50

/** The desktop that fills this window in the viewer, as far as `largest` goes. Even widths: some encoders need them. */
export function windowGeometry(largest = ''): string {
  const most = GEOMETRY.exec(largest)
  const side = (length: number, limit: string | undefined) => Math.min(Math.max(320, Math.floor(length / 2) * 2), Number(limit ?? Infinity))
  return `${side(window.innerWidth, most?.[1])}x${side(window.innerHeight, most?.[2])}`
}

/** What the API calls it; a typed size that cannot be read, or is too large, is the server's to refuse. */
export function geometryOf({ kind, size }: Shape, largest = ''): string {
  if (kind === 'rootless') return 'rootless'
  const typed = GEOMETRY.exec(size)
  return kind === 'window' ? windowGeometry(largest) : typed ? `${typed[1]}x${typed[2]}` : size
}

const asUsual = (command: string): Kind => (isDesktop(command) ? 'window' : 'rootless')

/** As this command was started the last time, else what suits it: a choice for one command says nothing of others. */
export function shapeOf(command: string): Shape {
  const kept = remembered<[string, Shape][]>('shapes', []).find(([other]) => other === command.trim())
  return kept?.[1] ?? { kind: asUsual(command), size: '1280x800' }
}

/** Notes what was chosen for the command; what suits it anyway need not be noted. */
export function keepShape(command: string, shape: Shape): void {
  const others = remembered<[string, Shape][]>('shapes', []).filter(([other]) => other !== command.trim())
  const noted: [string, Shape][] = shape.kind === asUsual(command) ? [] : [[command.trim(), shape]]
  remember('shapes', [...noted, ...others].slice(0, KEPT))
}
