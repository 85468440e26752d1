import { CHOMPING_MODE, getScalarValue, SCALAR_STYLE, type ScalarEvent, type ScalarStyle } from 'js-yaml'
import { resolveScalar, scalarString } from './yaml-scalars.ts'
import { setEntry, type Tree } from './yaml-tree.ts'

// Reading the YAML that nearly all files consist of, several times as fast as events: maps and lists in block style,
// scalars, and flow collections of one line. Anything else is left to yaml-parse.ts, and what that
// would read otherwise must not be read here; a unit test and `npm run test:prow` compare both.

/** Thrown for what is not read here. */
class Unusual extends Error {}
const UNUSUAL = new Unusual()
Unusual.prototype.stack = ''

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const OTHER_CHARACTERS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/
/** A key without quotes, up to its colon. */
const KEY = /[A-Za-z0-9_./$(^](?:[^\s:]|:(?=\S)){0,500}(?=:(?: |\n|$))/y
/** The beginning of a scalar without quotes that is nothing else. */
const PLAIN = /[A-Za-z0-9_./$()^~+<;=\\\u00a0-\u2027\u202a-\ud7ff]|-(?=\S)/y
/** What ends a line of a scalar without quotes, or makes it something else. */
const PLAIN_END = /\n|\t| #|:(?=[ \n]|$)/g
const FLOW_PLAIN = /(?:[A-Za-z0-9_./$(^~+]|-(?=[\w-]))[^\s:#"'`,[\]{}&*!|>%@?]*(?: +[^\s:#"'`,[\]{}&*!|>%@?]+)*/y
const HEADER = /([|>])([-+]?) *(?=\n)/y
const SPACES = / */y
/** Behind a value: spaces and a comment. */
const REST = / *(?: #[^\n]*)?(?=\n|$)/y

/** The tree of a text; undefined for a text that is not read here. Such a text has no error that parseYaml reports. */
export function readBlocks(text: string): Tree | undefined {
  if (OTHER_CHARACTERS.test(text)) return undefined
  try {
    return new Reader(text).read()
  } catch (error) {
    if (error === UNUSUAL) return undefined
    throw error
  }
}

class Reader {
  private readonly text: string
  /** The line, from 1, its offset, and the offset behind the next one's beginning. */
  private line = 0
  private start = 0
  private next = 0
  /** The column of what is read next, and its offset. -1 at the end of the text. */
  private column = -1
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  read(): Tree {
    this.advance()
    if (this.column === 0 && /^---\n/.test(this.text.slice(this.at, this.at + 4))) this.advance()
    if (this.column === -1) throw UNUSUAL
    const tree = this.collection()
    if (this.column !== -1) throw UNUSUAL
    return tree
  }

  /** Goes to the next line that is neither empty nor a comment. */
  private advance(): void {
    const { text } = this
    for (;;) {
      const start = this.next
      if (start >= text.length) {
        this.column = -1
        return
      }
      const newline = text.indexOf('\n', start)
      this.next = newline === -1 ? text.length : newline + 1
      this.line += 1
      let at = start
      while (text.charCodeAt(at) === 0x20) at += 1
      const first = text.charCodeAt(at)
      if (first === 0x0a || Number.isNaN(first) || first === 0x23) continue
      if (first === 0x09) throw UNUSUAL
      this.start = start
      this.at = at
      this.column = at - start
      return
    }
  }

  private isDash(): boolean {
    if (this.text.charCodeAt(this.at) !== 0x2d) return false
    const after = this.text.charCodeAt(this.at + 1)
    return after === 0x20 || after === 0x0a || Number.isNaN(after)
  }

  /** The list or map that begins here. */
  private collection(): Tree {
    return this.isDash() ? this.list() : this.map()
  }

  private list(): Tree {
    const { column, line } = this
    const list: Tree[] = []
    while (this.column === column && this.isDash()) {
      if (this.isRest(this.at + 1)) {
        this.advance()
        if (this.column <= column) throw UNUSUAL
        list.push(this.collection())
        continue
      }
      this.at = this.skipSpaces(this.at + 1)
      if (this.isDash() || this.isKey()) {
        this.column = this.at - this.start
        list.push(this.collection())
      } else list.push(this.value(column))
    }
    if (this.column > column) throw UNUSUAL
    return { line, list }
  }

  private map(): Tree {
    const { column, line } = this
    const map = new Map<string, Tree>()
    const tree: Tree = { line, map }
    while (this.column === column && !this.isDash()) {
      const keyLine = this.line
      const key = this.key()
      if (map.has(key)) throw UNUSUAL
      let child: Tree
      if (this.isRest(this.at)) {
        this.advance()
        const isBelow = this.column > column || (this.column === column && this.isDash())
        child = isBelow ? this.collection() : { line: keyLine, value: null, plain: '' }
      } else {
        this.at = this.skipSpaces(this.at)
        child = this.value(column)
      }
      setEntry(tree, key, child, keyLine)
    }
    if (this.column > column || map.size === 0) throw UNUSUAL
    return tree
  }

  private isKey(): boolean {
    const quote = this.text[this.at]
    if (quote === '"' || quote === "'") {
      const end = this.quotedEnd(this.at)
      return end !== -1 && this.text[end] === ':' && /[ \n]/.test(this.text[end + 1] ?? '\n')
    }
    KEY.lastIndex = this.at
    return KEY.test(this.text)
  }

  /** The key that begins here; goes behind its colon. */
  private key(): string {
    const { text, at } = this
    if (!this.isKey()) throw UNUSUAL
    if (text[at] === '"' || text[at] === "'") {
      const end = this.quotedEnd(at)
      this.at = end + 1
      return this.quoted(at, end)
    }
    this.at = KEY.lastIndex + 1
    return keyOf(text.slice(at, KEY.lastIndex))
  }

  /** The scalar or flow collection that begins here, and ends on this line unless it is a block scalar. Goes behind it. */
  private value(parent: number): Tree {
    const { text, at, line } = this
    const first = text[at]
    if (first === '|' || first === '>') return this.blockScalar(parent)
    let tree: Tree
    if (first === '[' || first === '{') tree = this.flow(0)
    else if (first === '"' || first === "'") {
      this.at = this.quotedEnd(at, parent)
      tree = { line, value: this.quoted(at, this.at) }
    } else {
      const plain = this.plain(parent)
      tree = { line, value: resolveScalar(plain), plain }
    }
    if (!this.isRest(this.at)) throw UNUSUAL
    this.advance()
    return tree
  }

  /** The scalar without quotes that begins here, with the lines of it that follow. Goes behind it. */
  private plain(parent: number): string {
    const { text, at } = this
    PLAIN.lastIndex = at
    if (!PLAIN.test(text)) throw UNUSUAL
    this.at = this.plainLineEnd(at)
    if (text.charCodeAt(this.at) === 0x23) {
      this.at -= 1
      return text.slice(at, this.trimmed(this.at))
    }
    let isFolded = false
    for (let next = this.next, line = this.line + 1; next < text.length; line++) {
      const first = this.skipSpaces(next)
      const code = text.charCodeAt(first)
      if (code === 0x09) throw UNUSUAL
      if (code === 0x0a) {
        next = first + 1
        continue
      }
      if (Number.isNaN(code) || code === 0x23 || first - next <= parent) break
      isFolded = true
      this.at = this.plainLineEnd(first)
      if (text.charCodeAt(this.at) === 0x23) throw UNUSUAL
      next = Math.min(this.at + 1, text.length)
      this.next = next
      this.line = line
    }
    const end = this.trimmed(this.at)
    return isFolded ? this.scalar(at, end, SCALAR_STYLE.PLAIN) : text.slice(at, end)
  }

  /** Where a line of a scalar without quotes ends: the offset of its newline, of the # of a comment, or of the text. */
  private plainLineEnd(at: number): number {
    PLAIN_END.lastIndex = at
    const end = PLAIN_END.exec(this.text)
    if (!end) return this.text.length
    if (end[0] === '\t' || end[0] === ':') throw UNUSUAL
    return end[0] === '\n' ? end.index : end.index + 1
  }

  /** The offset without the spaces in front of it. */
  private trimmed(at: number): number {
    while (this.text.charCodeAt(at - 1) === 0x20) at -= 1
    return at
  }

  private flow(depth: number): Tree {
    const { text, line } = this
    const isMap = text[this.at] === '{'
    const close = isMap ? '}' : ']'
    const list: Tree[] = []
    const map = new Map<string, Tree>()
    if (depth > 50) throw UNUSUAL
    this.at = this.skipSpaces(this.at + 1)
    while (text[this.at] !== close) {
      let key: string | undefined
      if (isMap) {
        const { value, plain } = this.flowScalar()
        key = plain === undefined ? String(value) : keyOf(plain)
        if (text[this.at] !== ':' || text[this.at + 1] !== ' ' || map.has(key)) throw UNUSUAL
        this.at = this.skipSpaces(this.at + 1)
      }
      const first = text[this.at]
      const item = first === '[' || first === '{' ? this.flow(depth + 1) : this.flowScalar()
      if (key === undefined) list.push(item)
      else map.set(key, item)
      this.at = this.skipSpaces(this.at)
      if (text[this.at] === ',') {
        this.at = this.skipSpaces(this.at + 1)
        if (text[this.at] === close) throw UNUSUAL
      } else if (text[this.at] !== close) throw UNUSUAL
    }
    this.at += 1
    return isMap ? { line, map } : { line, list }
  }

  private flowScalar(): Tree {
    const { text, at, line } = this
    if (text[at] === '"' || text[at] === "'") {
      this.at = this.quotedEnd(at)
      if (this.at === -1) throw UNUSUAL
      return { line, value: this.quoted(at, this.at) }
    }
    FLOW_PLAIN.lastIndex = at
    if (!FLOW_PLAIN.test(text)) throw UNUSUAL
    this.at = FLOW_PLAIN.lastIndex
    const plain = text.slice(at, this.at)
    return { line, value: resolveScalar(plain), plain }
  }

  /**
   * The offset behind a quoted scalar. Its other lines are indented more than the column `parent`; when none is given,
   * -1 for a scalar of several lines.
   */
  private quotedEnd(at: number, parent?: number): number {
    const { text } = this
    const quote = text.charCodeAt(at)
    for (let end = at + 1; end < text.length; end++) {
      const code = text.charCodeAt(end)
      if (code === 0x09) break
      if (code === 0x0a) {
        if (parent === undefined) return -1
        const first = this.skipSpaces(end + 1)
        if (text.charCodeAt(first) !== 0x0a && first - end - 1 <= parent) break
        const newline = text.indexOf('\n', end + 1)
        this.next = newline === -1 ? text.length : newline + 1
        this.line += 1
      } else if (code === quote) {
        if (quote === 0x22 || text.charCodeAt(end + 1) !== quote) return end + 1
        end += 1
      } else if (code === 0x5c && quote === 0x22) {
        // Those of hexadecimal digits may be incomplete.
        if (/[^0abtnvfre "\\N_LP]/.test(text[end + 1] ?? '')) break
        end += 1
      }
    }
    throw UNUSUAL
  }

  private quoted(start: number, end: number): string {
    const inner = this.text.slice(start + 1, end - 1)
    const isDouble = this.text[start] === '"'
    if (inner.includes('\n') || (isDouble && inner.includes('\\')))
      return this.scalar(start + 1, end - 1, isDouble ? SCALAR_STYLE.DOUBLE_QUOTED : SCALAR_STYLE.SINGLE_QUOTED)
    return isDouble ? inner : inner.replaceAll("''", "'")
  }

  private blockScalar(parent: number): Tree {
    const { text, at, line } = this
    HEADER.lastIndex = at
    const [, style, chomping] = HEADER.exec(text) ?? []
    if (!style) throw UNUSUAL
    const start = this.next
    let indent = -1
    let leading = 0
    while (this.next < text.length) {
      let first = this.next
      while (text.charCodeAt(first) === 0x20) first += 1
      const code = text.charCodeAt(first)
      const column = first - this.next
      if (code !== 0x0a) {
        if (Number.isNaN(code) || (code === 0x09 && (indent === -1 || column < indent))) throw UNUSUAL
        if (indent === -1) {
          if (column < leading) throw UNUSUAL
          if (column > parent) indent = column
        }
        if (column < indent || indent === -1) break
      } else if (indent === -1) leading = Math.max(leading, column)
      const newline = text.indexOf('\n', first)
      this.next = newline === -1 ? text.length : newline + 1
      this.line += 1
    }
    // Empty texts have more than one meaning.
    if (indent === -1) throw UNUSUAL
    const as = style === '|' ? SCALAR_STYLE.LITERAL_BLOCK : SCALAR_STYLE.FOLDED_BLOCK
    const value = this.scalar(start, this.next, as, indent, chomping)
    this.advance()
    return { line, value, isBlock: true }
  }

  /** The value of a scalar as js-yaml reads it. */
  private scalar(valueStart: number, valueEnd: number, style: ScalarStyle, indent = -1, chomping = ''): string {
    const mode = { '-': CHOMPING_MODE.STRIP, '+': CHOMPING_MODE.KEEP }[chomping] ?? CHOMPING_MODE.CLIP
    const none = { anchorStart: -1, anchorEnd: -1, tagStart: -1, tagEnd: -1 }
    const event = { valueStart, valueEnd, style, indent, chomping: mode, fast: false, ...none }
    return getScalarValue(this.text, event as ScalarEvent)
  }

  private skipSpaces(at: number): number {
    SPACES.lastIndex = at
    SPACES.test(this.text)
    return SPACES.lastIndex
  }

  /** Whether nothing but spaces and a comment follows. */
  private isRest(at: number): boolean {
    REST.lastIndex = at
    return REST.test(this.text)
  }
}

/** The key that a scalar without quotes is in Prow's JSON. */
function keyOf(plain: string): string {
  const value = resolveScalar(plain)
  if (value === null) throw UNUSUAL
  return typeof value === 'string' ? value : scalarString(plain)
}
