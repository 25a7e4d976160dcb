/** The link's token, in the fragment of the address: taken out of it at once, exchanged once, kept nowhere. */

/** The token of `#token=…`, which is gone from the address and from the history when this returns. */
export function takeToken(): string | null {
  const match = /^#token=(.+)$/.exec(location.hash)
  if (!match) return null
  history.replaceState(null, '', location.pathname + location.search)
  return decodeURIComponent(match[1]!)
}
