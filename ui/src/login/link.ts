/** The link's token, in the fragment of the address: taken out of it at once, exchanged once, kept nowhere. */

const TOKEN = /^#token=(.+)$/

/** The token of `#token=…`, which is gone from the address and from the history when this returns. */
export function takeToken(): string | null {
  const match = TOKEN.exec(location.hash)
  if (!match) return null
  history.replaceState(null, '', location.pathname + location.search)
  try {
    return decodeURIComponent(match[1]!)
  } catch {
    return match[1]! // cut off somewhere: the server says that it is none
  }
}

/** A link that is pasted over the address of an open page changes its fragment alone, for which browsers load nothing. */
export function followLinks(): void {
  addEventListener('hashchange', () => TOKEN.test(location.hash) && location.reload())
}
