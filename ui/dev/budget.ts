/** Fails a build whose first page needs more script than a slow connection loads in a second. */

import { gzipSync } from 'node:zlib'

import type { Plugin } from 'vite'

const LIMIT = 180 * 1024

export const budget = (): Plugin => ({
  name: 'budget',
  apply: 'build',
  generateBundle(_, bundle) {
    const first = new Set<string>()
    const add = (name: string) => {
      const chunk = bundle[name]
      if (chunk?.type !== 'chunk' || first.has(name)) return
      first.add(name)
      chunk.imports.forEach(add)
    }
    for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk' && chunk.isEntry) add(chunk.fileName)
    const size = [...first].reduce((sum, name) => sum + gzipSync((bundle[name] as { code: string }).code).length, 0)
    this.info(`first page: ${Math.round(size / 1024)} KiB of script (gzip), ${LIMIT / 1024} at most`)
    if (size > LIMIT) this.error(`the first page needs ${size} bytes of script (gzip), more than ${LIMIT}: load some of it later`)
  },
})
