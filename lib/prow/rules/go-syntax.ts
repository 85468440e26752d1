// What Go's libraries accept as a duration, a cron expression and a regular expression, as far as that is certain here.

/** Whether Go's time.ParseDuration accepts it. */
export function isDuration(text: string): boolean {
  return text === '0' || /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)
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

/** What is wrong with a cron expression, as the rest of a sentence; undefined when it is valid. */
export function cronError(expression: string): string | undefined {
  const text = expression.replace(/^TZ=\S+\s+/, '')
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
        return /^\d+$/.test(part) ? Number(part) : Number.NaN
      }
      const any = ends[0] === '*' || ends[0] === '?'
      const from = any ? field.least : number(ends[0] ?? '')
      const to = any ? field.most : ends.length === 1 ? (step === undefined ? from : field.most) : number(ends[1] ?? '')
      const invalid =
        (!any && ends.length > 2) ||
        more.length > 0 ||
        (step !== undefined && !/^\d+$/.test(step)) ||
        !(from >= field.least && to <= field.most && from <= to)
      if (invalid)
        return `has ${range} as its ${field.name} (${field.least} to ${field.most}${field.name === 'day of week' ? ', Sunday is 0' : ''})`
    }
  }
  return undefined
}

/** A Go regular expression as one of JavaScript, when both are certain to mean the same. */
export function asRegExp(text: string): RegExp | undefined {
  const [, flags = '', rest = text] = /^\(\?([ims]+)\)(.*)$/s.exec(text) ?? []
  if (/\(\?[a-zA-Z-]+[:)]|\\[zAQEpPC]|\[\[:/.test(rest)) return undefined
  try {
    return new RegExp(rest.replaceAll('(?P<', '(?<'), flags)
  } catch {
    return undefined
  }
}

/** What is wrong with a Go regular expression, as the rest of a sentence; undefined also where that is not certain. */
export function regexpError(text: string): string | undefined {
  if (text.includes('\\Q')) return undefined
  const bare = text.replace(/\\./g, '__').replace(/\[\^?\]?[^\]]*\]/g, '_')
  if (/\(\?(?:[=!]|<[=!])/.test(bare)) return 'has a lookahead or lookbehind, which Go does not support'
  if (/(?<!\\)(?:\\\\)*\\[1-9]/.test(text)) return 'has a backreference, which Go does not support'
  const neutral = text
    .replaceAll('(?P<', '(?<')
    .replace(/\(\?[imsU-]+\)/g, '')
    .replace(/\(\?[imsU-]+:/g, '(?:')
  try {
    new RegExp(neutral)
    return undefined
  } catch (error) {
    const why =
      /(Unterminated group|Unmatched '\)'|Nothing to repeat|Unterminated character class|Range out of order)/.exec(
        (error as Error).message,
      )
    return why ? `is not a valid regular expression (${why[1]!.toLowerCase()})` : undefined
  }
}
