/** The links of a list, filtered where there are many. */

import type { ReactNode } from 'react'

import { RowLink, type RowLinkProps } from './ListPage'
import { useFilter } from './useFilter'

interface RowLinksProps {
  label: string
  rows: (RowLinkProps & { id: string; note?: ReactNode })[]
}

export function RowLinks({ label, rows }: RowLinksProps) {
  const { field, shown, rest } = useFilter(rows, (row) => `${row.name} ${typeof row.note === 'string' ? row.note : ''}`)
  return (
    <>
      {field}
      <ul className="row-links" aria-label={label}>
        {shown.map(({ id, ...row }) => (
          <li key={id}>
            <RowLink {...row} />
          </li>
        ))}
      </ul>
      {rest}
    </>
  )
}
