/** Around every document's fields: saved or not, save, discard, delete, versions; conflicts; what a file fixes. */

import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'

import type { Kept, Resource } from '../../api/administered'
import { asProblem, type Problem } from '../../api/problem'
import { go } from '../../app/router'
import { announce } from '../../parts/announce'
import { confirm } from '../../parts/confirm'
import { Failure } from '../../parts/states'
import { t } from '../../strings/t'
import { anyway } from './anyway'
import { Conflict } from './Conflict'
import { drafts, dropDraft, type Editing, useDraft } from './drafts'
import { freeId } from './ids'
import { Versions } from './Versions'

export interface Fields<D> extends Editing<D> {
  fixed: boolean
  problem: Problem | null
  /** What is wrong with this member, if anything is. */
  wrong: (member: string) => string | undefined
  save: () => void
}

interface DocumentEditorProps<D extends Kept> {
  resource: Resource<D>
  /** Undefined: a new one, with a draft under `draftKey`. */
  saved: D | undefined
  blank: D
  draftKey?: string
  /** The ids that are taken. */
  taken: string[]
  /** The page of a document, and of the list with ''. */
  pathOf: (id: string) => string
  nameOf: (value: D) => string
  withId: (value: D, id: string) => D
  /** False where it cannot be deleted. */
  removable?: boolean
  /** What deleting is called, where it is not called so. */
  remove?: { word: string; title: string; text: string }
  heading?: ReactNode
  /** What this page still saves beside the editor: a save waits for it. */
  settled?: () => Promise<void>
  children: (fields: Fields<D>) => ReactNode
}

export function DocumentEditor<D extends Kept>(props: DocumentEditorProps<D>) {
  const { resource, saved, blank, taken, pathOf, nameOf, withId } = props
  const client = useQueryClient()
  const key = saved ? `${resource.bucket}/${resource.idOf(saved)}` : (props.draftKey ?? `${resource.bucket}/new`)
  const editing = useDraft<D>(key, saved, blank)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [theirs, setTheirs] = useState<D | null>(null)
  const [versions, setVersions] = useState(false)
  const [busy, setBusy] = useState(false)
  const [kept, setKept] = useState(false)
  useEffect(() => {
    setProblem(null)
    setKept(false)
  }, [key])
  useEffect(() => {
    if (editing.dirty) setKept(false)
  }, [editing.dirty])
  const fixed = saved?.fixed ?? null
  const id = saved ? resource.idOf(saved) : freeId(nameOf(editing.value), taken)

  const put = async (value: D, revision: number): Promise<boolean> => {
    setBusy(true)
    setProblem(null)
    try {
      const after = await anyway((force) => resource.put(id, value, revision, force), t('doc.saveAnyway'))
      client.setQueryData<D[]>(['admin', resource.bucket], (all) => all && [...all.filter((one) => resource.idOf(one) !== id), after])
      dropDraft(key)
      setTheirs(null)
      setKept(true)
      announce(t('doc.savedSay', { name: nameOf(value) }))
      void client.invalidateQueries({ queryKey: ['admin', resource.bucket] })
      void client.invalidateQueries({ queryKey: ['versions', resource.bucket, id] })
      void client.invalidateQueries({ queryKey: [resource.bucket] })
      if (!saved) go(pathOf(id), 'replace')
      return true
    } catch (error) {
      const found = asProblem(error)
      if (found.code === 'revision-conflict') {
        const now = await resource.get(id).catch(() => null)
        if (now) setTheirs(now)
        else setProblem(found)
      } else setProblem(found)
      return false
    } finally {
      setBusy(false)
    }
  }
  const save = async () => {
    if (busy || fixed !== null) return
    setBusy(true)
    await props.settled?.()
    const draft = drafts.get()[key]
    void put(withId((draft?.value as D | undefined) ?? editing.value, id), draft?.base ?? editing.base)
  }
  const remove = async () => {
    const name = nameOf(editing.value)
    if (!(await confirm({ title: props.remove?.title ?? t('doc.deleteTitle', { name }), text: props.remove?.text ?? t('doc.deleteText'), yes: props.remove?.word ?? t('doc.delete') }))) return
    try {
      await anyway((force) => resource.remove(id, force), t('doc.deleteAnyway'))
      dropDraft(key)
      client.setQueryData<D[]>(['admin', resource.bucket], (all) => all?.filter((one) => resource.idOf(one) !== id))
      void client.invalidateQueries({ queryKey: [resource.bucket] })
      announce(t('doc.deletedSay', { name }))
      go(pathOf(''))
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  const wrong = (member: string) => (problem?.field === member ? problem.detail : undefined)
  const atField = problem?.status === 422 && problem.field !== null

  return (
    <div
      className="editor"
      onKeyDown={(event) => {
        if ((event.ctrlKey || event.metaKey) && event.key === 's') {
          event.preventDefault()
          void save()
        }
      }}
    >
      <header className="editor-head">
        <div>
          {props.heading ?? <h2>{nameOf(editing.value) || t('doc.unnamed')}</h2>}
          <p className="quiet small" role="status">
            {fixed !== null ? t('doc.fixed', { file: fixed }) : editing.dirty ? t('doc.unsaved') : kept ? t('doc.saved') : saved ? '' : t('doc.new')}
          </p>
        </div>
        <div className="row wrap">
          {saved && (
            <button type="button" className="button small" aria-haspopup="dialog" onClick={() => setVersions(true)}>
              {t('versions.title')}
            </button>
          )}
          {saved && fixed === null && props.removable !== false && (
            <button type="button" className="button small" onClick={() => void remove()}>
              {props.remove?.word ?? t('doc.delete')}
            </button>
          )}
          {editing.dirty && (
            <button
              type="button"
              className="button small"
              onClick={() => {
                editing.discard()
                setProblem(null)
                if (!saved) go(pathOf(''))
              }}
            >
              {t('doc.discard')}
            </button>
          )}
          {fixed === null && (
            <button type="button" className="button small primary" aria-keyshortcuts="Control+S" aria-disabled={busy || (saved !== undefined && !editing.dirty)} onClick={() => void save()}>
              {t('do.save')}
            </button>
          )}
        </div>
      </header>
      {editing.behind && <p className="notice">{t('doc.behind')}</p>}
      {/* what is wrong with code is said by the editor, at its line */}
      {problem && problem.code !== 'function-invalid' && (atField ? <p className="field-error pre" role="alert">{problem.detail}</p> : <Failure error={problem} />)}
      {props.children({ ...editing, fixed: fixed !== null, problem, wrong, save: () => void save() })}
      {theirs && (
        <Conflict
          theirs={theirs}
          mine={editing.value}
          onClose={() => setTheirs(null)}
          takeTheirs={() => {
            editing.discard()
            setTheirs(null)
            void client.invalidateQueries({ queryKey: ['admin', resource.bucket] })
          }}
          saveMine={() => void put(withId(editing.value, id), theirs.revision)}
        />
      )}
      {versions && saved && (
        <Versions
          resource={resource}
          id={id}
          name={nameOf(saved)}
          present={saved}
          fixed={fixed !== null}
          onClose={() => setVersions(false)}
          back={(document) => put(withId(document, id), saved.revision)}
        />
      )}
    </div>
  )
}
