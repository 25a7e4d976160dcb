/** A time in the unit that fits it; or none, where that means something. */

import { useState } from 'react'

import { Field } from '../../parts/Field'
import { t } from '../../strings/t'

const UNITS = { s: 1, min: 60, h: 3600, d: 86_400 } as const
type Unit = keyof typeof UNITS

export const unitOf = (seconds: number): Unit => (['d', 'h', 'min'] as const).find((unit) => seconds >= UNITS[unit] && seconds % UNITS[unit] === 0) ?? 's'

interface PeriodProps {
  label: string
  help: string
  seconds: number
  /** What 0 means, if anything. */
  off: string | null
  disabled: boolean
  error: string | undefined
  change: (seconds: number) => void
}

export function Period({ label, help, seconds, off, disabled, error, change }: PeriodProps) {
  const [unit, setUnit] = useState<Unit>(() => (seconds ? unitOf(seconds) : 'min'))
  return (
    <Field label={label} help={off && seconds === 0 ? `${help} ${off}` : help} error={error}>
      {(wiring) => (
        <div className="row">
          <input
            {...wiring}
            className="input"
            type="number"
            min="0"
            step="any"
            value={seconds / UNITS[unit]}
            readOnly={disabled}
            onChange={(event) => change((Number(event.target.value) || 0) * UNITS[unit])}
          />
          <select
            className="input auto"
            aria-label={t('period.unitOf', { what: label })}
            value={unit}
            disabled={disabled}
            onChange={(event) => {
              const next = event.target.value as Unit
              change((seconds / UNITS[unit]) * UNITS[next])
              setUnit(next)
            }}
          >
            {(Object.keys(UNITS) as Unit[]).map((one) => (
              <option key={one} value={one}>
                {t(`period.${one}`)}
              </option>
            ))}
          </select>
        </div>
      )}
    </Field>
  )
}
