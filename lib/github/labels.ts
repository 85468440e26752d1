import { type Finding, failed, warning } from '../base/problem.ts'
import { summarize } from '../base/summarize.ts'
import { currentRun, readOnce } from '../run/context.ts'
import { rerunLine } from '../run/rerun.ts'
import { change, task } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import type { GitHub } from './client.ts'
import { isSameName, type Label, type Labels, labelsFor } from './label-file.ts'
import { callGitHub, type Operation, writeGitHub } from './requests.ts'

/** A label as GitHub has it. */
export interface ExistingLabel {
  name: string
  color: string
  description?: string | null
}

/** What has to be done to one label of a repository. */
export interface LabelChange {
  kind: 'create' | 'change' | 'delete'
  /** Its present name on GitHub; for one that is created, its new name. */
  name: string
  label?: Label
  before?: string
  after?: string
}

function show({ name, color, description }: ExistingLabel): string {
  return `${name} #${color}${description ? ` ${description}` : ''}`
}

/**
 * What has to be done for a repository to have the wanted labels; all others are left alone. `pendingDeletion` are those
 * whose deleteAfter has passed, which are deleted only with LABELS_DELETE=on.
 */
export function labelChanges(
  wanted: Label[],
  existing: ExistingLabel[],
  settings: Settings,
  now = new Date(),
): { changes: LabelChange[]; pendingDeletion: string[] } {
  const changes: LabelChange[] = []
  const pendingDeletion: string[] = []
  for (const label of wanted) {
    const current = existing.find(({ name }) => isSameName(name, label.name))
    if (label.deleteAfter && new Date(label.deleteAfter) < now) {
      if (!current) continue
      if (settings.LABELS_DELETE === 'off') pendingDeletion.push(current.name)
      else changes.push({ kind: 'delete', name: current.name, before: show(current) })
      continue
    }
    const before = current ?? existing.find(({ name }) => label.previously.some((old) => isSameName(old, name)))
    if (!before) changes.push({ kind: 'create', name: label.name, label, after: show(label) })
    else if (
      before.name !== label.name ||
      before.color.toLowerCase() !== label.color.toLowerCase() ||
      (before.description ?? '') !== label.description
    ) {
      changes.push({ kind: 'change', name: before.name, label, before: show(before), after: show(label) })
    }
  }
  return { changes, pendingDeletion }
}

const operation = (verb: string, fullName: string): Operation => ({
  description: `${verb} the labels of ${fullName}`,
  scope: 'repo',
  permission: 'Issues: write',
})

/** The labels of a repository, read once a run. */
function readLabels(github: GitHub, settings: Settings, repo: string): Promise<ExistingLabel[]> {
  const { GITHUB_ORG: owner } = settings
  const fullName = `${owner}/${repo}`
  return readOnce(`github labels of ${fullName}`, () =>
    callGitHub(settings, operation('read', fullName), async () => {
      const all = await github.paginate('GET /repos/{owner}/{repo}/labels', { owner, repo, per_page: 100 })
      return all as ExistingLabel[]
    }),
  )
}

/**
 * Creates, changes and deletes the labels of a repository as labels.yaml wants them, and prints a line. Gives back a
 * warning about those that stay though their deleteAfter has passed.
 */
export async function updateLabels(
  github: GitHub,
  settings: Settings,
  repo: string,
  labels: Labels,
): Promise<Finding[]> {
  const fullName = `${settings.GITHUB_ORG}/${repo}`
  const object = `labels of ${fullName}`
  const existing = await readLabels(github, settings, repo)
  const wanted = labelsFor(labels, settings.GITHUB_ORG, repo)
  const { changes, pendingDeletion } = labelChanges(wanted, existing, settings)
  await task(object, async (progress) => {
    for (const [index, one] of currentRun().plan ? [] : changes.entries()) {
      progress(`${object}: ${one.name} (${index + 1} of ${changes.length})`)
      await writeGitHub(settings, operation('write', fullName), object, () => writeLabel(github, settings, repo, one))
    }
    const isNew = existing.length === 0 && changes.length > 0
    const differences = changes.map(({ name, before, after }) => ({ object, path: name, before, after }))
    return change(!isNew, differences, `${changes.length || existing.length} labels`)
  })
  if (pendingDeletion.length === 0) return []
  return [
    warning(
      `labels.yaml marks labels of ${fullName} for deletion: ${pendingDeletion.join(', ')}`,
      'Set LABELS_DELETE=on to delete them.',
    ),
  ]
}

/** Whether a repository has the labels that labels.yaml wants; nothing where it has. */
export async function checkLabels(
  github: GitHub,
  settings: Settings,
  repo: string,
  labels: Labels,
): Promise<Finding[]> {
  const wanted = labelsFor(labels, settings.GITHUB_ORG, repo)
  const { changes } = labelChanges(wanted, await readLabels(github, settings, repo), settings)
  if (changes.length === 0) return []
  const names = summarize(changes.map(({ name }) => name))
  return [
    failed(
      `labels of ${settings.GITHUB_ORG}/${repo} differ from labels.yaml: ${names}`,
      `Run ${rerunLine('10-labels')}`,
    ),
  ]
}

async function writeLabel(
  github: GitHub,
  settings: Settings,
  repo: string,
  { kind, name, label }: LabelChange,
): Promise<void> {
  const repository = { owner: settings.GITHUB_ORG, repo }
  if (kind === 'delete' || !label) {
    await github.request('DELETE /repos/{owner}/{repo}/labels/{name}', { ...repository, name })
    return
  }
  const { color, description } = label
  if (kind === 'create') {
    await github.request('POST /repos/{owner}/{repo}/labels', { ...repository, name, color, description })
  } else {
    const renamed = { ...repository, name, new_name: label.name, color, description }
    await github.request('PATCH /repos/{owner}/{repo}/labels/{name}', renamed)
  }
}
