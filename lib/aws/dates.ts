/** A date as aws prints it: version 1 prints seconds, version 2 a text. Undefined when there is none. */
export function parseDate(value: string | number | undefined): Date | undefined {
  if (value === undefined) return undefined
  const date = new Date(typeof value === 'number' ? value * 1000 : value)
  return Number.isNaN(date.getTime()) ? undefined : date
}
