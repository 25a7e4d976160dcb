/** Which input fields fit at a place in an administrator's code. Pure: the editor's completion asks here. */

import type { KindField } from '../../api/administered'

const PATH = /([A-Za-z_$][\w$]*)((?:\??\.\s*[\w$/]+|\[\s*(?:\d+|[\w$]+|["'][\w/]+["'])\s*\]|\.get\(["'][\w/]+["'][^)]*\))*)(\??\.\s*([\w$]*)|\[\s*(["'])([\w/]*)|\.get\((["'])([\w/]*))$/

export interface Found {
  fields: KindField[]
  /** What has been typed of the name. */
  typed: string
}

/** The fields that may stand at the end of `before`; null where it is no path that begins at the input. */
export function fieldsAt(before: string, input: KindField[]): Found | null {
  const match = PATH.exec(before)
  if (!match) return null
  const [, root, path, , dotted, , quoted, , got] = match
  const names = known(before, input)
  const start = names.get(root!)
  if (!start) return null
  const fields = walk(start, path ?? '')
  return fields && fields.length ? { fields, typed: dotted ?? quoted ?? got ?? '' } : null
}

/** Methods of lists whose result has the list's fields. */
const SAME = new Set(['filter', 'sort', 'slice', 'find', 'toSorted', 'reverse', 'at'])
const step = /\.get\(["']([\w/]+)["'][^)]*\)|\??\.\s*([\w$/]+)|\[\s*["']([\w/]+)["']\s*\]|\[\s*(?:\d+|[\w$]+)\s*\]/g

function walk(fields: KindField[], path: string): KindField[] | null {
  let now: KindField[] | undefined = fields
  for (const match of path.matchAll(step)) {
    const name = match[1] ?? match[2] ?? match[3]
    if (name === undefined || SAME.has(name)) continue // an element of a list has the list's fields
    now = now?.find((field) => field.name === name)?.fields
    if (!now) return null
  }
  return now ?? null
}

/** `input`, and the names that the code gives to parts of it: parameters of callbacks, loop variables, constants. */
function known(code: string, input: KindField[]): Map<string, KindField[]> {
  const first = /(?:function\b[^(]*|def\s+\w+\s*|^\s*(?:async\s*)?)\(\s*([A-Za-z_$][\w$]*)/m.exec(code)?.[1]
  const names = new Map<string, KindField[]>([['input', input]])
  if (first) names.set(first, input)
  const source = '([A-Za-z_$][\\w$]*)((?:\\??\\.[\\w$]+|\\[\\d+\\]|\\["\\w+"\\])*)'
  const bindings: [RegExp, number[]][] = [
    [new RegExp(`${source}\\.(?:filter|map|sort|find|findIndex|some|every|forEach|flatMap|toSorted|reduce)\\(\\s*(?:async\\s*)?(?:function\\s*)?\\(?\\s*([A-Za-z_$][\\w$]*)(?:\\s*,\\s*([A-Za-z_$][\\w$]*))?`, 'g'), [3, 4]],
    [new RegExp(`(?:const|let|var)\\s+([A-Za-z_$][\\w$]*)\\s*(?:=|of)\\s*(?:await\\s+)?${source}`, 'g'), [1]],
    [new RegExp(`for\\s+([A-Za-z_]\\w*)\\s+in\\s+${source}`, 'g'), [1]],
  ]
  for (const [pattern, groups] of bindings) {
    for (const match of code.matchAll(pattern)) {
      const at = groups[0] === 3 ? 1 : 2
      const root = names.get(match[at]!)
      const fields = root && walk(root, match[at + 1] ?? '')
      if (fields) for (const group of groups) if (match[group] && !names.has(match[group])) names.set(match[group], fields)
    }
  }
  return names
}
