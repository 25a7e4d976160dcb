/** A long list made short: a field to filter it by, and no more rows than one can read. */

import { type ReactNode, useState } from 'react'

import { t } from '../../strings/t'

/** Fewer than this are seen at a glance. */
const FEW = 12
const MOST = 200

export function useFilter<I>(all: I[], textOf: (item: I) => string): { field: ReactNode; shown: I[]; rest: ReactNode } {
  const [words, setWords] = useState('')
  const found = words ? all.filter((item) => textOf(item).toLowerCase().includes(words.toLowerCase())) : all
  return {
    shown: found.slice(0, MOST),
    field: all.length > FEW && (
      <input type="search" className="input" aria-label={t('list.filter')} placeholder={t('list.filter')} value={words} onChange={(event) => setWords(event.target.value)} />
    ),
    rest:
      found.length > MOST ? (
        <p className="quiet small">{t('list.rest', { n: found.length - MOST })}</p>
      ) : (
        words !== '' && found.length === 0 && <p className="quiet small">{t('list.noMatch', { words })}</p>
      ),
  }
}
