/** What is said of a session that waits: nothing that has passed, and silence only of who is silent. */

import { expect, test, vi } from 'vitest'

import type { Job } from '../src/api/types'

vi.stubGlobal('document', { baseURI: 'http://host/', documentElement: { dataset: {} }, addEventListener() {} })
vi.stubGlobal('window', new EventTarget())
vi.stubGlobal('location', new URL('http://host/'))
const { expected, isSilent } = await import('../src/session/Queued')

const NOW = 1_800_000_000
const job = (members: Partial<Job>): Job => ({ state: 'queued', said: '', seen: null, startsFrom: null, startsTo: null, ...members }) as Job
const told = (from: number | null, to: number | null) =>
  expected(job({ startsFrom: from === null ? null : NOW + from, startsTo: to === null ? null : NOW + to }), NOW)

test('the beginning of an interval is not told when it has passed', () => {
  expect(told(600, 3_600)).toMatch(/^between /)
  expect(told(-60, 3_600)).toMatch(/^before /)
  expect(told(null, 3_600)).toMatch(/^before /)
})

test('when all of it has passed it is any moment now', () => {
  for (const [from, to] of [[-3_600, -60], [null, -60], [-60, null]] as const) expect(told(from, to)).toBe('any moment now')
})

test('one moment is told as about that, and none as nothing', () => {
  expect(told(600, 620)).toMatch(/^about /)
  expect(told(600, null)).toMatch(/^about /)
  expect(told(null, null)).toBeNull()
})

test('a scheduler is silent only where it has no word for the state', () => {
  expect(isSilent(job({ state: 'unknown', seen: NOW - 60 }))).toBe(true)
  expect(isSilent(job({ state: 'queued', seen: NOW - 7_200 }))).toBe(false)
  expect(isSilent(job({ state: 'unknown', said: 'NotQueued', seen: NOW - 60 }))).toBe(false)
  expect(isSilent(null)).toBe(false)
})
