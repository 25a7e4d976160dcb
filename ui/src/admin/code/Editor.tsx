/** CodeMirror in our look. In a file of its own that is loaded when code is to be seen. */

import { autocompletion, type CompletionContext, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { html } from '@codemirror/lang-html'
import { javascript, javascriptLanguage } from '@codemirror/lang-javascript'
import { json } from '@codemirror/lang-json'
import { python, pythonLanguage } from '@codemirror/lang-python'
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language'
import { lintGutter, setDiagnostics } from '@codemirror/lint'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useRef } from 'react'

import type { KindField } from '../../api/administered'
import { fieldsAt } from './fields'

export interface Mark {
  line: number
  column?: number | undefined
  message: string
}

export interface EditorProps {
  value: string
  label: string
  language: 'javascript' | 'python' | 'json' | 'html'
  change?: (value: string) => void
  readOnly?: boolean
  /** An error and where it is. */
  mark?: Mark | null | undefined
  /** The input's fields, for completion. */
  fields?: KindField[] | undefined
  run?: (() => void) | undefined
  short?: boolean
}

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.controlKeyword], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp, tags.attributeValue], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--code-number)' },
  { tag: [tags.comment], color: 'var(--quiet)', fontStyle: 'italic' },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName), tags.tagName], color: 'var(--code-name)' },
  { tag: [tags.propertyName, tags.attributeName], color: 'var(--code-property)' },
  { tag: tags.invalid, color: 'var(--bad)' },
])

const look = EditorView.theme({
  '&': { backgroundColor: 'var(--raised)', color: 'var(--text)', fontSize: '13.5px', height: '100%' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55', overflow: 'auto' },
  '.cm-gutters': { backgroundColor: 'var(--page)', color: 'var(--quiet)', border: '0' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--accent-soft) 45%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'var(--accent-soft)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { background: 'var(--code-selection) !important' },
  '.cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--accent)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--line)', borderRadius: '8px', boxShadow: 'var(--shadow-high)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--text)' },
  '.cm-completionDetail': { color: 'var(--quiet)', fontStyle: 'normal' },
  '.cm-completionInfo': { maxWidth: '280px', padding: '8px' },
  '.cm-panels': { backgroundColor: 'var(--page)', color: 'var(--text)' },
  '.cm-panels input, .cm-panels button': { background: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--line-strong)', borderRadius: '5px' },
  '.cm-searchMatch': { backgroundColor: 'var(--warn-soft)' },
  '.cm-line-wrong': { backgroundColor: 'var(--bad-soft)' },
  '.cm-diagnostic': { color: 'var(--text)' },
})

const languages: Record<EditorProps['language'], () => Extension> = { javascript, python, json, html: () => html({ autoCloseTags: true }) }

const completions = (fields: () => KindField[]) => (context: CompletionContext) => {
  const before = context.state.sliceDoc(Math.max(0, context.pos - 20_000), context.pos)
  const found = fieldsAt(before, fields())
  if (!found) return null
  return {
    from: context.pos - found.typed.length,
    options: found.fields
      .filter((field) => !field.name.includes('/'))
      .map((field) => ({ label: field.name, detail: field.type, info: field.help, type: 'property', boost: 50 })),
    validFor: /^[\w$]*$/,
  }
}

export default function Editor(props: EditorProps) {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const latest = useRef(props)
  latest.current = props
  const given = useRef(false)
  const parts = useRef({ language: new Compartment(), access: new Compartment() })

  useEffect(() => {
    const fields = () => latest.current.fields ?? []
    const source = completions(fields)
    const made = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          // before the rest, so that its keys come first
          keymap.of([{ key: 'Mod-Enter', run: () => (latest.current.run?.(), latest.current.run !== undefined) }]),
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          indentUnit.of('  '),
          bracketMatching(),
          closeBrackets(),
          autocompletion(),
          search({ top: true }),
          highlightSelectionMatches(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          lintGutter(),
          javascriptLanguage.data.of({ autocomplete: source }),
          pythonLanguage.data.of({ autocomplete: source }),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap]),
          syntaxHighlighting(colours),
          look,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': latest.current.label, tabindex: '0' }),
          parts.current.language.of(languages[latest.current.language]()),
          parts.current.access.of(access(latest.current.readOnly)),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !given.current) latest.current.change?.(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = made
    return () => made.destroy()
  }, [])

  useEffect(() => {
    const editor = view.current!
    const now = editor.state.doc.toString()
    if (now === props.value) return
    given.current = true // what comes from outside is nobody's change
    editor.dispatch({ changes: { from: 0, to: now.length, insert: props.value } })
    given.current = false
  }, [props.value])
  useEffect(() => view.current!.dispatch({ effects: parts.current.language.reconfigure(languages[props.language]()) }), [props.language])
  useEffect(() => view.current!.dispatch({ effects: parts.current.access.reconfigure(access(props.readOnly)) }), [props.readOnly])
  useEffect(() => mark(view.current!, props.mark), [props.mark])

  return <div ref={place} className={props.short ? 'code short' : 'code'} />
}

const access = (readOnly: boolean | undefined): Extension => (readOnly ? [EditorState.readOnly.of(true), EditorView.editable.of(true)] : [])

function mark(editor: EditorView, where: Mark | null | undefined): void {
  const { doc } = editor.state
  if (!where) return editor.dispatch(setDiagnostics(editor.state, []))
  const line = doc.line(Math.max(1, Math.min(doc.lines, where.line)))
  const from = Math.min(line.to, line.from + Math.max(0, (where.column ?? 1) - 1))
  const to = where.column ? Math.min(line.to, from + 1) : line.to
  const spot = from === to ? { from: line.from, to: line.to } : { from, to }
  editor.dispatch(setDiagnostics(editor.state, [{ ...spot, severity: 'error', message: where.message }]), {
    effects: EditorView.scrollIntoView(spot.from, { y: 'center' }),
  })
}
