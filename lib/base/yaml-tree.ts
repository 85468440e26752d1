import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'

// The package yaml, and not js-yaml as for manifests: only it keeps the line of every value.

/** A value of a YAML file with its line, interpreted as YAML 1.1 as Prow does. */
export interface Tree {
  line: number
  /** The values of a map, by key. */
  map?: Map<string, Tree>
  /** The lines of the keys of a map; a value may begin on a later one. */
  keys?: Map<string, number>
  list?: Tree[]
  /** The value of anything but a map or a list. */
  value?: string | number | boolean | null
  /** The source text of a scalar without quotes. */
  plain?: string
}

/** A problem of the YAML itself, whatever the file is for. */
export interface YamlError {
  line: number
  message: string
  /** Whether Prow reads the file all the same, dropping a part of it without an error. */
  readable: boolean
}

/** Parses a text as Prow does. Also reports what Prow drops silently: duplicate keys and a second document. */
export function parseYaml(text: string): { tree: Tree; errors: YamlError[] } {
  const lines = new LineCounter()
  const errors: YamlError[] = []
  const documents = parseAllDocuments(text, {
    version: '1.1',
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    // Dates stay strings, as in Prow.
    customTags: (tags) => tags.filter((tag) => typeof tag !== 'object' || !/timestamp|binary/.test(tag.tag)),
  })
  const none: Tree = { line: 1, value: null }
  if (!Array.isArray(documents) || documents.length === 0) return { tree: none, errors }
  const lineOf = (offset: number | undefined) => lines.linePos(offset ?? 0).line
  for (const document of documents) {
    for (const { code, message, pos } of document.errors)
      errors.push({ line: lineOf(pos[0]), message: describe(code, message), readable: false })
  }
  const second = documents[1]
  if (second?.contents) {
    errors.push({
      line: lineOf(second.range?.[0]),
      message: 'begins a second document (---); Prow reads only the first, without an error',
      readable: true,
    })
  }
  const first = documents[0]!
  const shared = new Map<Node, Tree>()
  const convert = (node: Node | null | undefined, at: number): Tree => {
    if (!node) return { line: at, value: null }
    if (isAlias(node)) {
      const source = node.resolve(first)
      if (!source) {
        errors.push({
          line: lineOf(node.range?.[0]),
          message: `refers to *${node.source}, which no anchor defines`,
          readable: false,
        })
        return { line: lineOf(node.range?.[0]), value: null }
      }
      return shared.get(source as Node) ?? convert(source as Node, at)
    }
    const line = lineOf(node.range?.[0])
    const tree: Tree = { line }
    if (node.anchor) shared.set(node, tree)
    if (isMap(node)) {
      tree.map = new Map()
      tree.keys = new Map()
      for (const pair of node.items) {
        const keyNode = pair.key as Node | null
        const keyLine = lineOf(keyNode?.range?.[0] ?? node.range?.[0])
        const key = isScalar(keyNode)
          ? String(keyNode.source ?? keyNode.value)
          : text.slice(keyNode?.range?.[0], keyNode?.range?.[1])
        const child = convert(pair.value as Node, keyLine)
        if (key === '<<') {
          for (const merged of child.list ?? [child]) {
            for (const [name, value] of merged.map ?? []) {
              if (tree.map.has(name)) continue
              tree.map.set(name, value)
              tree.keys.set(name, keyLine)
            }
          }
          continue
        }
        if (tree.keys.has(key) && !node.items.some((one) => isScalar(one.key) && one.key.source === '<<')) {
          errors.push({
            line: keyLine,
            message: `has the key ${key} twice in one map; Prow takes the last one and drops the other`,
            readable: true,
          })
        }
        tree.map.set(key, child)
        tree.keys.set(key, keyLine)
      }
    } else if (isSeq(node)) {
      tree.list = node.items.map((item) => convert(item as Node, line))
    } else if (isScalar(node)) {
      const plain = node.type === 'PLAIN' ? node.source : undefined
      tree.plain = plain
      // 1:30 is a number of base 60 in YAML 1.1, but a string to Prow.
      tree.value = plain?.includes(':') ? plain : scalar(node.value)
    }
    return tree
  }
  return { tree: convert(first.contents as Node | null, 1), errors }
}

function scalar(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return String(value)
}

/** The message for an error code of the yaml package. */
function describe(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'is indented with a tab; YAML requires spaces'
  if (code === 'BAD_INDENT') return 'has a line whose indentation does not match its neighbors'
  return `is not valid YAML: ${message.split('\n')[0]?.replace(/ at line.*$/, '')}`
}

/** The value at a path of keys, or undefined. */
export function nodeAt(tree: Tree | undefined, ...path: string[]): Tree | undefined {
  let node = tree
  for (const key of path) node = node?.map?.get(key)
  return node
}

/** Whether there is a value: not null, and not an empty string, list or map. */
export function isGiven(tree: Tree | undefined): tree is Tree {
  if (!tree) return false
  if (tree.map) return tree.map.size > 0
  if (tree.list) return tree.list.length > 0
  return tree.value !== null && tree.value !== undefined && tree.value !== ''
}

/** A scalar as a string; empty when there is none. */
export function textOf(tree: Tree | undefined): string {
  return tree?.value === null || tree?.value === undefined ? '' : String(tree.value)
}

/** The items of a list as strings. */
export function textsOf(tree: Tree | undefined): string[] {
  return (tree?.list ?? []).map(textOf)
}

/** Whether the value is `true`. */
export function isTrue(tree: Tree | undefined): boolean {
  return tree?.value === true
}

/** The line of a key in its map. */
export function keyLine(tree: Tree | undefined, key: string): number {
  return tree?.keys?.get(key) ?? tree?.line ?? 1
}

/** The tree as plain objects and arrays, without lines. */
export function toPlain(tree: Tree | undefined): unknown {
  if (!tree) return undefined
  if (tree.map) return Object.fromEntries([...tree.map].map(([key, value]) => [key, toPlain(value)]))
  if (tree.list) return tree.list.map(toPlain)
  return tree.value
}
