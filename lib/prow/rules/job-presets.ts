import { isGiven, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import { type All, containersOf, type Job, match, type Rule, shownJob } from './rule.ts'

/** A part of a pod that has a name, and where it is written. */
export interface Part {
  name: string
  tree: Tree
  file: string
  preset?: Preset
}

/** What Prow adds to the pods of all jobs that have its labels. */
export interface Preset {
  tree: Tree
  file: string
  /** Which of all presets it is, from 0: Prow merges them in this order. */
  place: number
  labels: [name: string, value: string][]
  volumes: Part[]
  env: Part[]
  mounts: Part[]
}

/** The presets of a configuration, by the label that may select them. */
interface Presets {
  /** The presets by their first label, as `name\0value`. */
  byLabel: Map<string, Preset[]>
  unlabelled: Preset[]
}

const byConfiguration = new WeakMap<All['jobFiles'], Presets>()

function presetsIn({ jobFiles }: All): Presets {
  const known = byConfiguration.get(jobFiles)
  if (known) return known
  const presets: Presets = { byLabel: new Map(), unlabelled: [] }
  let place = 0
  for (const { file, tree } of jobFiles) {
    for (const one of nodeAt(tree, 'presets')?.list ?? []) {
      const preset = presetOf(one, file, place++)
      const [label] = preset.labels
      const key = label?.join('\0')
      const same = key === undefined ? presets.unlabelled : presets.byLabel.get(key)
      if (same) same.push(preset)
      else presets.byLabel.set(key!, [preset])
    }
  }
  byConfiguration.set(jobFiles, presets)
  return presets
}

function presetOf(tree: Tree, file: string, place: number): Preset {
  const labels = [...(nodeAt(tree, 'labels')?.map ?? [])]
  const preset: Preset = {
    tree,
    file,
    place,
    labels: labels.map(([name, value]): [string, string] => [name, textOf(value)]),
    volumes: [],
    env: [],
    mounts: [],
  }
  preset.volumes = parts(tree, 'volumes', file, preset)
  preset.env = parts(tree, 'env', file, preset)
  preset.mounts = parts(tree, 'volumeMounts', file, preset)
  return preset
}

const byJob = new WeakMap<Tree, Preset[]>()

/** The presets that apply to a job, in the order in which Prow merges them. One without labels applies to every job. */
export function presetsFor(job: Job, all: All): Preset[] {
  const presets = presetsIn(all)
  const known = byJob.get(job.tree)
  if (known) return known
  const labels = new Map<string, string>()
  for (const [name, value] of nodeAt(job.tree, 'labels')?.map ?? []) labels.set(name, textOf(value))
  const applied = [...presets.unlabelled]
  for (const label of labels)
    for (const preset of presets.byLabel.get(label.join('\0')) ?? [])
      if (preset.labels.every(([name, value]) => labels.get(name) === value)) applied.push(preset)
  applied.sort((a, b) => a.place - b.place)
  byJob.set(job.tree, applied)
  return applied
}

/** A preset as messages name it, by the labels that select it. */
export function shownPreset({ labels }: Preset): string {
  if (labels.length === 0) return 'the preset without labels'
  return `the preset ${labels.map(([name, value]) => `${name}: "${value}"`).join(', ')}`
}

/** The parts of a pod: its volumes and, for each container, its variables and mounts. */
export interface Pod {
  volumes: Part[]
  containers: { env: Part[]; mounts: Part[] }[]
}

function parts(tree: Tree | undefined, list: string, file: string, preset?: Preset): Part[] {
  const items = tree?.map?.get(list)?.list
  if (!items) return []
  return items.map((one) => {
    const part: Part = { name: textOf(one.map?.get('name')), tree: one, file }
    if (preset) part.preset = preset
    return part
  })
}

const ownPods = new WeakMap<Tree, Pod>()

/** The pod of a job as it is written, without presets. */
export function ownPod(job: Job): Pod {
  const known = ownPods.get(job.tree)
  if (known) return known
  const pod: Pod = {
    volumes: parts(nodeAt(job.tree, 'spec'), 'volumes', job.file),
    containers: containersOf(job).map((tree) => ({
      env: parts(tree, 'env', job.file),
      mounts: parts(tree, 'volumeMounts', job.file),
    })),
  }
  ownPods.set(job.tree, pod)
  return pod
}

const pods = new WeakMap<Tree, Pod>()

/** The pod of a job with the parts of its presets. */
export function podOf(job: Job, all: All): Pod {
  const presets = presetsFor(job, all)
  const known = pods.get(job.tree)
  if (known) return known
  const own = ownPod(job)
  const pod =
    presets.length === 0
      ? own
      : {
          volumes: own.volumes.concat(...presets.map(({ volumes }) => volumes)),
          containers: own.containers.map(({ env, mounts }) => ({
            env: env.concat(...presets.map((preset) => preset.env)),
            mounts: mounts.concat(...presets.map((preset) => preset.mounts)),
          })),
        }
  pods.set(job.tree, pod)
  return pod
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
