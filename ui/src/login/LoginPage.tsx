/** The login: the methods that the server offers, as many rounds of questions as it asks, and what it says on the way. */

import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useEffect, useRef, useState } from 'react'

import * as api from '../api/client'
import { asProblem, Problem } from '../api/problem'
import type { LoginStage, Method, Place, PromptStage } from '../api/types'
import { Field } from '../parts/Field'
import { Prompts } from '../parts/Prompts'
import { Failure, Loaded } from '../parts/states'
import { known, t } from '../strings/t'

interface LoginPageProps {
  done: () => void
  /** The login was over while the page was in use. */
  expired: boolean
  /** Why the link's token did not let in. */
  linkProblem: Problem | null
}

export function LoginPage({ done, expired, linkProblem }: LoginPageProps) {
  const place = useQuery({ queryKey: ['place'], queryFn: api.place })
  return (
    <main className="login" id="main">
      <div className="login-card">
        <Loaded query={place} loading={t('load.login')}>
          {(about) => (
            <>
              <h1>{about.title || about.name}</h1>
              {about.loginNotice && <p className="notice pre">{about.loginNotice}</p>}
              {expired && !linkProblem && (
                <p className="notice" role="status">
                  {t('login.expired')}
                </p>
              )}
              {about.onePerson ? <OnePerson problem={linkProblem} /> : <Methods place={about} done={done} />}
              <p className="quiet small">
                {about.name} {about.version}
                {about.serverId && ` · ${about.serverId}`}
              </p>
            </>
          )}
        </Loaded>
      </div>
    </main>
  )
}

function OnePerson({ problem }: { problem: Problem | null }) {
  return (
    <div className="stack">
      <h2>{problem ? t('link.usedTitle') : t('link.title')}</h2>
      <p>{problem ? t('link.usedText') : t('link.text')}</p>
      <p>{t('link.how')}</p>
      <pre className="log short">portcall server link</pre>
      <p className="quiet small">{t('link.restart')}</p>
      {problem && problem.status !== 401 && problem.status !== 403 && <Failure error={problem} />}
    </div>
  )
}

function Methods({ place, done }: { place: Place; done: () => void }) {
  const [method, setMethod] = useState<Method | undefined>(place.methods[0])
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const [stage, setStage] = useState<PromptStage | null>(null)
  const [round, setRound] = useState(0)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const attempt = useRef<string | null>(null)
  attempt.current = stage?.attempt ?? null

  // an attempt that is left open would hold a process of the server
  useEffect(() => () => void (attempt.current && api.leaveLogin(attempt.current).catch(() => undefined)), [])

  const advance = async (step: () => Promise<LoginStage>) => {
    setBusy(true)
    setProblem(null)
    try {
      const next = await step()
      if (next.stage === 'success') {
        attempt.current = null
        setStage(null)
        return done()
      }
      if (next.stage === 'prompt') {
        setStage(next)
        setRound((before) => before + 1)
      } else setProblem(new Problem(-1, { code: 'sign', detail: t('login.sign') }))
    } catch (error) {
      setProblem(asProblem(error))
      setStage(null)
      setPassword('')
    } finally {
      setBusy(false)
    }
  }
  const cancel = () => {
    if (stage) void api.leaveLogin(stage.attempt).catch(() => undefined)
    setStage(null)
    setPassword('')
  }

  if (!method) return <p className="notice bad">{t('login.noMethod')}</p>
  if (stage)
    return (
      <div className="stack">
        {stage.title && <h2>{stage.title}</h2>}
        <Prompts round={round} instructions={stage.instructions} prompts={stage.prompts} busy={busy} cancel={cancel} send={(answers) => void advance(() => api.answerLogin(stage.attempt, answers))} />
      </div>
    )

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (busy) return
    void advance(() =>
      // without a password the server asks what it needs, in rounds
      api.login({ method: method.name, ...(method.user && { user: user.trim() }), ...(method.password && password && { password }) }),
    )
  }
  return (
    <form className="stack" onSubmit={submit}>
      {problem && <LoginFailure problem={problem} />}
      {place.methods.length > 1 && (
        <fieldset className="segments">
          <legend className="unseen">{t('login.method')}</legend>
          {place.methods.map((one) => (
            <label key={one.name}>
              <input type="radio" name="method" checked={one.name === method.name} onChange={() => setMethod(one)} />
              <span>{one.title}</span>
            </label>
          ))}
        </fieldset>
      )}
      {method.user && (
        <Field label={t('login.user')}>
          {(wiring) => (
            <input {...wiring} className="input" name="username" autoComplete="username" autoCapitalize="off" spellCheck={false} autoFocus required value={user} onChange={(event) => setUser(event.target.value)} />
          )}
        </Field>
      )}
      {method.password && (
        <Field label={t('login.password')} help={method.name === 'ssh' ? t('login.passwordSsh') : undefined}>
          {(wiring) => (
            <input {...wiring} className="input" type="password" name="password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} />
          )}
        </Field>
      )}
      <button type="submit" className="button primary big" aria-disabled={busy}>
        {busy ? t('prompt.checking') : t('login.do')}
      </button>
    </form>
  )
}

/** A refused login needs one sentence; anything else says all it knows. */
function LoginFailure({ problem }: { problem: Problem }) {
  if (problem.code === 'login-failed')
    return (
      <p className="notice bad" role="alert">
        {problem.detail || known('problem.login-failed', problem.title)}
      </p>
    )
  if (problem.code === 'too-many-attempts')
    return (
      <p className="notice bad" role="alert">
        {t('login.wait', { n: Math.ceil(problem.retryAfter ?? 60) })}
      </p>
    )
  return <Failure error={problem} />
}
