// What Go's text/template refuses when it parses a template, as far as that is certain here.

const FUNCTIONS = new Set([
  ...['and', 'call', 'html', 'index', 'slice', 'js', 'len', 'not', 'or', 'print', 'printf', 'println', 'urlquery'],
  ...['eq', 'ge', 'gt', 'le', 'lt', 'ne', 'true', 'false', 'nil'],
])

const BLOCKS = ['if', 'range', 'with', 'define', 'block']

const TOKEN =
  /\s+|"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)+'|:=|[=|(),]|[+-]?(?:0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)i?|\$\w*|\.\w+|\.|\w+/uy

/** An action of a template: what is between its braces. */
export interface Action {
  /** The offset of its braces. */
  offset: number
  tokens: string[]
  /** How many blocks it is in. */
  depth: number
}

/** Why a template cannot be parsed, as the rest of a sentence, and the offset of the action that has the error. */
export interface TemplateError {
  error: string
  offset: number
}

/** The actions of a template, or why it cannot be parsed. */
export function parseTemplate(
  text: string,
  functions: string[] = [],
): { actions: Action[] } & (TemplateError | { error?: undefined }) {
  const actions: Action[] = []
  const open: { block: string; hasElse: boolean; offset: number }[] = []
  let offset = 0
  const fail = (error: string) => ({ actions, error, offset })
  const variables = new Set(['$'])
  for (let at = text.indexOf('{{'); at >= 0; at = text.indexOf('{{', at)) {
    offset = at
    at += 2
    if (/^-\s/.test(text.slice(at, at + 2))) at += 1
    const comment = /^\s*\/\*/.exec(text.slice(at))
    if (comment) {
      const end = text.indexOf('*/', at)
      if (end < 0) return fail('has a comment that does not end')
      const close = /^(?:\s-)?\}\}/.exec(text.slice(end + 2))
      if (!close) return fail('has a comment that does not end with */}}')
      at = end + 2 + close[0].length
      continue
    }
    const tokens: string[] = []
    let parentheses = 0
    for (;;) {
      const close = /^(?:\s+-)?\}\}/.exec(text.slice(at))
      if (close) {
        at += close[0].length
        break
      }
      if (at >= text.length) return fail(`has "${shownAction(text, offset)}", which does not end with }}`)
      TOKEN.lastIndex = at
      const token = TOKEN.exec(text)?.[0]
      if (token === undefined) {
        const rest = text.slice(at)
        if (/^["`']/.test(rest)) return fail(`has "${shownAction(text, offset)}" with a string that does not end`)
        return fail(
          `has "${shownAction(text, offset)}" with the character ${JSON.stringify(rest[0])}, which is not allowed there`,
        )
      }
      at += token.length
      if (token === '(') parentheses += 1
      if (token === ')' && --parentheses < 0) return fail(`has "${shownAction(text, offset)}" with a ) too many`)
      if (token.trim()) tokens.push(token)
    }
    const shown = text.slice(offset, at)
    if (parentheses > 0) return fail(`has ${shown} with a ( that is not closed`)
    const [first, ...rest] = tokens
    if (first === undefined) return fail(`has the empty action ${shown}`)
    if (tokens[1] === ':=' || tokens[1] === ',') for (const one of tokens) if (one.startsWith('$')) variables.add(one)
    for (const [index, one] of rest.entries())
      if (one === ':=' || one === ',')
        for (const name of [tokens[index]!, tokens[index + 2]]) if (name?.startsWith('$')) variables.add(name)
    if (first === 'end') {
      if (rest.length > 0) return fail(`has ${shown}: nothing may follow end`)
      if (!open.pop()) return fail('has an {{end}} too many')
      continue
    }
    if (first === 'else') {
      const block = open.at(-1)
      if (!block || !['if', 'range', 'with'].includes(block.block)) return fail('has an {{else}} outside of {{if}}')
      if (block.hasElse) return fail('has two {{else}} in one {{if}}')
      if (rest.length === 0) block.hasElse = true
      else if (rest[0] !== 'if' && rest[0] !== 'with') return fail(`has ${shown}: only if or with may follow else`)
      else if (rest.length === 1) return fail(`has ${shown} without a condition`)
    } else if (BLOCKS.includes(first)) {
      if (rest.length === 0) return fail(`has ${shown} without a value`)
      open.push({ block: first, hasElse: false, offset })
    } else if (first === 'break' || first === 'continue') {
      if (!open.some(({ block }) => block === 'range')) return fail(`has ${shown} outside of {{range}}`)
      continue
    }
    const words = BLOCKS.includes(first) || first === 'else' || first === 'template' ? rest : tokens
    for (const [index, word] of words.entries()) {
      if (word.startsWith('$') && !variables.has(word))
        return fail(`has ${shown} with the variable ${word}, which is not defined`)
      const isName = /^[A-Za-z_]\w*$/.test(word) && !(first === 'else' && index === 0)
      if (isName && !FUNCTIONS.has(word) && !functions.includes(word))
        return fail(
          `has ${shown} with ${word}, which is not a function${words.length === 1 ? `; a field begins with a dot: .${word}` : ''}`,
        )
    }
    actions.push({ offset, tokens, depth: open.length - (BLOCKS.includes(first) ? 1 : 0) })
  }
  const block = open.pop()
  if (block) return { ...fail(`has {{${block.block}}} without {{end}}`), offset: block.offset }
  return { actions }
}

/** The beginning of an action, for a message. */
function shownAction(text: string, offset: number): string {
  const line = text.slice(offset).split('\n')[0]!
  return line.length > 60 ? `${line.slice(0, 57)}...` : line
}
