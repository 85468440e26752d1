import { COLLECTION_STYLE, EVENT_ID, type Event, SCALAR_STYLE } from 'js-yaml'

// Where the layout that Go's YAML reader takes differs from that of YAML 1.2, which js-yaml reads.

/** The line of the first character that Go's reader refuses anywhere; undefined when there is none. */
export function controlCharacter(text: string): number | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  const found = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]/.exec(text)
  return found ? lineOf(text, found.index) : undefined
}

const lineOf = (text: string, offset: number) => text.slice(0, offset).split('\n').length

/** A quoted text, a list in brackets or a map in braces: where it begins, and where it ends. */
interface Span {
  mark: string
  line: number
  start: number
  end: number
  closed: boolean
}

/** All quoted texts, lists in [ ] and maps in { } that begin as a value, the outer ones only. */
function* spans(text: string): Iterable<Span> {
  const lines = text.split('\n')
  let offset = 0
  let after = 0
  let block = -1
  for (const [index, line] of lines.entries()) {
    const start = offset
    offset += line.length + 1
    const indent = line.search(/\S/)
    if (indent === -1 || start < after) continue
    // The lines of a text after | or > are no YAML.
    if (block >= 0 && indent > block) continue
    block = -1
    const [before] =
      /^\s*(?:(?:- +)|(?:[^\s#"'[{&*!|>-][^#"'[{]*?: +)|(?:"[^"]*": +)|(?:'[^']*': +)|(?:[&!]\S+ +))*/.exec(line)!
    const rest = line.slice(before.length)
    if (/^[|>][-+0-9]*\s*(?:#.*)?$/.test(rest)) {
      block = before.trim() === '' ? indent : before.search(/[^\s-]/) >= 0 ? before.search(/[^\s-]/) : indent
      continue
    }
    const mark = rest[0] ?? ''
    if (!'"\'[{'.includes(mark) || mark === '') continue
    const from = start + before.length
    const end = endOf(text, from)
    yield { mark, line: index + 1, start: from, end: end ?? text.length, closed: end !== undefined }
    after = end ?? text.length
  }
}

/** The offset behind what begins at `from`; undefined when it is never closed. */
function endOf(text: string, from: number): number | undefined {
  const mark = text[from]
  if (mark === '"' || mark === "'") {
    for (let at = from + 1; at < text.length; at++) {
      if (mark === '"' && text[at] === '\\') at += 1
      else if (text[at] === mark && mark === "'" && text[at + 1] === "'") at += 1
      else if (text[at] === mark) return at + 1
    }
    return undefined
  }
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const char = text[at]!
    if (char === '[' || char === '{') depth += 1
    else if (char === ']' || char === '}') depth -= 1
    else if ((char === '"' || char === "'") && /[\s,:[{]/.test(text[at - 1] ?? ' ')) {
      const end = endOf(text, at)
      if (end === undefined) return undefined
      at = end - 1
    } else if (char === '#' && /\s/.test(text[at - 1] ?? ' ')) {
      const end = text.indexOf('\n', at)
      if (end === -1) return undefined
      at = end
    }
    if (depth === 0) return at + 1
  }
  return undefined
}

/** The first quote, bracket or brace that begins a value and is never closed; undefined when all are. */
export function unclosed(text: string): { mark: string; line: number } | undefined {
  for (const { mark, line, closed } of spans(text)) if (!closed) return { mark, line }
  return undefined
}

/**
 * The text with the continuation lines of quoted texts, lists in [ ] and maps in { } moved to the right, and \' in double
 * quotes as '. Go's reader does not care how these lines are indented. No line is added or removed.
 */
export function indentContinuations(text: string): string {
  let result = ''
  let from = 0
  for (const { mark, start, end } of spans(text)) {
    const column = start - (text.lastIndexOf('\n', start) + 1)
    const room = ' '.repeat(column + 1)
    const span = text.slice(start, end).replace(/\n[ \t]*(?=[^\s])/g, `\n${room}`)
    result += text.slice(from, start) + (mark === "'" ? span : span.replace(/(?<!\\)((?:\\\\)*)\\'/g, "$1'"))
    from = end
  }
  return result + text.slice(from)
}

/**
 * The line of the first tab that Go's reader refuses and js-yaml takes: in front of a line of block style, also an empty
 * one or a comment, and between a dash and its value. Undefined when there is none.
 */
export function forbiddenTab(text: string, events: Event[], lineAt: (offset: number) => number): number | undefined {
  const suspects = [...text.matchAll(/^ *\t|^[ -]*- *\t/gm)].map(({ index }) => lineOf(text, index))
  if (suspects.length === 0) return undefined
  // Inside of a text of several lines and of a list in [ ] tabs are white space.
  const inside = new Set<number>()
  for (const event of events) {
    if (event.type === EVENT_ID.SCALAR && event.valueStart !== -1) {
      const isBlock = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK
      const first = lineAt(event.valueStart) + (isBlock ? 0 : 1)
      for (let line = first; line <= lineAt(event.valueEnd); line++) inside.add(line)
    } else if (
      (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING) &&
      event.style === COLLECTION_STYLE.FLOW
    ) {
      const last = lineAt(endOf(text, event.start) ?? event.start)
      for (let line = lineAt(event.start) + 1; line <= last; line++) inside.add(line)
    }
  }
  return suspects.find((line) => !inside.has(line))
}
