/** Light or dark: as the system prefers, unless the person has chosen. `public/theme.js` reads it before the first paint. */

import { store } from './store'

export type Theme = 'system' | 'light' | 'dark'

const read = (): Theme => {
  const set = document.documentElement.dataset['theme']
  return set === 'light' || set === 'dark' ? set : 'system'
}

export const theme = store<Theme>(read())

theme.subscribe(() => {
  const now = theme.get()
  try {
    if (now === 'system') localStorage.removeItem('portcall.theme')
    else localStorage.setItem('portcall.theme', now)
  } catch {
    // storage may be forbidden: then it is only for now
  }
  if (now === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = now
})
