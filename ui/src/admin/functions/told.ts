/** What is wrong with a function, in words: nothing is said twice, since the server's sentence may hold place and hint. */

import type { FunctionProblem } from '../../api/administered'
import { t } from '../../strings/t'

export const placeIn = (error: FunctionProblem): string =>
  error.line && !error.detail.includes(`line ${error.line}`) ? (error.column ? t('try.at', { line: error.line, column: error.column }) : t('try.atLine', { line: error.line })) : ''

export const hintOf = (error: FunctionProblem): string => (error.hint && !error.detail.includes(error.hint) ? error.hint : '')
