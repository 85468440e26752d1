import { nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'

// Rules that Prow's own loader and checkconfig have, with file and line, and those of this installation. A rule is
// silent where it is not sure: the checkconfig of the installed version has the last word.

/** A file of the configuration. */
export interface Source {
  /** Its path as it is shown. */
  displayName: string
  text: string
  /** That it could not be read; its text is empty. */
  isMissing?: boolean
}

/**
 * invalid: Prow's loader refuses it. strict: only `checkconfig --strict` refuses it. here: Prow would load it, and it
 * would not work in this installation. hint: a warning, never refused.
 */
export type Severity = 'invalid' | 'strict' | 'here' | 'hint'

/** A place where a configuration breaks a rule. */
export interface Violation {
  rule: string
  severity: Severity
  file: string
  line: number
  message: string
  remedy: string
  /** What it has in common with others of its rule: those of one cause are reported as one. */
  cause: string
  /** The setting with the value that lets it pass, as it is typed: JOB_POD_SECURITY=privileged. */
  setting?: string
}

/** What a rule finds: the place, and the message. */
export interface Match {
  /** The value or line; the first line of the file when there is none. */
  at: Tree | number | undefined
  /** The file, when it is another than the one that the rule was given. */
  file?: string
  message: string
  /** The remedy, when it is another than that of the rule. */
  remedy?: string
  /** The cause, when it is less than the message; of a job's the message without the name of the job. */
  cause?: string
  /** The setting, when it is another than that of the rule. */
  setting?: string
  /** The place in the value that it is about, which may be on a later line. */
  offset?: number
}

/** A Match; `more` is its remedy, or more of its fields. */
export function match(at: Match['at'], message: string, more: string | Omit<Match, 'at' | 'message'> = {}): Match {
  return { at, message, ...(typeof more === 'string' ? { remedy: more } : more) }
}

/** A rule about `On`: a file, a job, or all jobs together. */
export interface Rule<On> {
  name: string
  severity: Severity
  remedy: string
  setting?: string
  find: (on: On, all: All) => Iterable<Match>
}

/** A job of config.yaml or of a job file. */
export interface Job {
  kind: 'presubmit' | 'postsubmit' | 'periodic'
  tree: Tree
  /** `org/repo`; of a periodic, its first extra ref. */
  repo: string
  name: string
  file: string
  decorated: boolean
  /** Its decoration with all defaults merged in; when it is not decorated, its own. */
  decoration: Decoration | undefined
}

/** A job as messages name it: `presubmit unit-tests`. */
export function shownJob({ kind, name }: Job): string {
  return name === '' ? `a ${kind} without a name` : `${kind} ${name}`
}

/** The containers of a job. */
export function containersOf(job: Job): Tree[] {
  return nodeAt(job.tree, 'spec', 'containers')?.list ?? []
}

/** The agent of a job. */
export function agentOf(job: Job): string {
  return textOf(nodeAt(job.tree, 'agent')) || 'kubernetes'
}

/** A decoration_config, as far as rules read it. */
export interface Decoration {
  utility_images?: Record<string, string>
  gcs_configuration?: Record<string, unknown>
  oauth_token_secret?: { name?: string; key?: string }
  ssh_key_secrets?: string[]
  [more: string]: unknown
}

/** The kinds of objects without which a pod that names them does not start. */
export const REFERENCED_KINDS = ['ServiceAccount', 'Secret', 'ConfigMap', 'PersistentVolumeClaim'] as const

export type ReferencedKind = (typeof REFERENCED_KINDS)[number]

/** What rules need to know of the namespace test-pods of the cluster. */
export interface TestPods {
  /** The names of the objects there. */
  names: Record<ReferencedKind, ReadonlySet<string>>
  /** Whether hook has a role there, with which the plugin config-updater writes ConfigMaps. */
  hookMayWrite: boolean
}

/** The whole configuration, for rules that look across files. */
export interface All {
  settings: Settings
  config: Tree
  /** The name of config.yaml as it is shown. */
  configFile: string
  plugins: Tree
  jobs: Job[]
  /** All files that may hold jobs and presets. */
  jobFiles: { file: string; tree: Tree }[]
  /** Undefined when the cluster was not asked, or has no such namespace yet. */
  testPods?: TestPods | undefined
}
