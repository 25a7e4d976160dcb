/** Ids for new documents, from their names: fit for an address and for a file's name. */

export function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48)
    .replace(/-+$/, '')
  return plain === 'new' || plain.startsWith('new-') ? `a-${plain}` : plain
}

/** The id that a document of this name gets: its slug, numbered where that is taken. */
export function freeId(name: string, taken: string[]): string {
  const base = slug(name) || 'item'
  let id = base
  for (let number = 2; taken.includes(id); number++) id = `${base}-${number}`
  return id
}
