/** The wide field that a session begins with: a command and Enter. Options opens the rest. */

import { type FormEvent, useRef, useState } from 'react'

import type { Me } from '../api/types'
import { may } from '../app/place'
import { go } from '../app/router'
import { useStore } from '../app/store'
import { useKeyboards } from './keyboards'
import { t } from '../strings/t'
import { answersOf, guessKeyboard } from './defaults'
import { largestOf, stillOffered, useProfiles } from './profiles'
import { BookmarkTiles, useBookmarks } from './Bookmarks'
import { geometryOf, type Kind, keepShape, type Shape, shapeOf } from './shape'
import { StartDialog } from './StartDialog'
import { begin, recent } from './starts'

export const NEW_SESSION = 'new-session'

export function NewSession({ me }: { me: Me | undefined }) {
  const [command, setCommand] = useState('')
  const [chosen, setChosen] = useState<Kind>()
  const [missing, setMissing] = useState(false)
  const [options, setOptions] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const used = useStore(recent)
  const layouts = useKeyboards()
  useProfiles()

  if (me && !may(me, 'session/start')) return <p className="notice">{t('new.forbidden')}</p>

  if (me?.level === 'limited') return <BookmarksOnly />

  const shape = { ...shapeOf(command), ...(chosen && { kind: chosen }) }
  const emptied = () => {
    setCommand('')
    setChosen(undefined)
  }
  const start = (what: string, as: Shape) => {
    const answers = answersOf()
    const profile = stillOffered(answers.profile)
    const id = begin({
      command: what,
      geometry: geometryOf(as, largestOf(profile)),
      profile,
      keyboardLayout: answers.keyboard || guessKeyboard(navigator.languages, layouts.data),
    })
    emptied()
    if (answers.open) go(`session/${id}`)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const what = command.trim()
    setMissing(!what)
    if (what) {
      keepShape(what, shape)
      start(what, shape)
    } else field.current?.focus()
  }

  return (
    <section className="new">
      <form onSubmit={submit}>
        <label htmlFor={NEW_SESSION}>
          {t('new.title')}
        </label>
        <div className="new-row">
          <input
            ref={field}
            id={NEW_SESSION}
            className="input big"
            value={command}
            onChange={(event) => {
              if (event.target.value.trim()) setCommand(event.target.value)
              else emptied()
              setMissing(false)
            }}
            placeholder={t('new.placeholder')}
            autoCapitalize="off"
            autoComplete="off"
            autoCorrect="off"
            spellCheck={false}
            aria-invalid={missing || undefined}
            aria-describedby={missing ? 'new-missing' : 'new-help'}
          />
          <button type="submit" className="button primary big">
            {t('do.start')}
          </button>
          <button type="button" className="button big" aria-haspopup="dialog" onClick={() => setOptions(true)}>
            {t('new.options')}
          </button>
        </div>
        {missing ? (
          <p id="new-missing" className="field-error" role="alert">
            {t('new.missing')}
          </p>
        ) : (
          <p className="new-help quiet small">
            <span id="new-help">{command ? whatStarts(shape) : t('new.help')}</span>
            {command && (
              <button type="button" className="link" onClick={() => setChosen(shape.kind === 'rootless' ? 'window' : 'rootless')}>
                {t(shape.kind === 'rootless' ? 'new.ratherDesktop' : 'new.ratherProgram')}
              </button>
            )}
          </p>
        )}
      </form>
      <BookmarkTiles />
      {used.length > 0 && (
        <ul className="chips" aria-label={t('new.recent')}>
          {used.map((one) => (
            <li key={one}>
              <button type="button" className="chip" title={t('new.again', { command: one })} onClick={() => start(one, shapeOf(one))}>
                {one}
              </button>
            </li>
          ))}
        </ul>
      )}
      {options && <StartDialog command={command} {...(chosen && { shape })} onClose={() => setOptions(false)} onStarted={emptied} />}
    </section>
  )
}

const whatStarts = (shape: Shape): string =>
  shape.kind === 'rootless' ? t('new.asProgram') : t('new.asDesktop', { size: geometryOf(shape, largestOf(stillOffered(answersOf().profile))) })

/** For those who may not start commands of their own. */
function BookmarksOnly() {
  const found = useBookmarks().data
  return (
    <section className="new">
      <h2>{t('new.title')}</h2>
      <p className="quiet small">{found?.length === 0 ? t('bookmarks.onlyNone') : t('bookmarks.only')}</p>
      <BookmarkTiles />
    </section>
  )
}
