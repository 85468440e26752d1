import { accessSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The roots of the cgroup trees below `root`: one, or with version 1 one per controller. */
export function cgroupRoots(root = '/sys/fs/cgroup'): string[] {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root]
  return readdirSync(root, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [join(root, one.name)] : []))
}

/** Creates a cgroup in every tree. */
export function createCgroup(name: string, roots = cgroupRoots()): void {
  for (const root of roots) {
    const folder = join(root, name)
    mkdirSync(folder, { recursive: true })
    // Version 1 gives a new group neither processors nor memory nodes.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      try {
        accessSync(join(folder, file))
        if (readFileSync(join(folder, file), 'utf8').trim() === '')
          writeFileSync(join(folder, file), readFileSync(join(root, file), 'utf8'))
      } catch {
        // The tree of another controller.
      }
    }
  }
}

/** Removes a cgroup with all below it from every tree. */
export function removeCgroup(name: string, roots = cgroupRoots()): void {
  for (const root of roots) removeTree(join(root, name))
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return
  for (const one of readdirSync(folder, { withFileTypes: true })) {
    if (one.isDirectory()) removeTree(join(folder, one.name))
  }
  try {
    rmdirSync(folder)
  } catch {
    // A process in it is still ending; the empty group is harmless.
  }
}
