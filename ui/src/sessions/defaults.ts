/** What a start takes when the person says no more than a command. */

import { remembered } from '../app/store'
import type { Keyboard } from '../api/types'

/** The last answers of the start dialog, whatever the command. */
export interface StartAnswers {
  keyboard: string
  profile: string
  open: boolean
}

export const answersOf = (): StartAnswers => {
  const { keyboard = '', profile = 'default', open = true } = remembered<Partial<StartAnswers>>('answers', {})
  return { keyboard, profile, open }
}

/** Countries and languages whose layout has another name than they have. */
const LAYOUTS: Record<string, string> = {
  'en': 'us', 'en-gb': 'gb', 'en-ie': 'ie', 'de-ch': 'ch', 'fr-ch': 'ch', 'fr-be': 'be', 'nl-be': 'be', 'fr-ca': 'ca',
  'pt-br': 'br', 'es-mx': 'latam', 'es-ar': 'latam', 'es-cl': 'latam', 'es-co': 'latam', 'da': 'dk', 'sv': 'se', 'nb': 'no',
  'nn': 'no', 'cs': 'cz', 'el': 'gr', 'ja': 'jp', 'ko': 'kr', 'zh': 'cn', 'zh-tw': 'tw', 'uk': 'ua', 'sl': 'si', 'et': 'ee',
  'he': 'il', 'hi': 'in', 'fa': 'ir', 'sr': 'rs', 'vi': 'vn', 'nl': 'us', 'be': 'by', 'ga': 'ie', 'kk': 'kz', 'sq': 'al',
} // prettier-ignore

/** The keyboard layout that a person with these languages most likely types on; `us` where nothing is offered for them. */
export function guessKeyboard(languages: readonly string[], offered?: Pick<Keyboard, 'name'>[]): string {
  const has = (name: string) => !offered || offered.some((layout) => layout.name === name)
  for (const tag of languages.map((one) => one.toLowerCase())) {
    const short = tag.split('-')[0]!
    for (const guess of [LAYOUTS[tag], LAYOUTS[short], short]) if (guess && has(guess)) return guess
  }
  return 'us'
}
