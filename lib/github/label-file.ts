import { type Finding, failed, Problem } from '../base/problem.ts'
import { isGiven, keyLine, nodeAt, parseYaml, type Tree, textOf } from '../base/yaml-tree.ts'

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
  const at = (line: number, message: string, remedy: string) => failed(`${displayName}:${line} ${message}`, remedy)
  const problems = errors.map(({ line, message }) => at(line, message, 'Correct the file.'))
  if (isGiven(nodeAt(tree, 'labels'))) {
    const line = keyLine(tree, 'labels')
    problems.push(at(line, 'has labels at the top level', 'Move them below default: label_sync ignores them there.'))
  }
  const parse = (node: Tree | undefined, others: Label[]): Label[] => {
    const list: Label[] = []
    for (const one of nodeAt(node, 'labels')?.list ?? []) {
      const label = toLabel(one)
      problems.push(...labelProblems(one, label, [...others, ...list], at))
      list.push(label)
    }
    return list
  }
  const all = parse(nodeAt(tree, 'default'), [])
  const below = (key: string) =>
    new Map([...(nodeAt(tree, key)?.map ?? [])].map(([place, node]) => [place, parse(node, all)]))
  const labels = { default: all, orgs: below('orgs'), repos: below('repos') }
  if (problems.length > 0) throw Problem.all(problems)
  return labels
}

function toLabel(node: Tree): Label {
  return {
    name: textOf(nodeAt(node, 'name')),
    color: textOf(nodeAt(node, 'color')),
    description: textOf(nodeAt(node, 'description')),
    previously: (nodeAt(node, 'previously')?.list ?? []).map((one) => textOf(nodeAt(one, 'name')) || textOf(one)),
    deleteAfter: textOf(nodeAt(node, 'deleteAfter')),
  }
}

function labelProblems(
  node: Tree,
  { name, color, description, deleteAfter }: Label,
  others: Label[],
  at: (line: number, message: string, remedy: string) => Finding,
): Finding[] {
  const lineOf = (key: string) => nodeAt(node, key)?.line ?? node.line
  // 000000 and 1e1000 are numbers without quotes.
  const { plain, value } = nodeAt(node, 'color') ?? {}
  const digits = plain ?? color
  const isHex = /^[0-9a-f]{6}$/i.test(digits)
  return [
    ...(name === '' ? [at(node.line, 'has a label without a name', 'Give it one.')] : []),
    ...(name !== '' && others.some((other) => isSameName(other.name, name))
      ? [
          at(
            node.line,
            `has ${name} twice`,
            'Remove one: case makes no difference, and labels below orgs and repos come on top of default.',
          ),
        ]
      : []),
    ...(isHex
      ? []
      : [
          at(
            lineOf('color'),
            `has ${name} with the color ${digits}`,
            'Write six hexadecimal digits in quotes, without #.',
          ),
        ]),
    ...(isHex && plain && typeof value !== 'string'
      ? [at(lineOf('color'), `has ${name} with the color ${plain}, which is read as a number`, 'Put it into quotes.')]
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
