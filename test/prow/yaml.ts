import { random } from './mutations.ts'
import type { Configuration } from './verdicts.ts'

// Texts by which our reading of YAML is compared with Go's.

/** Whole numbers below the one that is given, the same for the same seed. */
function below(seed: number): (most: number) => number {
  const next = random(seed)
  return (most) => Math.floor(next() * most)
}

const PIECES = '0 1 7 8 9 12 345 _ . e E e5 + - x 0x 0b 0o o b a F inf nan NaN y n on off yes ~ null true T Z : 00'
const EDGES =
  '. -. +. ._ e2 .e3 -e5 61e552 1e400 0o17 0O17 1e3_0 .5 5. -.5 +5 0x1F -0b11 0x_1 1__0 1:30 2020-01-01 1e5 1E-5 .inf -.INF +.Inf .nan ' +
  '9223372036854775807 9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616 +9223372036854775808 ' +
  '1e20 1e21 1000000.0 123456789.5 0.00001 0.0001 -0 -0.0 0777 08 0_7 1. 1.e5 0b2 1e+ -- 1-1 1.2.3 v1 1,000 3e308 4.9e-324 0x1p4 Infinity'

/** Scalars without quotes that may be numbers, bools or null. */
export function scalars(count: number): string[] {
  const next = below(7)
  const pieces = PIECES.split(' ')
  const made = Array.from({ length: count }, () =>
    Array.from({ length: 1 + next(4) }, () => pieces[next(pieces.length)]).join(''),
  )
  // What is left out is no scalar without quotes.
  return [...new Set([...EDGES.split(' '), ...made])].filter((one) => !/^~.|^[-?:]$|:$/.test(one))
}

const CHANGES: ((line: string, next: (most: number) => number) => string | undefined)[] = [
  () => undefined,
  (line) => ` ${line}`,
  (line) => line.replace(/^ /, ''),
  (line) => `\t${line}`,
  (line) => line.replace(':', ''),
  (line) => line.replace(': ', ':'),
  (line) => line.replace(/["']/, ''),
  (line) => line.replace(/[[\]{}]/, ''),
  (line) => `${line}\n${line}`,
  (line) => line.replace('- ', '-\t'),
  (line) => line.replace(/: (\S)/, ': [a,\nb, $1'),
  (line) => line.replace(/: .*/, ': "a\n b\\\'c"'),
  (line) => line.replace(/: .*/, ': {a: b,\n\tc: d}'),
  (line) => line.replace(/: .*/, ': |\n  text'),
  (line) => line.replace(/: (.*)/, ':\n$1'),
  (line, next) => {
    const at = next(line.length + 1)
    const marks = ['@', '%', '&x ', '*x', '!', '#', ' #', '|', '>', '`', "'", '"', ',', ': ', '- ', '? ']
    return line.slice(0, at) + marks[next(marks.length)] + line.slice(at)
  },
]

/** Files of some configurations with one line changed, and that line as it was and as it is. */
export function layouts(configurations: Configuration[], count: number): { where: string; text: string }[] {
  const next = below(3)
  const texts = configurations.flatMap(({ config, plugins, jobs }) => [config, plugins, ...Object.values(jobs)])
  return Array.from({ length: count }, () => {
    const lines = texts[next(texts.length)]!.split('\n')
    const at = next(lines.length)
    const before = lines[at]!
    const changed = CHANGES[next(CHANGES.length)]!(before, next)
    lines.splice(at, 1, ...(changed === undefined ? [] : [changed]))
    return { where: `line ${at + 1}, ${JSON.stringify([before, changed])}`, text: lines.join('\n') }
  })
}
