import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll, YAML11_SCHEMA } from 'js-yaml'
import { ROOT } from '../base/paths.ts'
import { Problem } from '../base/problem.ts'
import { templateValues } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

/** What the guide creates under one name, and the objects that it consists of. */
export interface Resource {
  /** The name that the report shows. */
  name: string
  manifests: Manifest[]
  /** A remark for the report, such as where a value comes from. */
  note?: string
}

/** An object as the API server holds it. */
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

/** One document for kubectl: the text that is sent, and the object that it describes. */
export interface Manifest {
  text: string
  object: KubeObject
}

/** At the end of a line: `# when NAME`, `# when NAME=value` or `# when NAME!=value`. */
const CONDITION = /^(.*?)\s*# when (\w+)(?:(!?=)(\S+))?\s*$/

/**
 * Fills a YAML template. `${NAME}` becomes the value of that name. A condition at the end of a line, such as
 * `securityContext: # when POD_SECURITY=restricted`, governs the line and all that is indented deeper below it; of a
 * list item, the whole item. Without `=`, the value must be neither empty nor `off`. Lines that are left out become
 * empty ones, so that a message about the result has the line number of the template.
 * Throws a Problem that lists the names in `file` that have no value.
 */
export function fillTemplate(text: string, values: Record<string, string>, file: string): string {
  const unknown = new Set<string>()
  const lookUp = (name: string): string => {
    if (values[name] === undefined) unknown.add(name)
    return values[name] ?? ''
  }
  /** The first line of the node that is being left out. */
  let excluded: string | undefined
  const lines = text.split('\n').map((line) => {
    const [, content = line, name, operator, expected] = CONDITION.exec(line) ?? []
    // Also in what is left out: a misspelled name is a problem whatever the settings.
    const filled = content.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => lookUp(name))
    const included = name === undefined || isMet(lookUp(name), operator, expected)
    if (excluded !== undefined && !isWithin(line, excluded)) excluded = undefined
    if (excluded === undefined && !included) excluded = line
    return excluded === undefined ? filled : undefined
  })
  if (unknown.size > 0) {
    throw new Problem(
      `${file} uses names that have no value: ${[...unknown].join(', ')}`,
      'Use the names of settings in .env.example.',
    )
  }
  return joinLines(lines)
}

function isMet(value: string, operator?: string, expected?: string): boolean {
  if (operator === undefined) return value !== '' && value !== 'off'
  return (value === expected) === (operator === '=')
}

const columnOf = (line: string) => line.length - line.trimStart().length

/** Whether a line belongs to the node that begins with `first`. */
function isWithin(line: string, first: string): boolean {
  if (line.trim() === '' || columnOf(line) > columnOf(first)) return true
  // The items of a list may be in the column of its key.
  return columnOf(line) === columnOf(first) && /^\s*- /.test(line) && /^\s*[^\s#-].*:\s+# when /.test(first)
}

/** A line that begins a block scalar: `key: |`, `- >-` or `- key: |2`. */
const BLOCK_SCALAR = /^(\s*(?:- +)*)([^\s#-].*?:\s+)?[|>][-0-9]*\s*(?:#.*)?$/

/** The column that all content of the block scalar is right of, when one begins in this line. */
function blockScalarColumn(line: string): number | undefined {
  const [begins, indent = '', key] = BLOCK_SCALAR.exec(line) ?? []
  const column = key ? indent.length : indent.lastIndexOf('-')
  return begins === undefined || column < 0 ? undefined : column
}

/**
 * Joins lines, with an empty one for each that was left out. Inside a block scalar an empty line would be content, so
 * there they follow at its end, where they mean nothing (unless the scalar keeps them, by `|+`).
 */
function joinLines(lines: (string | undefined)[]): string {
  const joined: string[] = []
  let scalarColumn: number | undefined
  let pending = 0
  for (const line of lines) {
    if (line === undefined) {
      pending++
      continue
    }
    if (scalarColumn === undefined || (line.trim() !== '' && columnOf(line) <= scalarColumn)) {
      joined.push(...Array<string>(pending).fill(''))
      pending = 0
      scalarColumn = blockScalarColumn(line)
    }
    joined.push(line)
  }
  return [...joined, ...Array<string>(pending).fill('')].join('\n')
}

/** The documents of a YAML text, each with its own text: kubectl gets that, and never what a parser made of it. */
export function splitDocuments(text: string, file: string): Manifest[] {
  const manifests: Manifest[] = []
  let before = 0
  for (const part of text.split(/^---.*$/m)) {
    // Parsed only to read it: js-yaml and kubectl disagree about `0644` and `yes`. The empty lines in front make a
    // message about its syntax have the line of the file.
    const object = parseDocument('\n'.repeat(before) + part, file)
    if (object) manifests.push({ text: part.trim(), object })
    before += part.split('\n').length - 1
  }
  return manifests
}

// A run reads each manifest several times: for its plan, its checks and its writes.
const parsed = new Map<string, KubeObject | undefined>()

function parseDocument(text: string, filename: string): KubeObject | undefined {
  if (!parsed.has(text)) {
    const [object] = loadAll(text, { schema: YAML11_SCHEMA, filename }) as unknown as [KubeObject | undefined]
    parsed.set(text, deepFreeze(object))
  }
  return parsed.get(text)
}

/** Several manifests can share a parsed object: to change one is an error. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    for (const one of Object.values(Object.freeze(value))) deepFreeze(one)
  return value
}

/** The manifests in files and folders below manifests/, filled from the settings; files by name. */
export function manifests(settings: Settings, ...paths: string[]): Manifest[] {
  return manifestsWith(settings, {}, ...paths)
}

/** The same, with more values for places: what a step has found out. */
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
      const displayName = file.slice(ROOT.length + 1)
      return splitDocuments(fillTemplate(readFileSync(file, 'utf8'), values, displayName), displayName)
    })
  })
}

/** An object as a manifest. JSON is YAML. */
export function manifest(object: KubeObject): Manifest {
  return { text: JSON.stringify(object), object }
}

/** The labels of what the runbook creates or adopts: that it manages the object, and the step that applies it. */
export function managedLabels(step: string): Record<string, string> {
  return {
    'app.kubernetes.io/managed-by': 'prow-runbook',
    'app.kubernetes.io/part-of': 'prow',
    'prow-runbook/step': step,
  }
}

/** A Secret as 03-secrets applies it; `data` has the values by key, in plain text. */
export function secret(namespace: string, name: string, data: Record<string, string>): Manifest {
  return manifest({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: managedLabels('03-secrets') },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  })
}
