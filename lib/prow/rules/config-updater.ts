import { isGiven, keyLine, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { enabledPlugins } from './enabled-plugins.ts'
import { type Match, match, type Rule } from './rule.ts'

/** An entry of config_updater.maps, with what Prow takes when the fields are not set. */
interface Entry {
  glob: string
  tree: Tree
  line: number
  name: string
  /** The key of the ConfigMap; of several files, their pattern. */
  key: string
  /** Where it writes: the namespaces by the name of the cluster. An empty namespace is that of Prow. */
  clusters: [cluster: string, namespaces: { name: string; at: Tree | number }[]][]
}

function entries(plugins: Tree): Entry[] {
  const updater = nodeAt(plugins, 'config_updater')
  const maps = nodeAt(updater, 'maps')
  return [...(maps?.map ?? [])].map(([glob, tree]) => {
    const line = keyLine(maps, glob)
    const clusters: Entry['clusters'] = [...(nodeAt(tree, 'clusters')?.map ?? [])].map(([cluster, list]) => [
      cluster,
      (list.list ?? []).map((one) => ({ name: textOf(one), at: one })),
    ])
    const groups = textsOf(nodeAt(tree, 'cluster_groups'))
    for (const group of clusters.length === 0 ? groups : []) {
      const members = nodeAt(updater, 'cluster_groups', group)
      const namespaces = (nodeAt(members, 'namespaces')?.list ?? []).map((one) => ({ name: textOf(one), at: one }))
      for (const cluster of textsOf(nodeAt(members, 'clusters'))) clusters.push([cluster, namespaces])
    }
    if (clusters.length === 0 && groups.length === 0) clusters.push(['default', [{ name: '', at: line }]])
    return {
      glob,
      tree,
      line,
      name: textOf(nodeAt(tree, 'name')) || textsOf(nodeAt(tree, 'partitioned_names')).join(','),
      key: textOf(nodeAt(tree, 'key')) || glob.split('/').at(-1)!,
      clusters,
    }
  })
}

/** Where the plugin config-updater is enabled. */
function updaterPlaces(plugins: Tree): string[] {
  return [...enabledPlugins(plugins)]
    .filter(({ list }) => textsOf(list).includes('config-updater'))
    .map(({ place }) => place)
}

/** The ConfigMaps that 06-config writes. */
const CONFIG_MAPS = ['config', 'plugins', 'job-config']

/** The ConfigMaps that the plugin is to write in namespaces of this cluster that `which` selects; not those in prow. */
function* otherNamespaces(plugins: Tree, which: (namespace: string) => boolean, state: string): Iterable<Match> {
  if (updaterPlaces(plugins).length === 0) return
  for (const { glob, name, clusters } of entries(plugins)) {
    for (const { name: namespace, at } of clusters.flatMap(([cluster, list]) => (cluster === 'default' ? list : []))) {
      if (namespace === 'prow' || namespace === '' || !which(namespace)) continue
      const role = `kubectl -n ${namespace} create role hook --verb=get,create,update --resource=configmaps`
      const binding = `kubectl -n ${namespace} create rolebinding hook --role=hook --serviceaccount=prow:hook`
      yield match(
        at,
        `config_updater.maps.${glob} writes the ConfigMap ${name} to the namespace ${namespace}, ${state}`,
        {
          remedy: `Allow it: ${role} && ${binding}. Or remove the entry, and create the ConfigMap there by hand where pods mount it.`,
          cause: `hook in ${namespace}`,
        },
      )
    }
  }
}

/** Rules about the plugin config-updater. */
export const CONFIG_UPDATER_RULES: Rule<Tree>[] = [
  {
    name: 'config-updater',
    severity: 'invalid',
    remedy: 'Keep one of the two.',
    *find(plugins) {
      const groups = nodeAt(plugins, 'config_updater', 'cluster_groups')
      for (const { glob, tree } of entries(plugins)) {
        const path = `config_updater.maps.${glob}`
        const partitions = nodeAt(tree, 'partitioned_names')
        if (isGiven(nodeAt(tree, 'name')) && isGiven(partitions))
          yield match(tree, `${path} has both name and partitioned_names`)
        if ((partitions?.list?.length ?? 0) > 256)
          yield match(partitions, `${path} has ${partitions?.list?.length} partitioned_names`, 'Write 256 at most.')
        if (isGiven(nodeAt(tree, 'clusters')) && isGiven(nodeAt(tree, 'cluster_groups')))
          yield match(tree, `${path} has both clusters and cluster_groups`)
        else
          for (const group of nodeAt(tree, 'cluster_groups')?.list ?? [])
            if (!groups?.map?.has(textOf(group)))
              yield match(
                group,
                `${path} names the cluster group ${textOf(group)}, which is not defined`,
                'Define it under config_updater.cluster_groups, or write clusters.',
              )
      }
    },
  },
  {
    name: 'config-updater-keys',
    severity: 'invalid',
    remedy: 'Give one of them another key, or another name: two files cannot be one key of a ConfigMap.',
    *find(plugins) {
      const seen = new Map<string, string>()
      for (const { glob, name, key, tree, line, clusters } of entries(plugins)) {
        // Prow compares before it resolves cluster groups.
        if (isGiven(nodeAt(tree, 'cluster_groups')) && !isGiven(nodeAt(tree, 'clusters'))) continue
        const written = clusters.flatMap(([cluster, list]) =>
          list.map((one) => `${cluster}/${one.name}/${name}/${key}`),
        )
        const before = written.map((id) => seen.get(id)).find((one) => one !== undefined)
        if (before !== undefined)
          yield match(
            line,
            `config_updater.maps.${glob} and ${before} both write the key ${key} of the ConfigMap ${name}`,
          )
        for (const id of written) seen.set(id, glob)
      }
    },
  },
  {
    name: 'config-updater-repositories',
    severity: 'strict',
    remedy: 'Write org or org/repo.',
    *find(plugins) {
      for (const { glob, tree } of entries(plugins))
        for (const list of ['allowed_repos', 'denied_repos'])
          for (const one of nodeAt(tree, list)?.list ?? [])
            if (!/^[^/]+(\/[^/]*)?$/.test(textOf(one)))
              yield match(one, `config_updater.maps.${glob}.${list} has "${textOf(one)}"`)
    },
  },
  {
    name: 'config-updater-namespaces',
    severity: 'here',
    remedy: 'Give hook a Role there, or create the ConfigMap there by hand.',
    *find(plugins, all) {
      // Whether hook may write there is known of test-pods only, and only when the cluster was asked.
      if (all.testPods && !all.testPods.hookMayWrite)
        yield* otherNamespaces(plugins, (namespace) => namespace === 'test-pods', 'where hook has no permission')
    },
  },
  {
    name: 'config-updater-permissions',
    severity: 'hint',
    remedy: 'Give hook a Role there, or create the ConfigMap there by hand.',
    *find(plugins, all) {
      yield* otherNamespaces(
        plugins,
        (namespace) => namespace !== 'test-pods' || !all.testPods,
        'where this runbook gives hook no permission',
      )
    },
  },
  {
    name: 'config-updater-clusters',
    severity: 'here',
    remedy: 'Name default: Prow knows only this cluster.',
    *find(plugins) {
      if (updaterPlaces(plugins).length === 0) return
      for (const { glob, tree, line, clusters } of entries(plugins))
        for (const [cluster] of clusters)
          if (cluster !== 'default')
            yield match(
              isGiven(nodeAt(tree, 'clusters')) ? keyLine(nodeAt(tree, 'clusters'), cluster) : line,
              `config_updater.maps.${glob} writes to the cluster ${cluster}`,
              { cause: cluster },
            )
    },
  },
  {
    name: 'config-writers',
    severity: 'hint',
    remedy:
      'Remove these entries from config_updater.maps and run 06-config after a merge; or keep them, keep CONFIG_DIR the same as that repository, and know that the last of the two to write wins.',
    *find(plugins) {
      const places = updaterPlaces(plugins)
      if (places.length === 0) return
      const updater = nodeAt(plugins, 'config_updater')
      // Without maps the plugin has two of its own.
      const written = isGiven(nodeAt(updater, 'maps'))
        ? entries(plugins).filter(
            ({ name, clusters }) =>
              CONFIG_MAPS.includes(name) &&
              clusters.some(
                ([cluster, list]) => cluster === 'default' && list.some((one) => ['', 'prow'].includes(one.name)),
              ),
          )
        : [
            { name: 'config', line: keyLine(plugins, 'plugins') },
            { name: 'plugins', line: keyLine(plugins, 'plugins') },
          ]
      if (written.length === 0) return
      const maps = [...new Set(written.map(({ name }) => name))]
      yield match(
        written[0]!.line,
        `the plugin config-updater (${places.join(', ')}) writes the ${maps.length === 1 ? 'ConfigMap' : 'ConfigMaps'} ${maps.join(', ')}, which 06-config writes as well`,
      )
    },
  },
  {
    name: 'label-files',
    severity: 'hint',
    remedy: 'Name the one file that label_sync reads: every other file that matches becomes a key of label-config too.',
    *find(plugins) {
      for (const { glob, name, line } of entries(plugins))
        if (name === 'label-config' && glob.includes('*'))
          yield match(line, `config_updater.maps.${glob} puts every matching file into label-config`)
    },
  },
]
