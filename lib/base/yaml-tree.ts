/** A value of a YAML file with its line, interpreted as Prow does. */
export interface Tree {
  line: number
  /** The values of a map, by key. */
  map?: Map<string, Tree>
  /** The lines of those keys of a map whose value begins on another line. */
  keys?: Map<string, number>
  list?: Tree[]
  /** The value of anything but a map or a list. */
  value?: string | number | boolean | null
  /** Whether it is a text after | or >, which begins on the line below. */
  isBlock?: true
  /** The source text of a scalar without quotes. */
  plain?: string
  /** The name by which aliases refer to it. */
  anchor?: string
}

/** Sets a key of a map, and its line. */
export function setEntry(tree: Tree, key: string, value: Tree, line: number): void {
  tree.map?.set(key, value)
  if (value.line === line) {
    tree.keys?.delete(key)
    return
  }
  tree.keys ??= new Map()
  tree.keys.set(key, line)
}

/** The value at a path of up to four keys, or undefined. Named one by one: it is called millions of times. */
export function nodeAt(tree: Tree | undefined, a: string, b?: string, c?: string, d?: string): Tree | undefined {
  const node = tree?.map?.get(a)
  if (b === undefined || node === undefined) return node
  const below = node.map?.get(b)
  if (c === undefined || below === undefined) return below
  const next = below.map?.get(c)
  return d === undefined ? next : next?.map?.get(d)
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
  return tree?.keys?.get(key) ?? tree?.map?.get(key)?.line ?? tree?.line ?? 1
}

/** The line of an offset in the value of a scalar; of one that is not a text after | or > its own line. */
export function lineInBlock({ line, value, isBlock }: Tree, offset: number, source: string): number {
  if (!isBlock) return line
  // Folding and indentation change white space only: it is the line with the word that follows as many others.
  const before = String(value).slice(0, offset).match(/\S+\s/g)?.length ?? 0
  const lines = source.split('\n').slice(line)
  let words = 0
  const found = lines.findIndex((text) => {
    words += text.match(/\S+/g)?.length ?? 0
    return words > before
  })
  return found === -1 ? line : line + 1 + found
}

/** The tree as plain objects and arrays, without lines. */
export function toPlain(tree: Tree | undefined): unknown {
  if (!tree) return undefined
  if (tree.map) return Object.fromEntries([...tree.map].map(([key, value]) => [key, toPlain(value)]))
  if (tree.list) return tree.list.map(toPlain)
  return tree.value
}
