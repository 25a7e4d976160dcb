/** Starts the pages: the language, the link's token if there is one, then the first page. */

import { createRoot } from 'react-dom/client'

import * as api from './api/client'
import { asProblem, type Problem } from './api/problem'
import { App } from './app/App'
import { followLinks, takeToken } from './login/link'
import { chooseLanguage } from './strings/t'
import './styles/base.css'
import './styles/controls.css'
import './styles/frame.css'
import './styles/sessions.css'
import './styles/session.css'
import './styles/viewer.css'
import './styles/forms.css'

async function enter(token: string | null): Promise<Problem | null> {
  if (!token) return null
  try {
    await api.login({ method: 'token', token })
    return null
  } catch (error) {
    return asProblem(error)
  }
}

const token = takeToken()
followLinks()
const [linkProblem] = await Promise.all([enter(token), chooseLanguage()])
createRoot(document.getElementById('root')!).render(<App linkProblem={linkProblem} />)
