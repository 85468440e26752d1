import type { Diagnosis } from './row.ts'

/**
 * Root causes first: what follows from another finding is folded under that, however many steps are between them; the
 * same cause of several objects is one finding. Errors stand before warnings, then what holds up more, then the order
 * of the catalogue.
 */
export function fold(found: Diagnosis[]): Diagnosis[] {
  const merged = merge(found)
  const parentOf = (one: Diagnosis) =>
    merged.find((other) => other !== one && [...one.follows, one.object].some((label) => explains(other, one, label)))
  const rootOf = (one: Diagnosis): Diagnosis => {
    const path = [one]
    for (let parent = parentOf(one); parent; parent = parentOf(parent)) {
      // In a circle the first of the catalogue is the root.
      if (path.includes(parent)) return merged.find((other) => path.slice(path.indexOf(parent!)).includes(other))!
      path.push(parent)
    }
    return path.at(-1)!
  }
  const roots: Diagnosis[] = []
  for (const one of merged) {
    const root = rootOf(one)
    if (!roots.includes(root)) roots.push(root)
    if (root !== one) root.consequences.push(one)
  }
  const weight = (one: Diagnosis) => (one.outcome === 'failed' ? 1000 : 0) + one.consequences.length + one.also.length
  return roots.sort((a, b) => weight(b) - weight(a))
}

/** Whether `root` explains `one`, which follows from an object or is about it: it is about that, or about its namespace. */
function explains(root: Diagnosis, one: Diagnosis, label: string): boolean {
  const objects = [root.object, ...root.also]
  if (one.follows.includes(label) && objects.includes(label)) return true
  const [, namespace] = /^\w+ ([\w-]+)\//.exec(label) ?? []
  return namespace !== undefined && objects.includes(`Namespace ${namespace}`)
}

/** Findings of one row with one remedy and one line of evidence are one cause. */
function merge(found: Diagnosis[]): Diagnosis[] {
  const kept: Diagnosis[] = []
  for (const one of found) {
    const same = kept.find(
      (other) =>
        other.id === one.id &&
        other.outcome === one.outcome &&
        (other.object === one.object || (essence(other) !== '' && essence(other) === essence(one))),
    )
    if (!same) kept.push({ ...one, also: [...one.also], consequences: [] })
    else {
      if (same.object !== one.object && !same.also.includes(one.object)) same.also.push(one.object)
      same.follows = [...new Set([...same.follows, ...one.follows])]
    }
  }
  return kept
}

/**
 * A line of evidence without the names of pods and ReplicaSets, which differ where the cause is one, and the script that
 * corrects it where a script does.
 */
function essence({ evidence = '', remedy }: Diagnosis): string {
  if (!evidence) return ''
  const script = /^Run .*?scripts\/[\w-]+/.exec(remedy)?.[0] ?? ''
  return `${evidence.replaceAll(/[a-z][\w-]*-[a-f0-9]{6,10}(?:-[a-z0-9]{5})?/g, 'POD')} ${script}`
}
