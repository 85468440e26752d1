import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll, YAML11_SCHEMA } from 'js-yaml'
import { ROOT } from '../base/paths.ts'
import { Problem } from '../base/problem.ts'
import { templateValues } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

/** One thing of the guide: its name as the reader knows it, and the objects it is made of. */
export interface Resource {
  name: string
  manifests: Manifest[]
  /** A word for the reader, such as where a value came from. */
  note?: string
}

/** An object as the API server has it, as far as this runbook looks at it. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    [more: string]: unknown
  }
  [more: string]: unknown
}

/** One document for kubectl: its text as it is sent, and the object it says. */
export interface Manifest {
  text: string
  object: KubeObject
}

/**
 * Fills the places of a text: `${NAME}` with its value; a line that ends in `# when NAME`, `# when NAME=value` or
 * `# when NAME!=value` stays only if that is so. Throws a Problem that names what is left unfilled in `file`.
 */
export function fillTemplate(text: string, values: Record<string, string>, file: string): string {
  const unknown = new Set<string>()
  const value = (name: string): string => {
    const found = values[name]
    if (found === undefined) unknown.add(name)
    return found ?? ''
  }
  const lines: string[] = []
  for (const line of text.split('\n')) {
    const when = /^(.*?)\s+# when (\w+)(?:(!?=)(\S+))?\s*$/.exec(line)
    let kept = line
    if (when) {
      const [, before, name, sign, wanted] = when as unknown as [string, string, string, string?, string?]
      const set = value(name)
      const holds = sign ? (set === wanted) === (sign === '=') : set !== '' && set !== 'off'
      if (!holds) continue
      kept = before
    }
    lines.push(kept.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => value(name)))
  }
  if (unknown.size > 0) {
    throw new Problem(
      `${file} has places that nothing fills: ${[...unknown].join(', ')}`,
      'Use the names of settings in .env.example.',
    )
  }
  return lines.join('\n')
}

/** The documents of a YAML text, each as its own text: kubectl gets the text, never what a parser made of it. */
export function splitDocuments(text: string, file: string): Manifest[] {
  const manifests: Manifest[] = []
  for (const part of text.split(/^---.*$/m)) {
    // Parsed only to know what it is: js-yaml and kubectl disagree about `0644` and `yes`.
    const [object] = loadAll(part, { schema: YAML11_SCHEMA, filename: file }) as unknown as [KubeObject | undefined]
    if (object) manifests.push({ text: part.trim(), object })
  }
  return manifests
}

/** The manifests of a folder or file below manifests/, in the order of their files' names, filled from the settings. */
export function manifests(settings: Settings, ...paths: string[]): Manifest[] {
  return manifestsWith(settings, {}, ...paths)
}

/** The same, with places beyond the settings: what a step found out. */
export function manifestsWith(settings: Settings, more: Record<string, string>, ...paths: string[]): Manifest[] {
  const values = { ...templateValues(settings), ...more }
  return paths.flatMap((path) => {
    const full = join(ROOT, 'manifests', path)
    const files = path.endsWith('.yaml')
      ? [full]
      : readdirSync(full)
          .filter((name) => name.endsWith('.yaml'))
          .sort()
          .map((name) => join(full, name))
    return files.flatMap((file) => {
      const told = file.slice(ROOT.length + 1)
      return splitDocuments(fillTemplate(readFileSync(file, 'utf8'), values, told), told)
    })
  })
}

/** An object made here, as a manifest. JSON is YAML. */
export function manifest(object: KubeObject): Manifest {
  return { text: JSON.stringify(object), object }
}

/** The label by which what the runbook made is known. */
export const MANAGED_LABELS = { 'app.kubernetes.io/managed-by': 'prow-runbook', 'app.kubernetes.io/part-of': 'prow' }

/** A Secret; `data` holds the values as they are, by key. */
export function secret(namespace: string, name: string, data: Record<string, string>): Manifest {
  return manifest({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { ...MANAGED_LABELS } },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  })
}
