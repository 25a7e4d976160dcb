/** What a failed start says and what to try next, from its reason and the last lines of its output. */

import type { Key } from '../strings/t'

const SIGNS: [RegExp, Key][] = [
  [/window manager/i, 'try.manager'],
  [/command not found|no such file or directory|not found/i, 'try.command'],
  [/permission denied/i, 'try.permission'],
  [/no space left|disk quota|quota exceeded/i, 'try.space'],
  [/read-only file system/i, 'try.readonly'],
  [/cannot open display|can't open display/i, 'try.display'],
  [/out of memory|cannot allocate memory|killed/i, 'try.memory'],
  [/time.?out|did not come up|in time/i, 'try.time'],
  [/seats?|limit of sessions/i, 'try.seats'],
  [/starts? (are )?(off|disabled)|does not take new/i, 'try.disabled'],
  [/profile/i, 'try.profile'],
  [/password|authentication|no process could be started|sudo|ssh/i, 'try.link'],
  [/without having opened a window/i, 'try.window'],
]

export const whatToTry = (words: string): Key => SIGNS.find(([sign]) => sign.test(words))?.[1] ?? 'try.other'

/** The last lines that are not empty. */
export const lastLines = (log: string, count: number): string =>
  log.split('\n').filter((line) => line.trim() !== '').slice(-count).join('\n')
