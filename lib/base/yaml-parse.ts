import {
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from 'js-yaml'
import { controlCharacter, forbiddenTab, indentContinuations, unclosed } from './yaml-layout.ts'
import { resolveScalar, scalarString } from './yaml-scalars.ts'
import { setEntry, type Tree } from './yaml-tree.ts'

// Read from the events of js-yaml, which have the place of every value, and not with one of its schemas: what a scalar
// is to Prow only yaml-scalars.ts knows.

/** A problem of the YAML itself, whatever the file is for. */
export interface YamlError {
  line: number
  message: string
  remedy: string
  /** Whether Prow reads the file all the same, dropping a part of it without an error. */
  readable: boolean
}

/**
 * Parses a text as Prow does. The errors are the first that makes it unreadable, or all that Prow drops silently:
 * duplicate keys and a second document.
 */
export function parseYaml(text: string): { tree: Tree; errors: YamlError[] } {
  const none: Tree = { line: 1, value: null }
  try {
    return build(read(text))
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    const { line, message, remedy } = error
    return { tree: none, errors: [{ line, message, remedy, readable: false }] }
  }
}

/** Thrown for what Prow's reader refuses. */
class Unreadable extends Error {
  readonly line: number
  readonly remedy: string
  constructor(line: number, message: string, remedy: string) {
    super(message)
    this.line = line
    this.remedy = remedy
  }
}

/** A text as far as Prow reads it, its lines as they are, and its events. */
interface Read {
  text: string
  events: Event[]
  /** Where Prow stops reading, without an error. */
  rest?: YamlError
}

function read(text: string): Read {
  const control = controlCharacter(text)
  if (control) throw new Unreadable(control, 'contains a control character', 'Remove it; an editor may not show it.')
  let refused = refusal(text)
  if (Array.isArray(refused)) return { text, events: refused }
  if (/deficient indentation|unknown escape/.test(refused.reason)) {
    // What Go reads, and YAML 1.2 does not allow.
    const lenient = indentContinuations(text)
    const again = refusal(lenient)
    if (Array.isArray(again)) return { text: lenient, events: again }
    refused = again
  }
  const rest = endOfFirst(text, refused)
  if (!rest) throw unreadable(refused, text)
  const lines = text.split('\n')
  return { ...read(lines.slice(0, rest.line - 1).join('\n')), rest }
}

/** The events of a text, or why js-yaml refuses it. */
function refusal(text: string): Event[] | YAMLException {
  try {
    return parseEvents(text, {})
  } catch (error) {
    if (error instanceof YAMLException) return error
    throw error
  }
}

/** Where the first document ends, when it can be read and what js-yaml refuses is behind it: Prow reads no further. */
function endOfFirst(text: string, { reason, mark }: YAMLException): YamlError | undefined {
  const at = mark?.line ?? 0
  const lines = text.split('\n')
  const begun = lines.findIndex((line) => /^\s*[^\s#-]|^\s*-(?!--)/.test(line))
  const second = lines.findIndex((line, index) => index > begun && begun !== -1 && /^---(?:\s|$)/.test(line))
  if (second !== -1 && second <= at) return { line: second + 1, ...SECOND, readable: true }
  const indent = (line = '') => line.search(/\S/)
  if (!/document separator/.test(reason) || at <= begun || RESERVED.test(lines[at] ?? '')) return undefined
  // Behind a text that is no map and no list Go finds that the text does not end there.
  const isCollection = /:(?:\s|$)|^\s*-\s/.test(lines[begun] ?? '')
  if (!isCollection || indent(lines[at]) >= indent(lines[begun])) return undefined
  return {
    line: at + 1,
    message: 'is indented unlike the first line of the file; Prow reads only what is above, without an error',
    remedy: 'Indent the keys of one map and the entries of one list alike.',
    readable: true,
  }
}

const SECOND = {
  message: 'begins a second document (---); Prow reads only the first, without an error',
  remedy: 'Remove the line --- and what follows, or move it to a file of its own.',
}

const CLOSING: Record<string, string> = { '"': '"', "'": "'", '[': ']', '{': '}' }

const REASONS: [reason: RegExp, message: string, remedy: string][] = [
  [/tab characters/, 'is indented with a tab; YAML requires spaces', 'Replace the tab with spaces.'],
  [
    /multiline key|expected ':'/,
    'has a line without a colon, or a text that continues on a line which is a key',
    'Write key: value. A text of several lines begins with | or > after the colon.',
  ],
  [/whitespace character is expected/, 'has no space after a colon', 'Write a space after it.'],
  [/missed comma/, 'lacks a comma in a list in [ ] or a map in { }', 'Write a comma between the entries.'],
  [
    /unknown escape|hexadecimal/,
    'has a backslash in double quotes that begins no escape sequence',
    'Write it twice, or use single quotes.',
  ],
  [
    /anchor|alias/,
    'has an anchor (&) or alias (*) that YAML does not allow here',
    'Quote a value that begins with & or *.',
  ],
  [/tag/, 'has a value that begins with !, which YAML takes for a tag', 'Quote the value.'],
  [
    /line break is expected|chomping|indentation (?:width|of a block)/,
    'has text after | or >',
    'Begin it on the next line.',
  ],
  [/directive/, 'has a line that begins with %, which YAML takes for a directive', 'Quote the value.'],
]

/** A value that begins with a character that YAML reserves. */
const RESERVED = /(?:^|: |- )\s*([@`%])/

/** What js-yaml refuses, in words that need no knowledge of its grammar. */
function unreadable({ reason, mark }: YAMLException, text: string): Unreadable {
  const lines = text.split('\n')
  let at = mark?.line ?? 0
  const open = /unexpected end of the|deficient/.test(reason) ? unclosed(text) : undefined
  if (open)
    return new Unreadable(open.line, `has a ${open.mark} that is never closed`, `Close it with ${CLOSING[open.mark]}.`)
  const line = lines[at] ?? ''
  if (/^[ ]*\t/.test(line)) reason = 'tab characters'
  const reserved = RESERVED.exec(line)?.[1]
  if (reserved && !/directive/.test(reason))
    return new Unreadable(at + 1, `has a value that begins with ${reserved}, which YAML reserves`, 'Quote the value.')
  if (/multiline key/.test(reason)) {
    // The key began on a line above, which is the one without a colon.
    while (at > 0 && (at === mark?.line || !lines[at]?.trim())) at -= 1
  }
  const known = REASONS.find(([pattern]) => pattern.test(reason))
  if (known) return new Unreadable(at + 1, known[1], known[2])
  if (/indentation|document separator/.test(reason))
    return new Unreadable(
      at + 1,
      'has a line whose indentation does not match its neighbors',
      'Indent the keys of one map and the entries of one list alike.',
    )
  return new Unreadable(at + 1, `is not valid YAML: ${reason}`, 'Correct the line, or the one above it.')
}

function build({ text, events, rest }: Read): { tree: Tree; errors: YamlError[] } {
  const errors: YamlError[] = rest ? [rest] : []
  const lineAt = lineCounter(text)
  const anchors = new Map<string, Tree>()
  let next = 0

  const named = ({ anchorStart, anchorEnd }: { anchorStart: number; anchorEnd: number }, tree: Tree): Tree => {
    if (anchorStart === -1) return tree
    tree.anchor = text.slice(anchorStart, anchorEnd)
    anchors.set(tree.anchor, tree)
    return tree
  }
  /** The next node; `at` is the line of what has no text of its own. */
  const node = (at: number): Tree => {
    const event = events[next++]!
    if (event.type === EVENT_ID.SCALAR) return named(event, scalar(event, at))
    if (event.type === EVENT_ID.ALIAS) {
      const name = text.slice(event.anchorStart, event.anchorEnd)
      const source = anchors.get(name)
      const line = lineAt(event.anchorStart)
      if (source) return source
      throw new Unreadable(
        line,
        `refers to *${name}, which no anchor defines`,
        'Define &NAME above it, or quote the value.',
      )
    }
    if (event.type === EVENT_ID.SEQUENCE) {
      const line = lineAt(event.start)
      const list: Tree[] = []
      while (events[next]!.type !== EVENT_ID.POP) list.push(node(line))
      next += 1
      return named(event, { line, list })
    }
    if (event.type === EVENT_ID.MAPPING) return named(event, map(lineAt(event.start)))
    throw new Error(`unexpected event ${event.type}`)
  }
  const map = (line: number): Tree => {
    const tree: Tree = { line, map: new Map() }
    const own = new Set<string>()
    while (events[next]!.type !== EVENT_ID.POP) {
      const keyNode = node(line)
      const child = node(keyNode.line)
      if (keyNode.plain === '<<') {
        // Of several the first has precedence; all of them before what is above in this map.
        for (const merged of [...(child.list ?? [child])].reverse()) {
          if (!merged.map)
            throw new Unreadable(merged.line, 'merges (<<) what is no map', 'Refer to a map, or quote the key.')
          for (const [name, value] of merged.map) setEntry(tree, name, value, keyNode.line)
        }
        continue
      }
      const key = keyOf(keyNode)
      if (keyNode.map || keyNode.list)
        throw new Unreadable(keyNode.line, 'has a list or map as a key', 'Quote a value that begins with { or [.')
      if (key === undefined)
        throw new Unreadable(
          child.line,
          'has a colon without a key',
          'Write the key in front of it, or quote the text.',
        )
      if (own.has(key)) {
        errors.push({
          line: keyNode.line,
          message: `has the key ${key} twice in one map; Prow takes the last one and drops the other`,
          remedy: 'Remove one of them, or rename it.',
          readable: true,
        })
      }
      own.add(key)
      setEntry(tree, key, child, keyNode.line)
    }
    next += 1
    return tree
  }
  const scalar = (event: ScalarEvent, at: number): Tree => {
    const source = getScalarValue(text, event)
    // The text of a block begins on the line after its | or >.
    const isBlock = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK
    const line = event.valueStart === -1 ? at : lineAt(event.valueStart - (isBlock ? 1 : 0))
    const tag = event.tagStart === -1 ? '' : text.slice(event.tagStart, event.tagEnd)
    if (
      event.style === SCALAR_STYLE.DOUBLE_QUOTED &&
      /(?:^|[^\\])(?:\\\\)*\\\//.test(text.slice(event.valueStart, event.valueEnd))
    )
      throw new Unreadable(line, 'has \\/ in double quotes, which Prow refuses', 'Write / alone.')
    if (tag === '!!str' || tag === '!' || (event.style !== SCALAR_STYLE.PLAIN && !tag))
      return { line, value: source, ...(isBlock ? { isBlock } : {}) }
    const value = resolveScalar(source)
    const wanted = TAGS[tag]
    if (wanted && !wanted(value))
      throw new Unreadable(line, `has ${tag} before ${source}, which it is not`, `Remove ${tag}.`)
    return { line, value: tag === '!!float' ? Number(value) : value, plain: source }
  }

  const first = events[next++]
  if (first?.type !== EVENT_ID.DOCUMENT) return { tree: { line: 1, value: null }, errors }
  const version = first.directives.find((one) => one.kind === 'yaml')
  if (version?.kind === 'yaml' && version.version !== '1.1')
    throw new Unreadable(1, `is declared as YAML ${version.version}, which Prow refuses`, 'Remove the line %YAML.')
  const tree = events[next]?.type === EVENT_ID.POP ? { line: 1, value: null } : node(1)
  // The end of the first document, then the second with its content.
  const second = events[next + 2]
  if (second && !(second.type === EVENT_ID.SCALAR && second.valueStart === -1) && second.type !== EVENT_ID.POP) {
    const above = text.slice(0, placeOf(second)).split('\n')
    const marker = above.findLastIndex((line) => line.startsWith('---'))
    errors.push({ line: marker + 1, ...SECOND, readable: true })
  }
  const end = errors.find(({ message }) => message === SECOND.message)?.line ?? Number.POSITIVE_INFINITY
  const tab = forbiddenTab(text, events, lineCounter(text))
  if (tab && tab < end)
    throw new Unreadable(tab, 'has a tab where YAML requires spaces', 'Replace the tab with spaces.')
  return { tree, errors }
}

const TAGS: Record<string, (value: unknown) => boolean> = {
  '!!int': (value) => Number.isInteger(value),
  '!!float': (value) => typeof value === 'number',
  '!!bool': (value) => typeof value === 'boolean',
  '!!null': (value) => value === null,
}

/** A key as Prow's JSON has it: a number, true or false as Go prints it. Undefined for what is no key. */
function keyOf({ plain, value }: Tree): string | undefined {
  if (value === null || value === undefined) return undefined
  return plain === undefined || typeof value === 'string' ? String(value) : scalarString(plain)
}

function placeOf(event: Event): number {
  if ('valueStart' in event) return event.valueStart
  if ('start' in event) return event.start
  return 'anchorStart' in event ? event.anchorStart : 0
}

/** Gives the line, from 1, of an offset. Those asked for mostly ascend. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1
  let begin = 0
  let end = text.indexOf('\n')
  return (offset) => {
    if (offset < begin) {
      line = 1
      begin = 0
      end = text.indexOf('\n')
    }
    while (end !== -1 && offset > end) {
      line += 1
      begin = end + 1
      end = text.indexOf('\n', begin)
    }
    return line
  }
}
