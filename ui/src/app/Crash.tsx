/** A page that fell over says so, instead of being white. */

import { Component, type ReactNode } from 'react'

import { t } from '../strings/t'

export class Crash extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null }

  static getDerivedStateFromError(error: unknown) {
    return { error }
  }

  override render() {
    if (this.state.error === null) return this.props.children
    return (
      <main className="before" id="main">
        <div className="notice bad" role="alert">
          <div>
            <h1>{t('crash.title')}</h1>
            <p>{t('crash.text')}</p>
            <pre className="log short">{String(this.state.error)}</pre>
            <button type="button" className="button" onClick={() => location.reload()}>
              {t('crash.reload')}
            </button>
          </div>
        </div>
      </main>
    )
  }
}
