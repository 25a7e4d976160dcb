/** Functions of some kinds: list and order at the left, the one that is open beside it. */

import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useRef } from 'react'

import { type FunctionDocument, functions, type Kind, measured } from '../../api/administered'
import { Link } from '../../app/router'
import { Icon } from '../../parts/Icon'
import { Failure, Loaded } from '../../parts/states'
import { t } from '../../strings/t'
import { ListPage, Nothing, RowLink } from '../parts/ListPage'
import { useDocuments } from '../parts/useDocuments'
import { FunctionEditor } from './FunctionEditor'
import { firstOnly, inOrder, inUse, isBalance, useKinds } from './kinds'
import { useReorder } from './useReorder'

interface FunctionsProps {
  kinds: string[]
  /** The page's path; a function is one step below it. */
  base: string
  /** What comes behind the base, if anything. */
  rest: string
  title: string
  about: string
}

export function FunctionsPage(props: FunctionsProps) {
  const { base, rest, title, about } = props
  return (
    <ListPage title={title} about={about} open={rest !== ''} back={base} list={<FunctionList {...props} />}>
      <FunctionPane {...props} />
    </ListPage>
  )
}

const newPath = (base: string, kind: string) => `${base}/new-${kind}`

export function FunctionPane({ base, rest, kinds }: Pick<FunctionsProps, 'base' | 'rest' | 'kinds'>) {
  const table = useKinds()
  const query = useDocuments(functions)
  if (!rest) return <p className="quiet master-hint">{t('fn.choose')}</p>
  return (
    <Loaded query={table} loading={t('load.functions')}>
      {(rows) => (
        <Loaded query={query} loading={t('load.functions')}>
          {(all) => {
            const saved = all.find((one) => one.id === rest)
            const kindName = saved?.kind ?? kinds.find((name) => rest === `new-${name}`)
            const kind = rows.kinds.find((one) => one.name === kindName)
            if (!kind) return <Nothing title={t('doc.gone')} text={t('doc.goneText')} />
            return <FunctionEditor key={rest} kind={kind} saved={saved} all={all} pathOf={(id) => (id ? `${base}/${encodeURIComponent(id)}` : base)} />
          }}
        </Loaded>
      )}
    </Loaded>
  )
}

export function FunctionList({ base, rest, kinds }: Pick<FunctionsProps, 'base' | 'rest' | 'kinds'>) {
  const table = useKinds()
  const query = useDocuments(functions)
  return (
    <Loaded query={table} loading={t('load.functions')}>
      {(rows) => (
        <Loaded query={query} loading={t('load.functions')}>
          {(all) => (
            <>
              {kinds.map((name) => {
                const kind = rows.kinds.find((one) => one.name === name)
                return kind && <OneKind key={name} kind={kind} all={all} base={base} rest={rest} />
              })}
            </>
          )}
        </Loaded>
      )}
    </Loaded>
  )
}

function OneKind({ kind, all, base, rest }: { kind: Kind; all: FunctionDocument[]; base: string; rest: string }) {
  const list = useRef<HTMLUListElement>(null)
  const dragged = useRef('')
  const mine = inOrder(all, kind.name)
  const { move, problem } = useReorder(kind.name, mine, list)
  const what = isBalance(kind.name) ? t('fn.newScript') : kind.name === 'metric' ? t('fn.newMetric') : t('fn.new')
  const ordered = !isBalance(kind.name) && mine.length > 1

  const onKeyDown = (id: string, index: number) => (event: KeyboardEvent) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (!step) return
    event.preventDefault()
    if (event.altKey && ordered) move(id, (from) => from + step)
    else list.current?.querySelectorAll<HTMLElement>('a')[index + step]?.focus()
  }
  return (
    <section className="function-kind">
      <div className="row">
        <h2 className="grow">{kind.title}</h2>
        <Link className="button small" to={newPath(base, kind.name)} aria-label={t('fn.newOf', { what, kind: kind.title.toLowerCase() })}>
          <Icon name="plus" />
          {what}
        </Link>
      </div>
      <p className="quiet small">{kind.help}</p>
      {problem && <Failure error={problem} />}
      {mine.length === 0 ? (
        <p className="quiet small nothing-small">{t('fn.none')}</p>
      ) : (
        <ul ref={list} className="row-links" aria-label={kind.title}>
          {mine.map((one, index) => (
            <li
              key={one.id}
              draggable={ordered}
              aria-keyshortcuts={ordered ? 'Alt+ArrowUp Alt+ArrowDown' : undefined}
              onKeyDown={onKeyDown(one.id, index)}
              onDragStart={() => (dragged.current = one.id)}
              onDragOver={(event) => event.preventDefault()}
              onDrop={(event) => {
                event.preventDefault()
                move(dragged.current, () => index)
                dragged.current = ''
              }}
            >
              <RowLink
                to={`${base}/${encodeURIComponent(one.id)}`}
                now={rest === one.id}
                name={one.name}
                note={<Note one={one} />}
                badge={<span className={inUse(all, one) ? 'badge running' : 'badge'}>{!one.enabled ? t('fn.off') : inUse(all, one) ? (isBalance(kind.name) ? t('fn.on1') : t('fn.inUse')) : t('fn.notUsed')}</span>}
              />
            </li>
          ))}
        </ul>
      )}
      {ordered && <p className="quiet small">{firstOnly(kind.name) ? t('fn.orderFirst') : t('fn.orderAll')}</p>}
    </section>
  )
}

/** Where it comes from, and of a metric what it measured last and why it does not do so now. */
function Note({ one }: { one: FunctionDocument }) {
  const metric = one.kind === 'metric'
  const query = useQuery({ queryKey: ['measured'], queryFn: measured, enabled: metric, refetchInterval: 10_000 })
  const now = metric ? query.data?.find((other) => other.id === one.id) : undefined
  const words = [
    one.fixed ? t('doc.fromFile') : one.engine === 'javascript' ? '' : one.engine,
    now && now.value !== null ? JSON.stringify(now.value).slice(0, 80) : '',
    now?.error.slice(0, 200) ?? '',
  ]
  return <>{words.filter(Boolean).join(' · ')}</>
}
