import { isGiven, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import { type All, containersOf, type Job, match, type Rule, shownJob } from './rule.ts'

/** What Prow adds to the pods of all jobs that have its labels. */
export interface Preset {
  tree: Tree
  file: string
  labels: [name: string, value: string][]
}

const byConfiguration = new WeakMap<All['jobFiles'], Preset[]>()

/** The presets of a configuration. */
export function presetsOf(all: All): Preset[] {
  const { jobFiles } = all
  const known = byConfiguration.get(jobFiles)
  if (known) return known
  const presets = jobFiles.flatMap(({ file, tree }) =>
    (nodeAt(tree, 'presets')?.list ?? []).map((preset) => ({
      tree: preset,
      file,
      labels: [...(nodeAt(preset, 'labels')?.map ?? [])].map(([name, value]): [string, string] => [
        name,
        textOf(value),
      ]),
    })),
  )
  byConfiguration.set(jobFiles, presets)
  return presets
}

const byJob = new WeakMap<Tree, Preset[]>()

/** The presets that apply to a job, in the order in which Prow merges them. One without labels applies to every job. */
export function presetsFor(job: Job, all: All): Preset[] {
  const presets = presetsOf(all)
  const known = byJob.get(job.tree)
  if (known) return known
  const labels = nodeAt(job.tree, 'labels')?.map
  const applied = presets.filter((preset) =>
    preset.labels.every(([name, value]) => labels?.has(name) && textOf(labels.get(name)) === value),
  )
  byJob.set(job.tree, applied)
  return applied
}

/** A preset as messages name it, by the labels that select it. */
export function shownPreset({ labels }: Preset): string {
  if (labels.length === 0) return 'the preset without labels'
  return `the preset ${labels.map(([name, value]) => `${name}: "${value}"`).join(', ')}`
}

/** A part of a pod that has a name, and where it is written. */
export interface Part {
  name: string
  tree: Tree
  file: string
  preset?: Preset
}

/** The parts of a pod: its volumes and, for each container, its variables and mounts. */
export interface Pod {
  volumes: Part[]
  containers: { env: Part[]; mounts: Part[] }[]
}

function parts(tree: Tree | undefined, list: string, file: string, preset?: Preset): Part[] {
  return (nodeAt(tree, list)?.list ?? []).map((one) => ({
    name: textOf(nodeAt(one, 'name')),
    tree: one,
    file,
    ...(preset ? { preset } : {}),
  }))
}

function podWith(job: Job, presets: Preset[]): Pod {
  const merged = (tree: Tree | undefined, list: string) => [
    ...parts(tree, list, job.file),
    ...presets.flatMap((preset) => parts(preset.tree, list, preset.file, preset)),
  ]
  return {
    volumes: merged(nodeAt(job.tree, 'spec'), 'volumes'),
    containers: containersOf(job).map((tree) => ({
      env: merged(tree, 'env'),
      mounts: merged(tree, 'volumeMounts'),
    })),
  }
}

/** The pod of a job as it is written, without presets. */
export function ownPod(job: Job): Pod {
  return podWith(job, [])
}

/** The pod of a job with the parts of its presets. */
export function podOf(job: Job, all: All): Pod {
  return podWith(job, presetsFor(job, all))
}

/** The first of some parts that a preset adds although one of that name is there. */
function clash(parts: Part[]): { part: Part; before: Part } | undefined {
  const seen = new Map<string, Part>()
  for (const part of parts) {
    const before = seen.get(part.name)
    if (before && part.preset) return { part, before }
    seen.set(part.name, part)
  }
  return undefined
}

/** Rules about presets. */
export const PRESET_RULES: Rule<Job>[] = [
  {
    name: 'preset-clash',
    severity: 'invalid',
    remedy: 'Remove one of the two, or the label that selects the preset.',
    *find(job, all) {
      if (!isGiven(nodeAt(job.tree, 'spec')) || presetsFor(job, all).length === 0) return
      const pod = podOf(job, all)
      const kinds: [kind: string, clashes: { part: Part; before: Part }[]][] = [
        ['variable', pod.containers.flatMap(({ env }) => clash(env) ?? [])],
        ['volume', [pod.volumes].flatMap((volumes) => clash(volumes) ?? [])],
        ['volume mount', pod.containers.flatMap(({ mounts }) => clash(mounts) ?? [])],
      ]
      for (const [kind, clashes] of kinds) {
        const first = clashes[0]
        if (!first) continue
        const { part, before } = first
        const other = before.preset ? shownPreset(before.preset) : 'the job itself'
        yield match(
          before.preset ? nodeAt(job.tree, 'labels') : before.tree,
          `${shownJob(job)} gets the ${kind} ${part.name} twice: from ${shownPreset(part.preset!)} (${part.file}:${part.tree.line}) and from ${other}`,
        )
        return
      }
    },
  },
]
