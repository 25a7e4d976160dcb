/** What can be done with a session: one table for menus, keys, the palette and the viewer. */

import * as api from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { Me, Session } from '../api/types'
import { may, queries } from '../app/place'
import { go } from '../app/router'
import { store } from '../app/store'
import { CONNECTABLE, LIVE, titleOf } from '../app/words'
import { announce } from '../parts/announce'
import { confirm } from '../parts/confirm'
import type { MenuEntry } from '../parts/Menu'
import { sentence } from '../parts/states'
import { t, type Key } from '../strings/t'

export interface Action {
  name: string
  label: string
  /** The key that does it while the session's card has the focus. */
  key: string
  run: () => void
  danger?: boolean
  group?: true
}

/** What went wrong with the last thing that was asked of a session; it stays at the session until it is put away. */
export const troubles = store<Record<string, { problem: Problem; what: string }>>({})
/** Which session is being renamed. */
export const renaming = store<string | null>(null)

export const clearTrouble = (id: string): void =>
  troubles.set((all) => Object.fromEntries(Object.entries(all).filter(([key]) => key !== id)))

/** Does it, keeps the session's document that comes back, and leaves a note at the session if it failed. */
export async function attempt(session: Session, what: string, action: () => Promise<Session | void>): Promise<boolean> {
  clearTrouble(session.id)
  try {
    const after = await action()
    if (after) queries.setQueryData(['session', session.id], after)
    void queries.invalidateQueries({ queryKey: ['sessions'] })
    announce(t('did', { what, name: titleOf(session) }))
    return true
  } catch (error) {
    const problem = asProblem(error)
    troubles.set((all) => ({ ...all, [session.id]: { problem, what } }))
    announce(`${t('didNot', { what, name: titleOf(session) })} ${sentence(problem)}`)
    return false
  }
}

export async function endSession(session: Session): Promise<boolean> {
  const name = titleOf(session)
  const pending = session.state === 'pending'
  const sure =
    pending ||
    (await confirm({ title: t('end.title', { name }), text: t('end.text'), yes: t('do.terminate') }))
  return sure && attempt(session, t('do.terminate'), () => api.terminate(session.id))
}

export async function purgeSession(session: Session): Promise<boolean> {
  const name = titleOf(session)
  const sure =
    !LIVE.has(session.state) ||
    (await confirm({ title: t('purge.title', { name }), text: t('purge.text'), yes: t('do.purge') }))
  return sure && attempt(session, t('do.purge'), () => api.purge(session.id).then(() => undefined))
}

export async function saveScreenshot(session: Session): Promise<void> {
  await attempt(session, t('do.screenshot'), async () => {
    const picture = await api.screenshot(session.id, { format: 'png' })
    download(picture, `${titleOf(session)} ${new Date().toISOString().slice(0, 19).replace(/[T:]/g, '-')}.png`)
  })
}

export function download(what: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(what)
  link.download = name.replace(/[\\/:*?"<>|\u0000-\u001f]+/g, '_')
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** Its job has an end, which its scheduler may be asked to put off. */
export const moreTime = (session: Session, me: Me | undefined): boolean =>
  CONNECTABLE.has(session.state) && Boolean(session.job?.endsAt) && Boolean(me?.extendable?.includes(session.launcher))

/** The actions that this person may take on this session as it is now, in the order of the menu. */
export function actionsOn(session: Session, me: Me | undefined): Action[] {
  const live = LIVE.has(session.state)
  const connectable = CONNECTABLE.has(session.state)
  const can = (action: string) => may(me, action, session)
  const page = (name: string) => () => go(`session/${session.id}/${name}`)
  const row = (name: string, key: string, when: boolean, run: () => void, more: Partial<Action> = {}) =>
    when ? [{ name, key, run, label: t(`do.${name}` as Key), ...more }] : []
  return [
    ...row('open', 'Enter', connectable && can('session/connect'), () => go(`session/${session.id}`)),
    ...row('rename', 'R', live && can('session/params'), () => renaming.set(session.id)),
    ...row('details', 'I', can('session/info'), page('info'), { group: true }),
    ...row('params', 'P', live && can('session/params'), page('params')),
    ...row('log', 'L', can('session/log'), page('log')),
    ...row('processes', 'X', connectable && can('session/processes'), page('processes')),
    ...row('why', 'W', can('session/explain'), page('why')),
    ...row('screenshot', 'C', connectable && can('session/screenshot'), () => void saveScreenshot(session)),
    ...row('extend', 'E', moreTime(session, me) && can('session/connect'), () => void attempt(session, t('do.extend'), () => api.extend(session.id)), { group: true }),
    ...row('suspend', 'S', session.state === 'running' && session.clients > 0 && can('session/disconnect'), () => {
      void attempt(session, t('do.suspend'), () => api.suspend(session.id))
    }, { group: true }),
    ...row('terminate', 'Delete', live && session.state !== 'ending' && can('session/terminate'), () => void endSession(session), {
      danger: true,
      group: true,
    }),
    ...row('purge', 'Shift+Delete', can('session/purge'), () => void purgeSession(session), { danger: true }),
  ]
}

export const asEntries = (actions: Action[]): MenuEntry[] =>
  actions.map(({ label, run, key, danger, group }) => ({
    label,
    run,
    hint: key,
    ...(danger && { danger }),
    ...(group && { group }),
  }))

/** The action that a key stands for, if any. */
export function actionFor(actions: Action[], event: { key: string; shiftKey: boolean; ctrlKey: boolean; altKey: boolean; metaKey: boolean }) {
  if (event.ctrlKey || event.altKey || event.metaKey) return undefined
  const name = event.key.length === 1 ? event.key.toUpperCase() : event.shiftKey ? `Shift+${event.key}` : event.key
  return actions.find((action) => action.key === name)
}
