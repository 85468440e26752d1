import { isGiven, isTrue, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { asRegExp, durationRemedy, isDuration, regexpError } from './go-syntax.ts'
import { type Match, match, type Rule } from './rule.ts'

/** What Prow refuses in an entry of require_matching_label. */
function* invalidEntry(entry: Tree, path: string): Iterable<Match> {
  const text = (name: string) => textOf(nodeAt(entry, name))
  for (const [name, example] of [
    ['org', 'org: my-org'],
    ['regexp', 'regexp: ^kind/'],
    ['missing_label', 'missing_label: needs-kind'],
  ] as const)
    if (text(name) === '') yield match(entry, `${path} has no ${name}`, `Add it, such as ${example}.`)
  if (text('repo').includes('/'))
    yield match(
      nodeAt(entry, 'repo'),
      `${path}.repo is ${text('repo')}`,
      'Write the name of the repository alone; its organization is org.',
    )
  const prs = isTrue(nodeAt(entry, 'prs'))
  if (!prs && !isTrue(nodeAt(entry, 'issues')))
    yield match(entry, `${path} is neither for pull requests nor for issues`, 'Add prs: true or issues: true, or both.')
  if (!prs && text('branch') !== '')
    yield match(
      nodeAt(entry, 'branch'),
      `${path} has a branch and is not for pull requests`,
      'Add prs: true, or remove branch.',
    )
  const period = nodeAt(entry, 'grace_period')
  if (isGiven(period) && !isDuration(text('grace_period')))
    yield match(
      period,
      `${path}.grace_period: ${text('grace_period')} is not a valid duration`,
      durationRemedy(text('grace_period')),
    )
  const expression = nodeAt(entry, 'regexp')
  const error = isGiven(expression) ? regexpError(text('regexp')) : undefined
  if (error)
    yield match(expression, `${path}.regexp ${error}: ${text('regexp')}`, 'Write a regular expression of Go (RE2).')
  else if (text('regexp') && text('missing_label') && asRegExp(text('regexp'))?.test(text('missing_label')))
    yield match(
      expression,
      `${path}.regexp ${text('regexp')} matches its own missing_label ${text('missing_label')}`,
      `Begin it with ^, or name another label: with this one nothing would be missing once it is set.`,
    )
}

/** The regular expressions of plugins.yaml but for those of require_matching_label. */
function* expressions(plugins: Tree): Iterable<{ path: string; tree: Tree | undefined }> {
  // Go takes these names in any case.
  yield { path: 'sigmention.regexp', tree: nodeAt(plugins, 'sigmention', 'regexp') }
  yield { path: 'cherry_pick_unapproved.branchregexp', tree: nodeAt(plugins, 'cherry_pick_unapproved', 'branchregexp') }
  yield { path: 'heart.commentregexp', tree: nodeAt(plugins, 'heart', 'commentregexp') }
  yield {
    path: 'blunderbuss.wait_for_status.description',
    tree: nodeAt(plugins, 'blunderbuss', 'wait_for_status', 'description'),
  }
  for (const section of ['cherry_pick_approved', 'blockades'])
    for (const [index, one] of (nodeAt(plugins, section)?.list ?? []).entries())
      yield { path: `${section}[${index}].branchregexp`, tree: nodeAt(one, 'branchregexp') }
}

/** Rules about require_matching_label, the plugin label and the expressions of plugins.yaml. */
export const LABEL_RULES: Rule<Tree>[] = [
  {
    name: 'require-matching-label',
    severity: 'invalid',
    remedy: 'Correct the entry.',
    *find(plugins) {
      for (const [index, entry] of (nodeAt(plugins, 'require_matching_label')?.list ?? []).entries())
        yield* invalidEntry(entry, `require_matching_label[${index}]`)
    },
  },
  {
    name: 'plugin-expressions',
    severity: 'invalid',
    remedy: 'Write a regular expression of Go (RE2).',
    *find(plugins) {
      for (const { path, tree } of expressions(plugins)) {
        const error = isGiven(tree) ? regexpError(textOf(tree)) : undefined
        if (error) yield match(tree, `${path} ${error}: ${textOf(tree)}`)
      }
    },
  },
  {
    name: 'restricted-labels',
    severity: 'strict',
    remedy: 'Keep it in restricted_labels only: as an additional label anybody could set it.',
    *find(plugins) {
      const label = nodeAt(plugins, 'label')
      const additional = textsOf(nodeAt(label, 'additional_labels'))
      for (const [place, list] of nodeAt(label, 'restricted_labels')?.map ?? []) {
        for (const entry of list.list ?? []) {
          const name = nodeAt(entry, 'label')
          if (textOf(name) === '')
            yield match(entry, `label.restricted_labels of ${place} has an entry without label`, 'Add its label.')
          else if (additional.includes(textOf(name)))
            yield match(
              name,
              `label.restricted_labels of ${place} has ${textOf(name)}, which is in additional_labels too`,
            )
        }
      }
    },
  },
]
