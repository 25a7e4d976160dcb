/** A list of names, typed one after another. */

import { useId, useState } from 'react'

import { Icon } from '../../parts/Icon'
import { t } from '../../strings/t'

interface WordsProps {
  label: string
  help?: string
  values: string[]
  change: (values: string[]) => void
  off: boolean
  error?: string | undefined
}

export function Words({ label, help, values, change, off, error }: WordsProps) {
  const [text, setText] = useState('')
  const id = useId()
  const add = () => {
    const found = text.split(/[\s,]+/).filter((one) => one && !values.includes(one))
    if (found.length) change([...values, ...found])
    setText('')
  }
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {values.length > 0 && (
        <ul className="chips words" aria-label={label}>
          {values.map((one) => (
            <li key={one} className="word">
              {one}
              {!off && (
                <button type="button" className="plain" aria-label={t('params.remove', { key: one })} onClick={() => change(values.filter((other) => other !== one))}>
                  <Icon name="close" />
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {!off && (
        <div className="row">
          <input
            id={id}
            className="input"
            value={text}
            aria-describedby={help ? `${id}-help` : undefined}
            autoCapitalize="off"
            spellCheck={false}
            onChange={(event) => setText(event.target.value)}
            onBlur={add}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
              event.preventDefault()
              add()
            }}
          />
          <button type="button" className="button" onClick={add}>
            {t('order.add')}
          </button>
        </div>
      )}
      {help && (
        <p id={`${id}-help`} className="quiet small">
          {help}
        </p>
      )}
      {error && <p className="field-error">{error}</p>}
    </div>
  )
}
