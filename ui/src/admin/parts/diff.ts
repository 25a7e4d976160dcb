/** Two versions of a text, line by line: what went, what came, and a little of what stayed around them. */

export interface Line {
  kind: 'same' | 'gone' | 'come' | 'skip'
  text: string
  before?: number
  after?: number
}

const AROUND = 3
/** Beyond this many lines that differ the whole is shown as gone and come. */
const MOST = 4_000_000

export function diff(before: string, after: string): Line[] {
  const a = before.split('\n')
  const b = after.split('\n')
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const lines: Line[] = []
  for (let i = 0; i < start; i++) lines.push({ kind: 'same', text: a[i]!, before: i + 1, after: i + 1 })
  lines.push(...middle(a.slice(start, a.length - end), b.slice(start, b.length - end), start))
  for (let i = end; i > 0; i--) lines.push({ kind: 'same', text: a[a.length - i]!, before: a.length - i + 1, after: b.length - i + 1 })
  return lines
}

/** The longest common subsequence of lines, by the table of lengths. */
function middle(a: string[], b: string[], offset: number): Line[] {
  const gone = (i: number): Line => ({ kind: 'gone', text: a[i]!, before: offset + i + 1 })
  const come = (j: number): Line => ({ kind: 'come', text: b[j]!, after: offset + j + 1 })
  if (a.length * b.length > MOST) return [...a.map((_, i) => gone(i)), ...b.map((_, j) => come(j))]
  const width = b.length + 1
  const length = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * width + j] = a[i] === b[j] ? length[(i + 1) * width + j + 1]! + 1 : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!)
  const lines: Line[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i]!, before: offset + i + 1, after: offset + j + 1 })
      i++
      j++
    } else if (j >= b.length || (i < a.length && length[(i + 1) * width + j]! >= length[i * width + j + 1]!)) lines.push(gone(i++))
    else lines.push(come(j++))
  }
  return lines
}

/** Without the long stretches that did not change. */
export function folded(lines: Line[]): Line[] {
  const near = lines.map((_, at) => lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some((line) => line.kind !== 'same'))
  const out: Line[] = []
  lines.forEach((line, at) => {
    if (near[at]) out.push(line)
    else if (out.at(-1)?.kind !== 'skip') out.push({ kind: 'skip', text: '' })
  })
  return out
}

/** A document as lines that can be compared: each member by name, long text and objects over several lines. */
export function asText(document: unknown): string {
  if (document === null || document === undefined) return ''
  return Object.entries(document as Record<string, unknown>)
    .filter(([key]) => !['id', 'revision', 'fixed'].includes(key))
    .sort(([a, x], [b, y]) => Number(long(x)) - Number(long(y)) || (a < b ? -1 : 1))
    .map(([key, value]) => (long(value) ? `${key}:\n${value as string}` : `${key}: ${typeof value === 'string' ? value : JSON.stringify(value, null, isDeep(value) ? 2 : 0)}`))
    .join('\n')
}

const long = (value: unknown): boolean => typeof value === 'string' && value.includes('\n')
const isDeep = (value: unknown): boolean => value !== null && typeof value === 'object' && JSON.stringify(value).length > 60
