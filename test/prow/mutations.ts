import type { Configuration } from './verdicts.ts'

/** A configuration that differs from another in one line. */
export interface Mutant {
  kind: string
  /** The file and the line, as it was and as it is. */
  where: string
  configuration: Configuration
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** What becomes of a line; undefined where it cannot be changed so. */
type Mutate = (line: string, next: () => number) => string[] | undefined

const VALUES = [
  '7',
  '1.5',
  'true',
  'no',
  'some text',
  '"quoted"',
  '',
  '[a]',
  '{a: b}',
  '2GB',
  '90',
  '1d',
  '*.go',
  '~',
  '-1',
  '.',
]

const pick = <T>(list: readonly T[], next: () => number): T => list[Math.floor(next() * list.length)]!

/** A line as its indentation with dashes, key and value. */
function keyValue(line: string): { before: string; key: string; value: string } | undefined {
  const [, before, key, value] = /^([\s-]*)("?[\w.*/$-]+"?):(?: (.*))?$/.exec(line) ?? []
  return key === undefined ? undefined : { before: before!, key, value: value ?? '' }
}

/** The kinds of slips, each of one line. */
export const MUTATIONS: Record<string, Mutate> = {
  'line deleted': () => [],
  'line twice': (line) => [line, line],
  'indented more': (line, next) => [`${' '.repeat(1 + Math.floor(next() * 2))}${line}`],
  'indented less': (line, next) => {
    const less = line.slice(1 + Math.floor(next() * 2))
    return line.startsWith('  ') ? [less] : undefined
  },
  'indented with a tab': (line) => (line.startsWith('  ') ? [`\t${line.trimStart()}`] : undefined),
  'dash removed': (line) => (/^\s*- /.test(line) ? [line.replace('- ', '')] : undefined),
  'dash added': (line) => [line.replace(/^(\s*)/, '$1- ')],
  'key misspelt': (line, next) => {
    const { before, key, value } = keyValue(line) ?? {}
    if (!key || key.length < 3 || /["*]/.test(key)) return undefined
    const at = 1 + Math.floor(next() * (key.length - 2))
    const misspelt = pick(
      [key.slice(0, at) + key.slice(at + 1), key.slice(0, at) + key[at] + key.slice(at), `${key}s`],
      next,
    )
    return [`${before}${misspelt}:${value ? ` ${value}` : ''}`]
  },
  'key in another case': (line) => {
    const { before, key, value } = keyValue(line) ?? {}
    if (!key || !/^[a-z]/.test(key)) return undefined
    return [`${before}${key[0]!.toUpperCase()}${key.slice(1)}:${value ? ` ${value}` : ''}`]
  },
  'colon without a blank': (line) => (/: \S/.test(line) ? [line.replace(': ', ':')] : undefined),
  'another value': (line, next) => {
    const { before, key, value } = keyValue(line) ?? {}
    return key && value && !/^[>|&]/.test(value) ? [`${before}${key}: ${pick(VALUES, next)}`] : undefined
  },
  'another entry': (line, next) => {
    const [, before] = /^(\s*- )[^:]+$/.exec(line) ?? []
    return before ? [before + pick(VALUES, next)] : undefined
  },
  'quotes removed': (line) => (/["']/.test(line) ? [line.replace(/["']/g, '')] : undefined),
  'one quote removed': (line) => (/["']/.test(line) ? [line.replace(/["']/, '')] : undefined),
  'one character removed': (line, next) => {
    const at = Math.floor(next() * line.length)
    return line[at]?.trim() ? [line.slice(0, at) + line.slice(at + 1)] : undefined
  },
  'value cut off': (line, next) => {
    const { before, key, value } = keyValue(line) ?? {}
    return key && value && value.length > 2
      ? [`${before}${key}: ${value.slice(0, Math.ceil(next() * (value.length - 1)))}`]
      : undefined
  },
}

/** The files of a configuration by name. */
function filesOf({ config, plugins, jobs }: Configuration): [name: string, text: string][] {
  return [['config.yaml', config], ['plugins.yaml', plugins], ...Object.entries(jobs)]
}

/** Some configurations with one line changed in each, `count` of every kind. */
export function mutantsOf(configurations: Configuration[], count: number, seed: number): Mutant[] {
  const next = random(seed)
  const mutants: Mutant[] = []
  for (const [kind, mutate] of Object.entries(MUTATIONS)) {
    let made = 0
    while (made < count) {
      const configuration = pick(configurations, next)
      const [name, text] = pick(filesOf(configuration), next)
      const lines = text.split('\n')
      const at = Math.floor(next() * lines.length)
      const line = lines[at]!
      if (!line.trim() || line.trim().startsWith('#')) continue
      const changed = mutate(line, next)
      if (!changed || (changed.length === 1 && changed[0] === line)) continue
      const mutated = [...lines.slice(0, at), ...changed, ...lines.slice(at + 1)].join('\n')
      const { config, plugins, jobs } = configuration
      mutants.push({
        kind,
        where: `${name}:${at + 1} ${JSON.stringify(line)} -> ${JSON.stringify(changed)}`,
        configuration: {
          config: name === 'config.yaml' ? mutated : config,
          plugins: name === 'plugins.yaml' ? mutated : plugins,
          jobs: name in jobs ? { ...jobs, [name]: mutated } : jobs,
        },
      })
      made += 1
    }
  }
  return mutants
}
