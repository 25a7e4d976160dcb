/** An order made by hand: what is available at the left, what is used at the right; drag, Alt-↑↓, or the buttons. */

import { type DragEvent, type KeyboardEvent, type ReactNode, useRef, useState } from 'react'

import { announce } from '../../parts/announce'
import { Icon } from '../../parts/Icon'
import { t } from '../../strings/t'
import { useFilter } from './useFilter'

export interface Item {
  id: string
  name: string
  note?: string
  badge?: ReactNode
}

interface OrderProps {
  all: Item[]
  chosen: string[]
  change: (chosen: string[]) => void
  available: string
  used: string
  nothing: string
  /** A button at each item that tells more about it. */
  show?: { label: (name: string) => string; run: (id: string) => void } | undefined
  off?: boolean
}

export function moved<I>(list: I[], from: number, to: number): I[] {
  const rest = list.filter((_, index) => index !== from)
  return rest.toSpliced(Math.max(0, Math.min(rest.length, to)), 0, list[from]!)
}

export function Order({ all, chosen, change, available, used, nothing, show, off }: OrderProps) {
  const [over, setOver] = useState<number | null>(null)
  const right = useRef<HTMLOListElement>(null)
  const item = (id: string): Item => all.find((one) => one.id === id) ?? { id, name: id, note: t('order.gone') }
  const left = all.filter((one) => !chosen.includes(one.id))
  const few = useFilter(left, (one) => `${one.name} ${one.note ?? ''}`)

  const say = (id: string, list: string[]) => announce(t('order.said', { name: item(id).name, at: list.indexOf(id) + 1, n: list.length }))
  const move = (from: number, to: number) => {
    if (to < 0 || to >= chosen.length || off) return
    const next = moved(chosen, from, to)
    change(next)
    say(chosen[from]!, next)
    requestAnimationFrame(() => right.current?.querySelectorAll<HTMLElement>('li')[to]?.focus())
  }
  const add = (id: string, at = chosen.length) => {
    if (off) return
    const without = chosen.filter((one) => one !== id)
    const before = chosen.indexOf(id)
    const next = without.toSpliced(before >= 0 && before < at ? at - 1 : at, 0, id)
    change(next)
    say(id, next)
  }
  const remove = (id: string) => {
    change(chosen.filter((one) => one !== id))
    announce(t('order.removed', { name: item(id).name }))
  }
  const onKeyDown = (index: number) => (event: KeyboardEvent) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (!step) return
    if (event.altKey) {
      event.preventDefault()
      move(index, index + step)
    } else if (event.target === event.currentTarget) {
      event.preventDefault()
      right.current?.querySelectorAll<HTMLElement>('li')[index + step]?.focus()
    }
  }
  const drag = (id: string) =>
    off
      ? {}
      : {
          draggable: true,
          onDragStart: (event: DragEvent) => {
            event.dataTransfer.setData('text/plain', id)
            event.dataTransfer.effectAllowed = 'move'
          },
          onDragEnd: () => setOver(null),
        }
  const drop = (index: number) => ({
    onDragOver: (event: DragEvent) => {
      if (off) return
      event.preventDefault()
      event.stopPropagation()
      setOver(index)
    },
    onDrop: (event: DragEvent) => {
      event.preventDefault()
      event.stopPropagation()
      setOver(null)
      const id = event.dataTransfer.getData('text/plain')
      if (all.some((one) => one.id === id) || chosen.includes(id)) add(id, index)
    },
  })
  return (
    <div className="order">
      <section>
        <h3>{available}</h3>
        {few.field}
        <ul className="order-list" aria-label={available}>
          {few.shown.map((one) => (
            <li key={one.id} className="order-item" {...drag(one.id)}>
              <Words item={one} />
              {show && <Show item={one} show={show} />}
              {!off && (
                <button type="button" className="button small" aria-label={t('order.addOf', { name: one.name })} onClick={() => add(one.id)}>
                  {t('order.add')}
                </button>
              )}
            </li>
          ))}
          {left.length === 0 && <li className="order-none quiet small">{t('order.allUsed')}</li>}
        </ul>
        {few.rest}
      </section>
      <section>
        <h3>{used}</h3>
        <ol ref={right} className="order-list" aria-label={used} {...drop(chosen.length)}>
          {chosen.map((id, index) => (
            <li key={id} className={over === index ? 'order-item over' : 'order-item'} tabIndex={0} aria-label={t('order.place', { name: item(id).name, at: index + 1, n: chosen.length })} aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown" onKeyDown={onKeyDown(index)} {...drag(id)} {...drop(index)}>
              <span className="order-number" aria-hidden="true">
                {index + 1}
              </span>
              <Words item={item(id)} />
              {show && <Show item={item(id)} show={show} />}
              {!off && (
                <span className="row order-buttons">
                  <button type="button" className="plain round" aria-label={t('order.up', { name: item(id).name })} aria-disabled={index === 0} onClick={() => move(index, index - 1)}>
                    <Icon name="up" />
                  </button>
                  <button type="button" className="plain round" aria-label={t('order.down', { name: item(id).name })} aria-disabled={index === chosen.length - 1} onClick={() => move(index, index + 1)}>
                    <Icon name="down" />
                  </button>
                  <button type="button" className="plain round" aria-label={t('order.removeOf', { name: item(id).name })} onClick={() => remove(id)}>
                    <Icon name="close" />
                  </button>
                </span>
              )}
            </li>
          ))}
          {chosen.length === 0 && <li className="order-none quiet small">{nothing}</li>}
        </ol>
        {!off && chosen.length > 1 && <p className="quiet small">{t('order.help')}</p>}
      </section>
    </div>
  )
}

function Words({ item }: { item: Item }) {
  return (
    <span className="order-words">
      <span>
        {item.name} {item.badge}
      </span>
      {item.note && <span className="quiet small">{item.note}</span>}
    </span>
  )
}

function Show({ item, show }: { item: Item; show: NonNullable<OrderProps['show']> }) {
  return (
    <button type="button" className="button small" aria-haspopup="dialog" aria-label={show.label(item.name)} onClick={() => show.run(item.id)}>
      {t('order.show')}
    </button>
  )
}
