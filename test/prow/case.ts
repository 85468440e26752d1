// How the cases are made: each is a small configuration that differs from a valid one in one place.

import type { Configuration } from './verdicts.ts'

/** A configuration with a name. */
export interface Case extends Configuration {
  name: string
}

export const CONFIG = `prowjob_namespace: prow
pod_namespace: test-pods
decorate_all_jobs: true
`
export const PLANK = `plank:
  default_decoration_config_entries:
    - config:
        utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}
        gcs_configuration: {bucket: s3://logs, path_strategy: explicit}
        s3_credentials_secret: s3-credentials
`
export const PLUGINS = `plugins:
  org:
    plugins: [trigger]
`

/** All cases, in the order in which they were made. */
export const all: Case[] = []
export const add = (name: string, given: Partial<Case>) =>
  all.push({ name, config: CONFIG + PLANK, plugins: PLUGINS, jobs: {}, ...given })

/** More text for config.yaml. */
export const config = (name: string, text: string) => add(`config: ${name}`, { config: CONFIG + PLANK + text })
/** config.yaml with another plank. */
export const plank = (name: string, text: string, jobs: Record<string, string> = {}) =>
  add(`plank: ${name}`, { config: `${CONFIG}plank:\n${text}`, jobs })
export const plugins = (name: string, text: string) => add(`plugins: ${name}`, { plugins: text })
export const files = (name: string, jobs: Record<string, string>, more: Partial<Case> = {}) =>
  add(`jobs: ${name}`, { jobs, ...more })

export const SPEC = 'spec: {containers: [{image: i, command: [c]}]}'
/** A presubmit of org/repo with these lines. */
export const pre = (name: string, ...lines: string[]) => files(`presubmit ${name}`, { 'a.yaml': presubmit(...lines) })
export const presubmit = (...lines: string[]) =>
  `presubmits:\n  org/repo:\n    - ${(lines.some((line) => line.startsWith('name:')) ? lines : ['name: one', ...lines]).join('\n      ')}\n`
export const good = (name: string, ...lines: string[]) => pre(name, ...lines, SPEC)
export const periodic = (name: string, ...lines: string[]) =>
  files(`periodic ${name}`, { 'p.yaml': `periodics:\n  - name: one\n    ${[...lines, SPEC].join('\n    ')}\n` })
export const post = (name: string, ...lines: string[]) =>
  files(`postsubmit ${name}`, {
    'p.yaml': `postsubmits:\n  org/repo:\n    - name: one\n      ${[...lines, SPEC].join('\n      ')}\n`,
  })
