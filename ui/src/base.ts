/** Where the pages stand: everything is relative to the document's base, which the server sets to its path prefix. */

const base = new URL('.', document.baseURI)

/** The absolute address of a path below the prefix, such as `api/sessions`. */
export const at = (path: string): URL => new URL(path.replace(/^\//, ''), base)

/** The path below the prefix that an address stands for; '' is the first page. */
export function below(address: { pathname: string }): string {
  const path = address.pathname
  return path.startsWith(base.pathname) ? path.slice(base.pathname.length) : path.replace(/^\//, '')
}

/** The same address for a WebSocket. */
export function socketAddress(path: string): string {
  const address = new URL(path, base)
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
  return address.href
}
