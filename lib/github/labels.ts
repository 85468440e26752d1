import { type Finding, Problem } from '../base/problem.ts'
import { isGiven, keyLine, nodeAt, parseYaml, type Tree, textOf } from '../base/yaml-tree.ts'
import type { Settings } from '../settings/table.ts'
import type { GitHub } from './client.ts'

/** A label as labels.yaml has it. */
export interface Label {
  name: string
  color: string
  description: string
  previously: string[]
  deleteAfter: string
}

/** What is to be done about one label of a repository. */
export interface LabelChange {
  kind: 'create' | 'change' | 'delete'
  /** Its name on GitHub now; of a new one, the name it gets. */
  name: string
  label?: Label
  before?: string
  after?: string
}

interface Labels {
  default: Label[]
  orgs: Map<string, Label[]>
  repos: Map<string, Label[]>
}

/** Reads labels.yaml as label_sync does. Throws one Problem with every fault, each with file and line. */
export function parseLabels(file: { displayName: string; text: string }): Labels {
  const { tree, errors: flaws } = parseYaml(file.text)
  const faults: Finding[] = flaws.map(({ line, message }) => ({
    message: `${file.displayName}:${line} ${message}`,
    remedy: 'Correct the file.',
  }))
  const fault = (line: number, message: string, remedy: string) =>
    faults.push({ message: `${file.displayName}:${line} ${message}`, remedy })
  if (isGiven(nodeAt(tree, 'labels')))
    fault(keyLine(tree, 'labels'), 'has labels at the top', 'Put them below default: — label_sync ignores them there.')
  const read = (place: Tree | undefined, already: Label[]): Label[] => {
    const list: Label[] = []
    for (const one of nodeAt(place, 'labels')?.list ?? []) {
      const label: Label = {
        name: textOf(nodeAt(one, 'name')),
        color: textOf(nodeAt(one, 'color')),
        description: textOf(nodeAt(one, 'description')),
        previously: (nodeAt(one, 'previously')?.list ?? []).map(
          (before) => textOf(nodeAt(before, 'name')) || textOf(before),
        ),
        deleteAfter: textOf(nodeAt(one, 'deleteAfter')),
      }
      // 000000 and 1e1000 are numbers without quotes.
      const plain = nodeAt(one, 'color')?.plain
      if (label.name === '') fault(one.line, 'has a label without a name', 'Give it one.')
      else if ([...already, ...list].some((other) => same(other.name, label.name)))
        fault(
          one.line,
          `has ${label.name} twice`,
          'Names are the same whatever their case, and over default and the places below.',
        )
      if (!/^[0-9a-f]{6}$/i.test(plain ?? label.color))
        fault(
          nodeAt(one, 'color')?.line ?? one.line,
          `has ${label.name} with the color ${plain ?? label.color}`,
          'Write six digits of 0 to f in quotes, without #.',
        )
      else if (plain && typeof nodeAt(one, 'color')?.value !== 'string')
        fault(
          nodeAt(one, 'color')!.line,
          `has ${label.name} with the color ${plain}, which is read as a number`,
          'Put it into quotes.',
        )
      if (label.description.length > 100)
        fault(
          nodeAt(one, 'description')!.line,
          `has ${label.name} with a description of ${label.description.length} characters`,
          'GitHub takes 100.',
        )
      if (label.deleteAfter && Number.isNaN(Date.parse(label.deleteAfter)))
        fault(
          nodeAt(one, 'deleteAfter')!.line,
          `has ${label.name} with deleteAfter ${label.deleteAfter}`,
          'Write a time such as 2026-12-31T00:00:00Z.',
        )
      list.push(label)
    }
    return list
  }
  const all = read(nodeAt(tree, 'default'), [])
  const below = (key: string) =>
    new Map([...(nodeAt(tree, key)?.map ?? [])].map(([place, one]) => [place, read(one, all)]))
  const labels = { default: all, orgs: below('orgs'), repos: below('repos') }
  if (faults.length > 0) throw Problem.all(faults)
  return labels
}

/** The labels that a repository is to have. */
export function labelsFor(labels: Labels, org: string, repo: string): Label[] {
  return [...labels.default, ...(labels.orgs.get(org) ?? []), ...(labels.repos.get(`${org}/${repo}`) ?? [])]
}

interface There {
  name: string
  color: string
  description?: string | null
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function shown({ name, color, description }: There): string {
  return `${name} #${color}${description ? ` ${description}` : ''}`
}

/**
 * What to do so that a repository has its labels; what is there besides stays. `doomed` are those that labels.yaml
 * says are to go: they go only with LABELS_DELETE=on.
 */
export function labelChanges(
  wanted: Label[],
  there: There[],
  settings: Settings,
  now = new Date(),
): { changes: LabelChange[]; pendingDeletion: string[] } {
  const changes: LabelChange[] = []
  const doomed: string[] = []
  for (const label of wanted) {
    const here = there.find((one) => same(one.name, label.name))
    if (label.deleteAfter && new Date(label.deleteAfter) < now) {
      if (!here) continue
      if (settings.LABELS_DELETE === 'on') changes.push({ kind: 'delete', name: here.name, before: shown(here) })
      else doomed.push(here.name)
      continue
    }
    const before = here ?? there.find((one) => label.previously.some((name) => same(name, one.name)))
    if (!before) changes.push({ kind: 'create', name: label.name, label, after: shown(label) })
    else if (
      before.name !== label.name ||
      !same(before.color, label.color) ||
      (before.description ?? '') !== label.description
    ) {
      changes.push({ kind: 'change', name: before.name, label, before: shown(before), after: shown(label) })
    }
  }
  return { changes, pendingDeletion: doomed }
}

/** Makes one label be as it is wanted. */
export async function ensureLabel(
  github: GitHub,
  settings: Settings,
  repo: string,
  { kind, name, label }: LabelChange,
): Promise<void> {
  const place = { owner: settings.GITHUB_ORG, repo }
  if (kind === 'delete' || !label)
    await github.request('DELETE /repos/{owner}/{repo}/labels/{name}', { ...place, name })
  else if (kind === 'create') {
    const { color, description } = label
    await github.request('POST /repos/{owner}/{repo}/labels', { ...place, name, color, description })
  } else {
    const { color, description } = label
    await github.request('PATCH /repos/{owner}/{repo}/labels/{name}', {
      ...place,
      name,
      new_name: label.name,
      color,
      description,
    })
  }
}
