/** The clipboards of the session and of this computer as text, for where the browser does not let them meet by themselves. */

import { useEffect, useState } from 'react'

import { useStore } from '../app/store'
import { announce } from '../parts/announce'
import { t } from '../strings/t'
import type { Clipboard } from './clipboard'

export function ClipboardPanel({ clipboard, close }: { clipboard: Clipboard; close: () => void }) {
  const theirs = useStore(clipboard.theirs)
  const [text, setText] = useState(theirs)
  const [note, setNote] = useState('')
  useEffect(() => setText(theirs), [theirs])
  const say = (words: string) => {
    setNote(words)
    announce(words)
  }
  return (
    <section className="viewer-panel" aria-label={t('clipboard.title')}>
      <label htmlFor="clipboard-text">{t('clipboard.title')}</label>
      <textarea
        id="clipboard-text"
        className="input mono"
        rows={6}
        spellCheck={false}
        autoFocus
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key !== 'Escape' && event.stopPropagation()}
      />
      <p className="quiet small">{t('clipboard.help')}</p>
      {note && <p className="small strong">{note}</p>}
      <div className="row wrap">
        <button
          type="button"
          className="button small primary"
          onClick={() => {
            clipboard.give(text)
            say(t('clipboard.sent'))
          }}
        >
          {t('clipboard.send')}
        </button>
        <button type="button" className="button small" onClick={() => void clipboard.write(text).then((done) => say(done ? t('clipboard.copied') : t('clipboard.byHand')))}>
          {t('clipboard.copy')}
        </button>
        <button
          type="button"
          className="button small"
          onClick={() =>
            void clipboard.read().then((read) => {
              if (read === null) return say(t('clipboard.byHandPaste'))
              setText(read)
              clipboard.give(read)
              say(t('clipboard.sent'))
            })
          }
        >
          {t('clipboard.paste')}
        </button>
        <button type="button" className="button small" onClick={close}>
          {t('do.close')}
        </button>
      </div>
    </section>
  )
}
