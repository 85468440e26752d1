// Prow's configuration as the cluster has it, by the rules by which 06-config checks that of CONFIG_DIR: somebody may
// have edited a ConfigMap, or the plugin config-updater has.
import { nodeAt, textOf } from '../../base/yaml-tree.ts'
import { labelOf, objectLabel } from '../../kubernetes/objects.ts'
import { CONFIG_MAP_FULL, CONFIG_MAP_LIMIT, configMapSize } from '../../prow/config-maps.ts'
import { checkConfiguration } from '../../prow/rules/index.ts'
import type { Violation } from '../../prow/rules/rule.ts'
import { inspectTestPods } from '../../prow/test-pods.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import { ROWS, type Settings } from '../../settings/table.ts'
import type { Row } from '../row.ts'

/** Whether 06-config would refuse it: what it lets pass, somebody has accepted. */
function isRefused({ severity, rule }: Violation, settings: Settings): boolean {
  if (severity === 'hint' || (severity === 'strict' && settings.CONFIG_STRICT === 'off')) return false
  // The lists of what Prow knows are those of one version.
  const isKnown = settings.PROW_IMAGE_TAG === ROWS.PROW_IMAGE_TAG.default
  return isKnown || !['unknown-field', 'unknown-plugin'].includes(rule)
}

export const configurationRows: Row[] = [
  {
    id: 'PRW-CFG-010',
    title: "the configuration in the cluster follows Prow's rules",
    severity: 'error',
    find: async ({ config, settings }) => {
      if (!config) return []
      const violations = checkConfiguration(config.prow, settings, await inspectTestPods())
      return (
        violations
          // What comes of the namespaces is in a row of its own.
          .filter((violation) => violation.rule !== 'namespaces' && isRefused(violation, settings))
          .map(({ file, line, message, remedy, cause, setting }) => {
            const [key, map = 'prow/config'] = file.split(' of ConfigMap ')
            return {
              object: `ConfigMap ${map}`,
              message: `${key}:${line} of ConfigMap ${map}: ${message}`,
              evidence: cause,
              remedy: `${remedy}${setting ? ` Or set ${setting}.` : ''} Correct the file in ${settings.CONFIG_DIR}/, then run ${rerunLine('06-config')}.`,
            }
          })
      )
    },
  },
  {
    id: 'PRW-CFG-011',
    title: 'the namespaces of the configuration are those of this installation',
    severity: 'error',
    find: ({ config }) =>
      [
        ['prowjob_namespace', 'prow', 'no component sees the ProwJobs of the others'],
        ['pod_namespace', 'test-pods', 'no pod of a job can be created'],
      ].flatMap(([field, wanted, effect]) => {
        const value = textOf(nodeAt(config?.config, field!)) || 'default'
        if (!config || value === wanted) return []
        return [
          {
            object: objectLabel('ConfigMap', 'config', 'prow'),
            message: `config.yaml of ConfigMap prow/config has ${field}: ${value}, so ${effect}`,
            evidence: `${field}: ${value}`,
            remedy: `Write ${field}: ${wanted} in config.yaml, then run ${rerunLine('06-config')}.`,
          },
        ]
      }),
  },
  {
    id: 'PRW-CFG-012',
    title: 'the ConfigMaps have room',
    severity: 'warning',
    find: ({ objects }) =>
      ['config', 'plugins', 'job-config']
        .flatMap((name) => objects.get('ConfigMap', name, 'prow') ?? [])
        .filter((map) => configMapSize(map) > CONFIG_MAP_FULL * CONFIG_MAP_LIMIT)
        .map((map) => {
          const kib = Math.round(configMapSize(map) / 1024)
          return {
            object: labelOf(map),
            message: `ConfigMap prow/${map.metadata.name} is nearly full: it holds ${kib} of ${CONFIG_MAP_LIMIT / 1024} KiB, and the API server refuses more`,
            evidence: `${kib} KiB`,
            remedy:
              map.metadata.name === 'plugins'
                ? 'Shorten plugins.yaml: Prow reads it uncompressed only.'
                : `Move jobs into .prow.yaml of their repositories (in_repo_config), or have it compressed (config_updater gzip: true). Its keys: ${kubectlLine('-n', 'prow', 'get', 'configmap', map.metadata.name, '-o', 'jsonpath={.data}')}`,
          }
        }),
  },
]
