import { checkConfiguration } from '../../lib/prow/rules/index.ts'
import type { Violation } from '../../lib/prow/rules/rule.ts'
import { readSettings } from '../../lib/settings/settings.ts'
import { type Configuration, type Verdict, verdictsOf } from './verdicts.ts'

/** What checkconfig and our rules say about a configuration. */
export interface Compared {
  verdict: Verdict
  violations: Violation[]
}

/** Whether a rule is one that checkconfig cannot know: of this installation, or of what the YAML parser drops silently. */
export const HERE = ({ severity, rule }: Violation) => severity === 'here' || (severity === 'strict' && rule === 'yaml')

/** The settings that the configurations of these tests are made for. */
export const SETTINGS = readSettings('/nowhere/.env', {
  TARGET: 'local',
  KUBECONFIG_FILE: 'k',
  KUBE_CONTEXT: 'c',
  PROW_HOST: 'prow.example.com',
  GITHUB_ORG: 'org',
  LOG_BUCKET: 'logs',
  IDENTITY: 'keys',
  INGRESS: 'none',
})

/** What our rules find in a configuration, without a cluster to ask. */
export function violationsOf({ config, plugins, jobs }: Configuration): Violation[] {
  return checkConfiguration(
    {
      config: { displayName: 'config.yaml', text: config },
      plugins: { displayName: 'plugins.yaml', text: plugins },
      jobs: new Map(Object.entries(jobs).map(([name, text]) => [name, { displayName: `jobs/${name}`, text }])),
    },
    SETTINGS,
  )
}

/** Whether our rules refuse it for a reason that checkconfig could have. */
export function refused(violations: Violation[], strict: boolean): boolean {
  return violations.some((one) => !HERE(one) && (one.severity === 'invalid' || (strict && one.severity === 'strict')))
}

/** Both verdicts on each configuration. */
export async function compare(program: string, configurations: Configuration[]): Promise<Compared[]> {
  const verdicts = await verdictsOf(program, configurations)
  return configurations.map((one, index) => ({ verdict: verdicts[index]!, violations: violationsOf(one) }))
}

/** How often both agree and each refuses alone. */
export interface Count {
  bothAccept: number
  bothRefuse: number
  onlyOurs: number
  onlyTheirs: number
}

export function countOf(some: Compared[], strict: boolean): Count {
  const count = { bothAccept: 0, bothRefuse: 0, onlyOurs: 0, onlyTheirs: 0 }
  for (const { verdict, violations } of some) {
    const theirs = (strict ? verdict.strict : verdict.plain) !== ''
    const ours = refused(violations, strict)
    count[theirs ? (ours ? 'bothRefuse' : 'onlyTheirs') : ours ? 'onlyOurs' : 'bothAccept'] += 1
  }
  return count
}

/** A table of counts, a line for each group of configurations. */
export function table(groups: [name: string, some: Compared[]][]): string {
  const width = Math.max(...groups.map(([name]) => name.length))
  const cells = (count: Count) => Object.values(count).map((number) => String(number).padStart(6))
  const line = ([name, some]: [string, Compared[]]) =>
    [name.padEnd(width), ...cells(countOf(some, false)), ' |', ...cells(countOf(some, true))].join('')
  const all: [string, Compared[]] = ['all', groups.flatMap(([, some]) => some)]
  const head = '   a+a   r+r  ours  them'
  return [
    `${''.padEnd(width)}${'without --strict'.padStart(24)} |${'--strict'.padStart(24)}`,
    `${''.padEnd(width)}${head} |${head}`,
    ...groups.map(line),
    line(all),
    'a+a: both accept, r+r: both refuse, ours: only ours refuses, them: only checkconfig refuses',
  ].join('\n')
}
