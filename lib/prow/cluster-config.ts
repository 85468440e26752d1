import { gunzipSync } from 'node:zlib'
import { parseYaml } from '../base/yaml-parse.ts'
import { isTrue, nodeAt, type Tree, textOf } from '../base/yaml-tree.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import type { ProwConfig } from './config.ts'
import { decorator, jobsOf } from './rules/decoration.ts'
import type { Job } from './rules/rule.ts'

/** The configuration that the components run with: that of the ConfigMaps, whatever is in CONFIG_DIR. */
export interface ClusterConfig {
  prow: ProwConfig
  config: Tree
  plugins: Tree
  jobs: Job[]
}

/** The texts of a ConfigMap by key; Prow reads what is gzipped as well. */
export function configMapTexts({ data, binaryData }: KubeObject): Map<string, string> {
  const texts = new Map(Object.entries((data ?? {}) as Record<string, string>))
  for (const [key, value] of Object.entries((binaryData ?? {}) as Record<string, string>)) {
    const bytes = Buffer.from(value, 'base64')
    try {
      texts.set(key, (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString())
    } catch {
      // A truncated archive: checks of its key report it, and there is nothing to read.
    }
  }
  return texts
}

/** The configuration in the cluster; undefined while config or plugins is missing or cannot be read as YAML. */
export function readClusterConfig(find: (name: string) => KubeObject | undefined): ClusterConfig | undefined {
  const [configMap, pluginsMap, jobsMap] = ['config', 'plugins', 'job-config'].map(find)
  const configText = configMap && configMapTexts(configMap).get('config.yaml')
  const pluginsText = pluginsMap && configMapTexts(pluginsMap).get('plugins.yaml')
  if (configText === undefined || pluginsText === undefined) return undefined
  const source = (displayName: string, text: string) => ({ displayName, text })
  const jobTexts = jobsMap ? [...configMapTexts(jobsMap)].filter(([key]) => /\.ya?ml$/.test(key)) : []
  const prow: ProwConfig = {
    from: 'the cluster',
    config: source('config.yaml of ConfigMap prow/config', configText),
    plugins: source('plugins.yaml of ConfigMap prow/plugins', pluginsText),
    labels: undefined,
    jobs: new Map(jobTexts.map(([key, text]) => [key, source(`${key} of ConfigMap prow/job-config`, text)])),
  }
  const config = parseYaml(configText).tree
  const trees = [
    { file: prow.config.displayName, tree: config },
    ...[...prow.jobs.values()].map(({ displayName, text }) => ({ file: displayName, tree: parseYaml(text).tree })),
  ]
  const decorateAll = trees.some(({ tree }) => isTrue(nodeAt(tree, 'decorate_all_jobs')))
  const decorate = decorator(config)
  return {
    prow,
    config,
    plugins: parseYaml(pluginsText).tree,
    jobs: trees.flatMap(({ file, tree }) => jobsOf(tree, file, decorateAll, decorate)),
  }
}

/** The status context under which a job reports to GitHub. */
export function contextOfJob({ tree, name }: Job): string {
  return textOf(nodeAt(tree, 'context')) || name
}
