import type { Tree } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'

// Rules of Prow's own that people break, each told with file and line. They say nothing where they are not sure:
// checkconfig, of the version that is installed, has the last word.

/** A file as the reader knows it. */
export interface Source {
  displayName: string
  text: string
}

/**
 * invalid: Prow's loader refuses it. strict: `checkconfig --strict` refuses it. here: Prow would load it, and it
 * would not work in this installation. hint: told, never refused.
 */
export type Severity = 'invalid' | 'strict' | 'here' | 'hint'

export interface Violation {
  rule: string
  severity: Severity
  file: string
  line: number
  message: string
  remedy: string
}

export type Match = [tree: Tree | number | undefined, message: string, remedy?: string]

export interface Rule<On> {
  name: string
  severity: Severity
  remedy: string
  find: (on: On, all: All) => Iterable<Match>
}

export interface Job {
  kind: 'presubmit' | 'postsubmit' | 'periodic'
  tree: Tree
  /** `org/repo`; of a periodic, its first extra ref. */
  repo: string
  name: string
  file: string
  decorated: boolean
  /** The merged decoration, when it is decorated. */
  decoration: Decoration | undefined
}

export interface Decoration {
  utility_images?: Record<string, string>
  gcs_configuration?: Record<string, unknown>
  oauth_token_secret?: { name?: string }
  ssh_key_secrets?: string[]
  [more: string]: unknown
}

/** Everything at once, for rules that look across files. */
export interface All {
  settings: Settings
  config: Tree
  plugins: Tree
  jobs: Job[]
  /** Trees of all files that may hold jobs and presets. */
  jobFiles: { file: string; tree: Tree }[]
}

export const files = new WeakMap<Match, string>()

/** A finding about all jobs says itself which file it is in. */
export function inFile({ file }: { file: string }, tree: Tree, message: string): Match[] {
  const found: Match = [tree, message]
  files.set(found, file)
  return [found]
}
