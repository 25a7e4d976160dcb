/**
 * Every sentence of the pages by its key. English is built in; another language is a JSON file `strings/LANG.json` beside
 * the pages, named in `strings/languages.json`, with the same keys: no rebuild. What it lacks stays English.
 */

import { at } from '../base'
import { en } from './en'

type Keys = keyof typeof en & string
type Stem<K> = K extends `${infer S}_other` ? S : never
export type Key = Keys | Stem<Keys>
type Values = Record<string, string | number>

let strings: Record<string, string> = en
export let language = 'en'
let plurals = new Intl.PluralRules('en')

/** The sentence; `{name}` is filled in, and with `n` the right plural (`_one`, `_other` …) is taken. */
export function t(key: Key, values: Values = {}): string {
  let text = strings[key] ?? (en as Record<string, string>)[key]
  if (typeof values['n'] === 'number') {
    const form = strings[`${key}_${plurals.select(values['n'])}`] ?? strings[`${key}_other`]
    text = form ?? text
  }
  return (text ?? key).replace(/\{(\w+)\}/g, (all, name: string) => (name in values ? say(values[name]!) : all))
}

/** The sentence of a key that the server made, such as a step's name; else what `otherwise` says. */
export function known(key: string, otherwise: string): string {
  return strings[key] ?? (en as Record<string, string>)[key] ?? otherwise
}

const say = (value: string | number) => (typeof value === 'number' ? number(value) : value)
export const number = (value: number, digits = 0) => value.toLocaleString(language, { maximumFractionDigits: digits })

/** Takes the person's language, where there is a file for it, before the first page is shown. */
export async function chooseLanguage(): Promise<void> {
  const wanted = navigator.languages.map((tag) => tag.toLowerCase())
  if (wanted[0]?.startsWith('en')) return
  try {
    const offered = (await (await fetch(at('strings/languages.json'))).json()) as Record<string, string>
    for (const tag of wanted.flatMap((full) => [full, full.split('-')[0]!])) {
      if (tag === 'en') return
      const name = Object.keys(offered).find((one) => one.toLowerCase() === tag)
      if (!name) continue
      const read = (await (await fetch(at(`strings/${name}.json`))).json()) as Record<string, string>
      strings = { ...en, ...read }
      language = name
      plurals = new Intl.PluralRules(name)
      document.documentElement.lang = name
      return
    }
  } catch {
    // English it is
  }
}
