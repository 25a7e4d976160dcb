/** The table of kinds of functions, and small questions about it. */

import { useQuery } from '@tanstack/react-query'

import { type Engine, type FunctionDocument, functionKinds, type Kind, type KindField } from '../../api/administered'

export const useKinds = () => useQuery({ queryKey: ['function-kinds'], queryFn: functionKinds, staleTime: 600_000 })

export const isBalance = (kind: string): boolean => kind.endsWith('-balance')

/** Of these only the first enabled one is used; balancing goes by its chain, of events and metrics all are used. */
export const firstOnly = (kind: string): boolean => !isBalance(kind) && kind !== 'event' && kind !== 'metric'

export const inOrder = (functions: FunctionDocument[], kind: string): FunctionDocument[] =>
  functions.filter((one) => one.kind === kind).sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1))

/** Those that a start meets, as far as the list says. */
export const inUse = (functions: FunctionDocument[], one: FunctionDocument): boolean =>
  one.enabled && (!firstOnly(one.kind) || inOrder(functions, one.kind).find((other) => other.enabled)?.id === one.id)

export const blank = (kind: Kind): FunctionDocument => ({
  id: '',
  kind: kind.name,
  name: '',
  source: kind.example,
  engine: 'javascript',
  description: '',
  enabled: true,
  position: 0,
  on: [],
  every: 30,
  revision: 0,
  fixed: null,
})

/** What a new function of this engine begins as, in place of the example of another language. */
export function exampleFor(engine: Engine, kind: Kind): string {
  if (engine === 'javascript') return kind.example
  if (engine === 'executable') return ''
  return `def ${kind.name.replace(/-/g, '_')}(input):\n    """${kind.help}"""\n    return None\n`
}

/** A made-up input with a value of the right type for each field. The servers are the server's own, so they are left out. */
export function madeUp(fields: KindField[], given: { serverId: string; login: string; action: string }): Record<string, unknown> {
  const known: Record<string, unknown> = {
    login: given.login, sub: given.login, serverId: given.serverId, iss: given.serverId, action: given.action, command: 'xterm',
    geometry: '1280x800', profile: 'default', keyboardLayout: 'us', aud: 'web', isAdmin: false, isManager: false, admin: false,
  } // prettier-ignore
  const value = (field: KindField): unknown => {
    if (field.fields?.length && field.type.startsWith('object')) return madeUp(field.fields, given)
    if (field.name in known) return known[field.name]
    if (field.type.startsWith('array')) return []
    if (field.type.startsWith('object')) return {}
    return { string: '', number: 0, boolean: false }[field.type] ?? null
  }
  return Object.fromEntries(fields.filter((field) => field.name !== 'servers' && !field.type.endsWith('?')).map((field) => [field.name, value(field)]))
}

export const engineName = (engine: string | { name: string; title: string }) => (typeof engine === 'string' ? engine : engine.name)
