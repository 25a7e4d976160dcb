/** Try a launcher: what it would run for a start, with nothing run; or that start for real. */

import { useState } from 'react'

import { dryRun, type Invocation, type Launcher } from '../../api/launchers'
import { asProblem, type Problem } from '../../api/problem'
import { go } from '../../app/router'
import { Field } from '../../parts/Field'
import { Failure } from '../../parts/states'
import { begin } from '../../sessions/starts'
import { t } from '../../strings/t'
import { Json } from '../parts/Json'

export function TryLauncher({ launcher }: { launcher: Launcher }) {
  const [command, setCommand] = useState('xterm')
  const [params, setParams] = useState<Record<string, unknown>>({})
  const [valid, setValid] = useState(true)
  const [busy, setBusy] = useState(false)
  const [made, setMade] = useState<Invocation | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const ready = command.trim() !== '' && valid && !busy

  const dry = async () => {
    if (!ready) return
    setBusy(true)
    setProblem(null)
    try {
      setMade(await dryRun(launcher.name, { command, params }))
    } catch (error) {
      setMade(null)
      setProblem(asProblem(error))
    } finally {
      setBusy(false)
    }
  }
  const real = () => {
    if (ready) go(`session/${begin({ command: command.trim(), params, launcher: launcher.name, name: t('launchers.tryName', { name: launcher.title }) })}`)
  }
  return (
    <section className="stack" aria-label={t('launchers.try')}>
      <h3>{t('launchers.try')}</h3>
      <p className="quiet small">{t('launchers.tryHelp')}</p>
      <Field label={t('field.command')}>
        {(wiring) => <input {...wiring} className="input mono" value={command} spellCheck={false} onChange={(event) => setCommand(event.target.value)} />}
      </Field>
      <details>
        <summary className="quiet small">{t('launchers.params')}</summary>
        <Json label={t('launchers.params')} value={params} change={setParams} valid={setValid} short />
      </details>
      <div className="row">
        <button type="button" className="button" aria-disabled={!ready} onClick={() => void dry()}>
          {t('launchers.dry')}
        </button>
        <button type="button" className="button" aria-disabled={!ready} onClick={real}>
          {t('launchers.real')}
        </button>
      </div>
      <div aria-live="polite" className="stack">
        {problem && <Failure error={problem} />}
        {made && <Made made={made} />}
      </div>
    </section>
  )
}

/** As a shell would have it. */
export const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`)

function Made({ made }: { made: Invocation }) {
  const variables = Object.entries(made.env)
  return (
    <div className="stack">
      <p className="small">{t(made.asService ? 'launchers.asService' : 'launchers.asUser', { user: made.user })}</p>
      {made.argv.length === 0 ? (
        <p>{t('launchers.byLink')}</p>
      ) : (
        <Part name={t('launchers.command')} text={made.argv.map(quoted).join(' ')} />
      )}
      {variables.length > 0 && <Part name={t('launchers.environment')} text={variables.map(([name, value]) => `${name}=${value}`).join('\n')} />}
      {made.stdin && <Part name={t('launchers.stdin')} text={pretty(made.stdin)} />}
    </div>
  )
}

function Part({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <h4>{name}</h4>
      <pre className="log" tabIndex={0} aria-label={name}>
        {text}
      </pre>
    </div>
  )
}

/** JSON is easier to read in lines of its own; what is none stays as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
