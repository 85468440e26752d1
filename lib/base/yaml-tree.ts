import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type Scalar } from 'yaml'

/** A value of a YAML file with the line it is on, as Prow's own reader (YAML 1.1) takes it. */
export interface Tree {
  line: number
  /** Of a map, by key; the line of a key may be before that of its value. */
  map?: Map<string, Tree>
  keys?: Map<string, number>
  list?: Tree[]
  /** Of anything else. */
  value?: string | number | boolean | null
  /** What stands in the file, when it is not in quotes. */
  plain?: string
}

/** Something wrong with the YAML itself. */
export interface YamlError {
  line: number
  message: string
}

/** Reads a text as Prow does. Keys that stand twice are told: Prow would take the last and say nothing. */
export function parseYaml(text: string): { tree: Tree; errors: YamlError[] } {
  const lines = new LineCounter()
  const faults: YamlError[] = []
  const documents = parseAllDocuments(text, {
    version: '1.1',
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    // Dates stay texts, as Prow has them.
    customTags: (tags) => tags.filter((tag) => typeof tag !== 'object' || !/timestamp|binary/.test(tag.tag)),
  })
  const none: Tree = { line: 1, value: null }
  if (!Array.isArray(documents) || documents.length === 0) return { tree: none, errors: faults }
  const lineOf = (offset: number | undefined) => lines.linePos(offset ?? 0).line
  for (const { errors } of documents) {
    for (const error of errors)
      faults.push({ line: lineOf(error.pos[0]), message: plainWords(error.code, error.message) })
  }
  const second = documents[1]
  if (second?.contents) {
    faults.push({
      line: lineOf(second.range?.[0]),
      message: 'begins a second document (---); Prow reads only the first and says nothing',
    })
  }
  const first = documents[0]!
  const shared = new Map<Node, Tree>()
  const convert = (node: Node | null | undefined, at: number): Tree => {
    if (!node) return { line: at, value: null }
    if (isAlias(node)) {
      const source = node.resolve(first)
      if (!source) {
        faults.push({ line: lineOf(node.range?.[0]), message: `refers to *${node.source}, which is nowhere` })
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
        const keyNode = pair.key as Scalar | null
        const keyLine = lineOf(keyNode?.range?.[0] ?? node.range?.[0])
        const key = isScalar(keyNode) ? String(keyNode.source ?? keyNode.value) : String(keyNode)
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
          faults.push({
            line: keyLine,
            message: `has ${key} twice in one map; Prow takes the last and drops the other`,
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
      // 1:30 is a number of base 60 to YAML 1.1, but a text to Prow.
      tree.value = plain?.includes(':') ? plain : scalar(node.value)
    }
    return tree
  }
  return { tree: convert(first.contents as Node | null, 1), errors: faults }
}

function scalar(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return String(value)
}

function plainWords(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'is indented with a tab; YAML wants spaces'
  if (code === 'BAD_INDENT') return 'has a line that is indented unlike its neighbours'
  return `is no YAML: ${message.split('\n')[0]?.replace(/ at line.*$/, '')}`
}

// ---- Looking into a tree ----------------------------------------------------------------------------------------

/** The value at a path of keys, or undefined. */
export function nodeAt(tree: Tree | undefined, ...path: string[]): Tree | undefined {
  let here = tree
  for (const key of path) here = here?.map?.get(key)
  return here
}

/** Whether something other than nothing is there. */
export function isGiven(tree: Tree | undefined): tree is Tree {
  if (!tree) return false
  if (tree.map) return tree.map.size > 0
  if (tree.list) return tree.list.length > 0
  return tree.value !== null && tree.value !== undefined && tree.value !== ''
}

/** The text that Prow reads there; empty when there is none. */
export function textOf(tree: Tree | undefined): string {
  return tree?.value === null || tree?.value === undefined ? '' : String(tree.value)
}

export function textsOf(tree: Tree | undefined): string[] {
  return (tree?.list ?? []).map(textOf)
}

/** Whether it is `true`. */
export function isTrue(tree: Tree | undefined): boolean {
  return tree?.value === true
}

/** The line of a key in its map. */
export function keyLine(tree: Tree | undefined, key: string): number {
  return tree?.keys?.get(key) ?? tree?.line ?? 1
}

/** The tree without its lines. */
export function toPlain(tree: Tree | undefined): unknown {
  if (!tree) return undefined
  if (tree.map) return Object.fromEntries([...tree.map].map(([key, value]) => [key, toPlain(value)]))
  if (tree.list) return tree.list.map(toPlain)
  return tree.value
}
