// What Go's libraries take for a duration, a cron line and a regular expression, as far as we can say it for sure.

/** Whether Go's time.ParseDuration takes it. */
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

/** What is wrong with a cron line, or nothing. */
export function cronError(given: string): string | undefined {
  const text = given.replace(/^TZ=\S+\s+/, '')
  if (text.startsWith('@')) {
    if (/^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/.test(text)) return undefined
    if (text.startsWith('@every '))
      return isDuration(text.slice(7)) ? undefined : 'is no @every with a duration such as 1h30m'
    return 'is no known name; @hourly, @daily, @weekly, @monthly, @yearly and @every 1h are'
  }
  const parts = text.trim().split(/\s+/)
  if (parts.length !== 5 && parts.length !== 6) return `has ${parts.length} fields; a cron line has 5`
  const fields = parts.length === 5 ? FIELDS.slice(1) : FIELDS
  for (const [index, part] of parts.entries()) {
    const field = fields[index]!
    for (const range of part.split(',').filter(Boolean)) {
      const [span = '', step, ...more] = range.split('/')
      const ends = span.split('-')
      const number = (word: string): number => {
        const name = field.names?.indexOf(word.toLowerCase()) ?? -1
        if (name >= 0) return name + (field.name === 'month' ? 1 : 0)
        return /^\d+$/.test(word) ? Number(word) : Number.NaN
      }
      const whole = ends[0] === '*' || ends[0] === '?'
      const from = whole ? field.least : number(ends[0] ?? '')
      const to = whole
        ? field.most
        : ends.length === 1
          ? step === undefined
            ? from
            : field.most
          : number(ends[1] ?? '')
      const bad =
        (!whole && ends.length > 2) ||
        more.length > 0 ||
        (step !== undefined && !/^\d+$/.test(step)) ||
        !(from >= field.least && to <= field.most && from <= to)
      if (bad)
        return `has ${range} as its ${field.name} (${field.least} to ${field.most}${field.name === 'day of week' ? ', Sunday is 0' : ''})`
    }
  }
  return undefined
}

/** A Go regular expression as JavaScript's, when both surely mean the same. */
export function asRegExp(text: string): RegExp | undefined {
  const [, flags = '', rest = text] = /^\(\?([ims]+)\)(.*)$/s.exec(text) ?? []
  if (/\(\?[a-zA-Z-]+[:)]|\\[zAQEpPC]|\[\[:/.test(rest)) return undefined
  try {
    return new RegExp(rest.replaceAll('(?P<', '(?<'), flags)
  } catch {
    return undefined
  }
}

/** What is wrong with a Go regular expression, or nothing where we are not sure. */
export function regexpError(text: string): string | undefined {
  if (text.includes('\\Q')) return undefined
  const bare = text.replace(/\\./g, '__').replace(/\[\^?\]?[^\]]*\]/g, '_')
  if (/\(\?(?:[=!]|<[=!])/.test(bare)) return 'looks ahead or behind, which Go has not'
  if (/(?<!\\)(?:\\\\)*\\[1-9]/.test(text)) return 'refers back to a group, which Go has not'
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
    return why ? `is no regular expression (${why[1]!.toLowerCase()})` : undefined
  }
}
