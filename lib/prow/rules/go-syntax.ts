import { RE2JS, RE2JSSyntaxException } from 're2js'

// What Go's libraries accept as a duration, a quantity, a cron expression and a regular expression. npm run test:prow
// compares them with Go.

/** Whether Go's time.ParseDuration accepts it. */
export function isDuration(text: string): boolean {
  return /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.test(text)
}

const UNITS: Record<string, string> = {
  h: 'h',
  hr: 'h',
  hour: 'h',
  m: 'm',
  min: 'm',
  minute: 'm',
  s: 's',
  sec: 's',
  second: 's',
}

/** How to write what is no duration of Go: `2 hours` and `7d` with its units, else an example. */
export function durationRemedy(text: string): string {
  const [, number = '', word = ''] = /^(\d+) *([a-z]+?)s?$/.exec(text.trim().toLowerCase()) ?? []
  const days = { d: 1, day: 1, w: 7, week: 7 }[word]
  if (days) return `Write ${Number(number) * days * 24}h: days and weeks are not supported.`
  const unit = UNITS[word]
  return unit ? `Write ${number}${unit}.` : 'Write it like 90s, 15m or 1h30m; days are not supported.'
}

/** Whether Kubernetes takes it for a quantity of a resource: 500m, 2Gi, 1.5. */
export function isQuantity(text: string): boolean {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/.test(text.trim())
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const FIELDS: { name: string; least: number; most: number; names?: string[] }[] = [
  { name: 'second', least: 0, most: 59 },
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12, names: MONTHS },
  { name: 'day of week', least: 0, most: 6, names: DAYS },
]

function isTimeZone(name: string): boolean {
  if (['', 'UTC', 'Local'].includes(name)) return true
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name })) && !/^[+-]/.test(name)
  } catch {
    return false
  }
}

/** What is wrong with a cron expression, as the rest of a sentence; undefined when robfig/cron/v3 accepts it. */
export function cronError(expression: string): string | undefined {
  const [zoned, zone] = /^(?:CRON_)?TZ=([^ ]*) */.exec(expression) ?? ['']
  if (zone !== undefined && !isTimeZone(zone)) return `has an unknown time zone ${zone}`
  const text = expression.slice(zoned.length)
  if (text.startsWith('@')) {
    if (/^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/.test(text)) return undefined
    if (text.startsWith('@every '))
      return isDuration(text.slice(7)) ? undefined : 'needs a duration such as 1h30m after @every'
    return 'is not a known name; @hourly, @daily, @weekly, @monthly, @yearly and @every 1h are'
  }
  const parts = text.trim().split(/\s+/)
  if (parts.length !== 5 && parts.length !== 6) return `has ${parts.length} fields; a cron expression has 5`
  const fields = parts.length === 5 ? FIELDS.slice(1) : FIELDS
  for (const [index, ranges] of parts.entries()) {
    const field = fields[index]!
    for (const range of ranges.split(',').filter(Boolean)) {
      const [span = '', step, ...more] = range.split('/')
      const ends = span.split('-')
      const number = (part: string): number => {
        const name = field.names?.indexOf(part.toLowerCase()) ?? -1
        if (name >= 0) return name + (field.name === 'month' ? 1 : 0)
        // Go takes a plus sign as well.
        return /^\+?\d+$/.test(part) ? Number(part) : Number.NaN
      }
      const any = ends[0] === '*' || ends[0] === '?'
      const from = any ? field.least : number(ends[0] ?? '')
      const to = any ? field.most : ends.length === 1 ? (step === undefined ? from : field.most) : number(ends[1] ?? '')
      const invalid =
        (!any && ends.length > 2) ||
        more.length > 0 ||
        (step !== undefined && !/^\+?0*[1-9]\d*$/.test(step)) ||
        !(from >= field.least && to <= field.most && from <= to)
      if (invalid)
        return `has ${range} as its ${field.name} (${field.least} to ${field.most}${field.name === 'day of week' ? ', Sunday is 0' : ''})`
    }
  }
  return undefined
}

/** A regular expression of Go; only what it matches counts here, not where. */
export interface Expression {
  test(text: string): boolean
}

/** Expressions of ASCII characters, groups, choices and plain classes, which Go and JavaScript read alike. */
const SHARED =
  /^(?:[\w /,:=@~"'<>!%&;^$|.)*+?-]|\\[.\-/*+?$^|()dDwW]|\((?!\?)|\(\?:|\[\^?(?:[\w. /](?:-[\w. /])?)+-?\])*$/
/** A repetition of a group, for which JavaScript may take exponentially long. */
const REPEATED_GROUP = /\)[*+?]/

const compiled = new Map<string, Expression | string>()

/** The expression, compiled once, or what is wrong with it. */
function compile(text: string): Expression | string {
  let known = compiled.get(text)
  if (known === undefined) {
    known = (SHARED.test(text) && !REPEATED_GROUP.test(text) ? native(text) : undefined) ?? re2(text)
    compiled.set(text, known)
  }
  return known
}

/** A SHARED expression in JavaScript, which takes less; undefined for those that only Go may accept, such as ^*. */
function native(text: string): Expression | undefined {
  try {
    return new RegExp(text)
  } catch {
    return undefined
  }
}

function re2(text: string): Expression | string {
  try {
    const expression = RE2JS.compile(text)
    return { test: (subject) => expression.matcher(subject).find() }
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return error.message
    throw error
  }
}

/** A Go regular expression that can be matched; undefined when it is not valid. */
export function asRegExp(text: string): Expression | undefined {
  const expression = compile(text)
  return typeof expression === 'string' ? undefined : expression
}

/** What is wrong with a Go regular expression, as the rest of a sentence; undefined when it is valid. */
export function regexpError(text: string): string | undefined {
  const expression = compile(text)
  if (typeof expression !== 'string') return undefined
  if (/`\(\?<?[=!]/.test(expression)) return 'has a lookahead or lookbehind, which Go does not support'
  if (/escape sequence: `\\[1-9]/.test(expression)) return 'has a backreference, which Go does not support'
  return `is not a valid regular expression (${expression.replace(/^error parsing regexp: /, '').replaceAll('`', '')})`
}
