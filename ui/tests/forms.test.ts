import { describe, expect, it } from 'vitest'

import type { Input, ShownForm } from '../src/api/administered'
import { type Control, fill, read } from '../src/forms/answers'
import { answered, back, begun, merged, next, onlyNotices, pageOf, reviewed } from '../src/forms/wizard'

const input = (name: string): Input => ({ name, kind: 'text', dataType: 'text', required: false, label: '', value: '', choices: [], multiple: false })
const control = (name: string, more: Partial<Control> = {}): Control => ({ name, type: 'text', value: '', disabled: false, dataset: {}, ...more })
const options = (...all: [string, boolean][]) => all.map(([value, selected]) => ({ value, selected }))

describe('answers', () => {
  it('are strings, as a browser submits them', () => {
    expect(read([control('a', { value: 'x' }), control('n', { type: 'number', value: '3' })], [input('a'), input('n')])).toEqual({ a: 'x', n: '3' })
  })
  it('leave out unchecked boxes, but say false for a boolean', () => {
    const box = (name: string, checked: boolean, more: Partial<Control> = {}) => control(name, { type: 'checkbox', value: 'on', checked, ...more })
    const all = [box('off', false), box('on', true), box('gpu', true, { value: 'card' }), box('no', false, { dataset: { type: 'boolean' } }), box('yes', true, { value: 'x', dataset: { type: 'boolean' } })]
    expect(read(all, all.map((one) => input(one.name)))).toEqual({ on: 'on', gpu: 'card', no: 'false', yes: 'true' })
  })
  it('of several boxes and of a multiple choice are lists', () => {
    const box = (value: string, checked: boolean) => control('days', { type: 'checkbox', value, checked })
    const select = control('modules', { type: 'select-multiple', options: options(['a', true], ['b', false], ['c', true]) })
    expect(read([box('mon', true), box('tue', false), box('wed', true), select], [input('days'), input('modules')])).toEqual({ days: ['mon', 'wed'], modules: ['a', 'c'] })
  })
  it('of radio buttons are the one that is checked, or nothing', () => {
    const radio = (name: string, value: string, checked: boolean) => control(name, { type: 'radio', value, checked })
    expect(read([radio('q', 'a', false), radio('q', 'b', true), radio('r', 'a', false)], [input('q'), input('r')])).toEqual({ q: 'b' })
  })
  it('leave out what is disabled and names that the server does not read', () => {
    expect(read([control('a', { disabled: true, value: '1' }), control('icon', { value: 'x' })], [input('a')])).toEqual({})
  })
  it('come back into their fields; a choice that is gone is passed over', () => {
    const gone = control('q', { type: 'select-one', value: 'a', options: options(['a', true]) })
    const box = control('b', { type: 'checkbox', value: 'on', checked: true })
    const hidden = control('h', { type: 'hidden', value: 'server' })
    const text = control('t')
    fill([gone, box, hidden, text], { q: 'old', h: 'mine', t: 'words' }, new Set(['q', 'b', 'h', 't']))
    expect([gone.value, box.checked, hidden.value, text.value]).toEqual(['a', false, 'server', 'words'])
  })
})

const form = (id: string, ...names: string[]): ShownForm => ({ id, name: id, html: `<input name="${id}">`, inputs: (names.length ? names : [id]).map(input) })

describe('the forms of a start', () => {
  const request = { id: 's1', command: 'xterm', params: { own: '1' } }
  const two = answered(next(answered(begun(form('a')), { a: '1' }), form('b')), { b: '2' })

  it('send all answers so far, and which forms were shown', () => {
    expect(merged(request, two)).toEqual({ ...request, params: { own: '1', a: '1', b: '2' }, answered: ['a', 'b'] })
  })
  it('keep later answers when somebody goes back', () => {
    const again = next(answered(back(two), { a: 'changed' }), form('b'))
    expect(again.at).toBe(1)
    expect(again.pages[1]!.answers).toEqual({ b: '2' })
  })
  it('drop what another way through the forms no longer asks', () => {
    const other = reviewed(answered(back(two), { a: 'other' }))
    expect(merged(request, other).params).toEqual({ own: '1', a: 'other' })
  })
  it('say so when the same form comes again instead of growing without end', () => {
    const twice = next(two, form('b'))
    expect([twice.at, twice.pages.length, twice.again]).toEqual([1, 2, true])
  })
  it('begin with the last answers', () => {
    expect(begun(form('a'), { a: 'last time' }).pages[0]!.answers).toEqual({ a: 'last time' })
  })
  it('need no summary where nothing was asked', () => {
    const notice: ShownForm = { ...form('n'), inputs: [] }
    expect(onlyNotices(answered(begun(notice), {}))).toBe(true)
    expect(onlyNotices(next(answered(begun(notice), {}), form('a')))).toBe(false)
    expect(merged(request, answered(begun(notice), {}))).toEqual({ ...request, answered: ['n'] })
  })
  it('find the page of a field', () => {
    expect([pageOf(two, 'a'), pageOf(two, 'b'), pageOf(two, 'c')]).toEqual([0, 1, -1])
  })
})
