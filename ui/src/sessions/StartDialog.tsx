/** All that a start may say: command, name, size, keyboard, profile. The last answers are remembered. */

import { type FormEvent, useId, useState } from 'react'

import { go } from '../app/router'
import { remember } from '../app/store'
import { duration } from '../app/words'
import { Dialog } from '../parts/Dialog'
import { Field } from '../parts/Field'
import { t, type Key } from '../strings/t'
import { answersOf, guessKeyboard } from './defaults'
import { useKeyboards } from './keyboards'
import { stillOffered, useProfiles } from './profiles'
import { GEOMETRY, geometryOf, keepShape, type Kind, type Shape, shapeOf, windowGeometry } from './shape'
import { begin } from './starts'
import type { Profile } from '../api/types'

interface StartDialogProps {
  command: string
  /** What was already chosen; else it follows the command. */
  shape?: Shape
  onClose: () => void
  onStarted: () => void
}

const KINDS: Kind[] = ['rootless', 'window', 'typed']

export function StartDialog({ command: given, shape: chosen, onClose, onStarted }: StartDialogProps) {
  const [command, setCommand] = useState(given)
  const [picked, setPicked] = useState(chosen)
  const [name, setName] = useState('')
  const [answers, setAnswers] = useState(answersOf)
  const [errors, setErrors] = useState<{ command?: string; size?: string }>({})
  const form = useId()
  const profiles = useProfiles()
  const profileName = stillOffered(answers.profile)
  const profile = profiles.data?.find((one) => one.name === profileName)
  const layouts = useKeyboards()
  const keyboard = answers.keyboard || guessKeyboard(navigator.languages, layouts.data)
  const shape = picked ?? shapeOf(command)
  const change = (some: Partial<typeof answers>) => setAnswers({ ...answers, ...some })

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const wrong = {
      ...(!command.trim() && { command: t('new.missing') }),
      ...(shape.kind === 'typed' && !GEOMETRY.test(shape.size) && { size: t('geometry.wrong') }),
    }
    setErrors(wrong)
    if (Object.keys(wrong).length) {
      // to the first field at fault, once its error is on the page
      requestAnimationFrame(() => document.querySelector<HTMLElement>('dialog [aria-invalid]')?.focus())
      return
    }
    remember('answers', answers)
    keepShape(command, shape)
    const id = begin({
      command: command.trim(),
      name: name.trim(),
      geometry: geometryOf(shape, profile?.maximumGeometry),
      profile: profileName,
      keyboardLayout: keyboard,
    })
    onClose()
    onStarted()
    if (answers.open) go(`session/${id}`)
  }

  return (
    <Dialog
      title={t('new.title')}
      onClose={onClose}
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t('do.cancel')}
          </button>
          <button type="submit" form={form} className="button primary">
            {t('do.start')}
          </button>
        </>
      }
    >
      <form id={form} className="stack" onSubmit={submit} noValidate>
        <Field label={t('field.command')} help={t('field.commandHelp')} error={errors.command}>
          {(wiring) => (
            <textarea
              {...wiring}
              className="input mono"
              rows={Math.min(6, command.split('\n').length + 1)}
              value={command}
              onChange={(event) => setCommand(event.target.value)}
              autoCapitalize="off"
              spellCheck={false}
              data-first
            />
          )}
        </Field>
        <Field label={t('field.name')} help={t('field.nameHelp')}>
          {(wiring) => <input {...wiring} className="input" value={name} maxLength={256} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <fieldset className="field">
          <legend>{t('field.geometry')}</legend>
          {KINDS.map((kind) => (
            <label key={kind} className="choice">
              <input type="radio" name="kind" checked={shape.kind === kind} onChange={() => setPicked({ ...shape, kind })} />
              <span>
                {t(`geometry.${kind}` as Key)}
                <span className="quiet small">{t(`geometry.${kind}Help` as Key, { size: windowGeometry(profile?.maximumGeometry) })}</span>
              </span>
            </label>
          ))}
          {shape.kind === 'typed' && (
            <Field label={t('field.size')} error={errors.size}>
              {(wiring) => (
                <input {...wiring} className="input short" value={shape.size} onChange={(event) => setPicked({ ...shape, size: event.target.value })} />
              )}
            </Field>
          )}
        </fieldset>
        <Field label={t('field.keyboard')} help={t('field.keyboardHelp')}>
          {(wiring) => (
            <select {...wiring} className="input" value={keyboard} onChange={(event) => change({ keyboard: event.target.value })}>
              {(layouts.data ?? [{ name: keyboard, title: keyboard }]).map((layout) => (
                <option key={layout.name} value={layout.name}>
                  {layout.title}
                </option>
              ))}
            </select>
          )}
        </Field>
        {(profiles.data?.length ?? 0) > 1 && (
          <Field label={t('field.profile')} help={limits(profile)}>
            {(wiring) => (
              <select {...wiring} className="input" value={profileName} onChange={(event) => change({ profile: event.target.value })}>
                {profiles.data!.map((one) => (
                  <option key={one.name} value={one.name}>
                    {one.description ? `${one.name}: ${one.description}` : one.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <label className="choice">
          <input type="checkbox" checked={answers.open} onChange={(event) => change({ open: event.target.checked })} />
          <span>{t('field.open')}</span>
        </label>
      </form>
    </Dialog>
  )
}

/** What a profile limits, in a sentence. */
function limits(profile: Profile | undefined): string {
  if (!profile) return ''
  return [
    profile.maximumGeometry && t('profile.geometry', { size: profile.maximumGeometry }),
    profile.endAfterDisconnected > 0 && t('profile.ends', { time: duration(profile.endAfterDisconnected) }),
    profile.disconnectWhenIdle > 0 && t('profile.idle', { time: duration(profile.disconnectWhenIdle) }),
  ]
    .filter(Boolean)
    .join(' ')
}
