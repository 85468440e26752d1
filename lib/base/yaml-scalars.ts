// How Prow reads a scalar without quotes. Its reader is goyaml.v2 in sigs.k8s.io/yaml: YAML 1.1 as Go implements it,
// which differs from the specification and from what JavaScript packages do. `npm run test:prow` compares both.

const BOOLS = new Map(
  Object.entries({
    true: ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'],
    false: ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'],
  }).flatMap(([value, names]) => names.map((name): [string, boolean] => [name, value === 'true'])),
)
const NULLS = new Set(['', '~', 'null', 'Null', 'NULL'])
const SPECIAL = new Map<string, number>(
  ['inf', 'Inf', 'INF'].flatMap((name): [string, number][] => [
    [`.${name}`, Number.POSITIVE_INFINITY],
    [`+.${name}`, Number.POSITIVE_INFINITY],
    [`-.${name}`, Number.NEGATIVE_INFINITY],
  ]),
)
for (const name of ['.nan', '.NaN', '.NAN']) SPECIAL.set(name, Number.NaN)

/** Go's strconv.ParseInt with base 0, after the underscores are removed. */
const INTEGER = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
/** What resolves to a date is a string all the same; it only must not be taken for a number. */
const NUMERIC = /^[-+.0-9]/

/** The whole number of a scalar that Go reads as one; undefined for anything else. */
function integer(digits: string): bigint | undefined {
  if (!INTEGER.test(digits)) return undefined
  const negative = digits.startsWith('-')
  const bare = digits.replace(/^[-+]/, '')
  const octal = /^0[oO]?([0-7]+)$/.exec(bare)
  const value = BigInt(octal ? `0o${octal[1]}` : bare)
  if (negative ? value > 2n ** 63n : value >= 2n ** 64n) return undefined
  // Only ParseInt takes a sign; what is larger goes to ParseUint.
  if (digits.startsWith('+') && value >= 2n ** 63n) return undefined
  return negative ? -value : value
}

/** The value that Prow reads for a scalar without quotes. */
export function resolveScalar(plain: string): string | number | boolean | null {
  if (NUMERIC.test(plain)) {
    if (SPECIAL.has(plain)) return SPECIAL.get(plain)!
    // A point in front is parsed as it stands, underscores and all.
    const digits = plain.startsWith('.') ? plain : plain.replaceAll('_', '')
    const whole = integer(digits)
    if (whole !== undefined) return Number(whole)
    if (!FLOAT.test(digits)) return plain
    const value = Number(digits)
    // Go cannot hold it, and keeps the string.
    return Number.isFinite(value) ? value : plain
  }
  if (NULLS.has(plain)) return null
  return BOOLS.get(plain) ?? plain
}

/** The string that Prow makes of a scalar without quotes where a string is wanted and numbers are converted. */
export function scalarString(plain: string): string {
  const value = resolveScalar(plain)
  if (typeof value !== 'number') return value === null ? 'null' : String(value)
  const whole = integer(plain.replaceAll('_', ''))
  return whole === undefined ? floatString(value) : String(whole)
}

/** Go's strconv.FormatFloat(value, 'g', -1, 32), which sigs.k8s.io/yaml uses. */
function floatString(value: number): string {
  const single = Math.fround(value)
  if (Number.isNaN(single)) return 'NaN'
  if (!Number.isFinite(single)) return single > 0 ? '+Inf' : '-Inf'
  if (single === 0) return Object.is(single, -0) ? '-0' : '0'
  let digits = 1
  while (Math.fround(Number(single.toPrecision(digits))) !== single) digits += 1
  const [mantissa = '', exponent = ''] = single.toExponential(digits - 1).split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 6) return String(Number(single.toPrecision(digits)))
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
