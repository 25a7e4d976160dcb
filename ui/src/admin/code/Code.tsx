/** Code to read or write: the editor once it is there, until then the text itself. */

import { lazy, Suspense } from 'react'

import type { EditorProps } from './Editor'

const Editor = lazy(() => import('./Editor'))

export function Code(props: EditorProps) {
  const waiting = (
    <pre className={props.short ? 'code short log' : 'code log'} tabIndex={0} aria-label={props.label}>
      {props.value}
    </pre>
  )
  return (
    <Suspense fallback={waiting}>
      <Editor {...props} />
    </Suspense>
  )
}
