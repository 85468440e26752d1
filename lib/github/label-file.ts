import { type Finding, failed, Problem } from '../base/problem.ts'
import { parseYaml } from '../base/yaml-parse.ts'
import { isGiven, keyLine, nodeAt, type Tree, textOf } from '../base/yaml-tree.ts'

/** A label as labels.yaml has it. */
export interface Label {
  name: string
  color: string
  description: string
  /** Names that it had before: a label of such a name is renamed. */
  previously: string[]
  /** A time from which it is to be deleted; empty for most. */
  deleteAfter: string
}

/** labels.yaml: the labels of every repository, and those of one organization or repository besides. */
export interface Labels {
  default: Label[]
  orgs: Map<string, Label[]>
  repos: Map<string, Label[]>
}

/** Names of labels are the same whatever their case. */
export function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

/** Parses labels.yaml as label_sync does. Throws one Problem with everything that is invalid, each with file and line. */
export function parseLabels({ displayName, text }: { displayName: string; text: string }): Labels {
  const { tree, errors } = parseYaml(text)
  const at: At = (line, message, remedy) => ({ line, finding: failed(`${displayName}:${line} ${message}`, remedy) })
  const problems = errors.map(({ line, message, remedy }) => at(line, message, remedy))
  if (isGiven(nodeAt(tree, 'labels'))) {
    const line = keyLine(tree, 'labels')
    problems.push(at(line, 'has labels at the top level', 'Move them below default: label_sync ignores them there.'))
  }
  const parse = (place: string, node: Tree | undefined, known: Names): Parsed => {
    const list: Label[] = []
    const names: Names = new Map(known)
    for (const one of nodeAt(node, 'labels')?.list ?? []) {
      const label = toLabel(one)
      problems.push(...labelProblems(one, label, at), ...repeated(one, label, place, names, at))
      list.push(label)
    }
    return { list, names }
  }
  const all = parse('default', nodeAt(tree, 'default'), new Map())
  const parseAll = (key: 'orgs' | 'repos', knownTo: (place: string) => Names) =>
    new Map(
      [...(nodeAt(tree, key)?.map ?? [])].map(([place, node]) => [
        place,
        parse(`${key}.${place}`, node, knownTo(place)),
      ]),
    )
  const orgs = parseAll('orgs', () => all.names)
  const repos = parseAll('repos', (place) => orgs.get(place.split('/')[0]!)?.names ?? all.names)
  for (const place of repos.keys()) {
    if (/^[^/]+\/[^/]+$/.test(place)) continue
    const line = keyLine(nodeAt(tree, 'repos'), place)
    problems.push(at(line, `has labels for the repository ${place}`, `Write it with its organization: ORG/${place}.`))
  }
  if (problems.length > 0) throw Problem.all(problems.sort((a, b) => a.line - b.line).map(({ finding }) => finding))
  const lists = (parsed: Map<string, Parsed>) => new Map([...parsed].map(([place, { list }]) => [place, list]))
  return { default: all.list, orgs: lists(orgs), repos: lists(repos) }
}

/** The names of labels in lower case, with the place of each. */
type Names = Map<string, string>

interface Parsed {
  list: Label[]
  /** The names of its labels and of those that come on top of. */
  names: Names
}

/** A finding with its line. */
interface Located {
  line: number
  finding: Finding
}

type At = (line: number, message: string, remedy: string) => Located

/** A name that another label has or had, as label_sync refuses it; adds its names to `names`. */
function repeated(node: Tree, { name, previously }: Label, place: string, names: Names, at: At): Located[] {
  const old = (nodeAt(node, 'previously')?.list ?? []).map((one) => one.line)
  return [name, ...previously].flatMap((one, index) => {
    const other = names.get(one.toLowerCase())
    names.set(one.toLowerCase(), place)
    if (one === '' || other === undefined) return []
    const line = index === 0 ? node.line : (old[index - 1] ?? node.line)
    const where = other === place ? 'twice' : `in ${other} and in ${place}`
    const remedy = 'Remove one: case makes no difference, and a name in previously counts too.'
    return [at(line, `has ${one} ${where}`, remedy)]
  })
}

function toLabel(node: Tree): Label {
  return {
    name: textOf(nodeAt(node, 'name')),
    color: nodeAt(node, 'color')?.plain ?? textOf(nodeAt(node, 'color')),
    description: textOf(nodeAt(node, 'description')),
    previously: (nodeAt(node, 'previously')?.list ?? []).map((one) => textOf(nodeAt(one, 'name')) || textOf(one)),
    deleteAfter: textOf(nodeAt(node, 'deleteAfter')),
  }
}

function labelProblems(node: Tree, { name, color, description, deleteAfter }: Label, at: At): Located[] {
  const lineOf = (key: string) => nodeAt(node, key)?.line ?? node.line
  const value = nodeAt(node, 'color')?.value
  const isHex = /^[0-9a-f]{6}$/i.test(color)
  // Without quotes 012345 is a number in base 8, and 1e1000 one out of range, which is text again.
  const isChanged = isHex && typeof value === 'number' && Number.isFinite(value) && String(value) !== color
  return [
    ...(name === '' ? [at(node.line, 'has a label without a name', 'Give it one.')] : []),
    ...(isHex
      ? []
      : [
          at(
            lineOf('color'),
            `has ${name} with the color ${color}`,
            'Write six hexadecimal digits in quotes, without #.',
          ),
        ]),
    ...(isChanged
      ? [at(lineOf('color'), `has ${name} with the color ${color}, which is read as ${value}`, `Quote it: "${color}".`)]
      : []),
    ...(description.length > 100
      ? [
          at(
            lineOf('description'),
            `has ${name} with a description of ${description.length} characters`,
            'Shorten it: GitHub allows 100.',
          ),
        ]
      : []),
    ...(deleteAfter && Number.isNaN(Date.parse(deleteAfter))
      ? [
          at(
            lineOf('deleteAfter'),
            `has ${name} with deleteAfter ${deleteAfter}`,
            'Write a time such as 2026-12-31T00:00:00Z.',
          ),
        ]
      : []),
  ]
}

/** The labels that labels.yaml gives a repository. */
export function labelsFor(labels: Labels, org: string, repo: string): Label[] {
  return [...labels.default, ...(labels.orgs.get(org) ?? []), ...(labels.repos.get(`${org}/${repo}`) ?? [])]
}
