import { isGiven, keyLine, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import { parseTemplate, type TemplateError } from './go-template.ts'
import { urlError } from './go-url.ts'
import { type Match, match, type Rule } from './rule.ts'

/** A template of config.yaml, and the functions that it has beside Go's own. */
interface Template {
  path: string
  tree: Tree
  functions?: string[]
}

function* controllerTemplates(tree: Tree | undefined, path: string, functions?: string[]): Iterable<Template> {
  for (const name of ['job_url_template', 'report_template']) {
    const one = nodeAt(tree, name)
    // Only the URL has more functions.
    if (isGiven(one))
      yield { path: `${path}.${name}`, tree: one, ...(functions && name === 'job_url_template' ? { functions } : {}) }
  }
  for (const [place, one] of nodeAt(tree, 'report_templates')?.map ?? [])
    yield { path: `${path}.report_templates of ${place}`, tree: one }
}

/** The templates of config.yaml. */
function* templatesOf(config: Tree): Iterable<Template> {
  yield* controllerTemplates(nodeAt(config, 'plank'), 'plank')
  for (const [index, one] of (nodeAt(config, 'jenkins_operators')?.list ?? []).entries())
    yield* controllerTemplates(one, `jenkins_operators[${index}]`, ['replace'])
  for (const [index, one] of (nodeAt(config, 'deck', 'external_agent_logs')?.list ?? []).entries()) {
    const tree = nodeAt(one, 'url_template')
    if (isGiven(tree)) yield { path: `deck.external_agent_logs[${index}].url_template`, tree }
  }
  for (const [place, one] of nodeAt(config, 'tide', 'merge_commit_template')?.map ?? []) {
    for (const name of ['title', 'body']) {
      const tree = nodeAt(one, name)
      if (isGiven(tree)) yield { path: `tide.merge_commit_template of ${place}: ${name}`, tree }
    }
  }
}

const JOB_FIELDS = [
  'Kind',
  'APIVersion',
  'TypeMeta',
  'ObjectMeta',
  'Spec',
  'Status',
  'Name',
  'Namespace',
  'Labels',
  'Annotations',
  'UID',
  'CreationTimestamp',
  'GenerateName',
  'ResourceVersion',
  'Generation',
  'DeletionTimestamp',
  'OwnerReferences',
  'Finalizers',
  'ManagedFields',
  'SelfLink',
  'DeletionGracePeriodSeconds',
  'Complete',
  'ClusterAlias',
  'DeepCopy',
  'String',
]

/** What Slack's reporter cannot evaluate: it tries the template with a ProwJob in which nothing is set. */
function slackTemplateError(text: string): TemplateError | undefined {
  const parsed = parseTemplate(text)
  if (parsed.error) return parsed
  for (const { tokens, depth, offset } of parsed.actions) {
    const path = tokens.filter(
      (token, index) => /^\.\w+$/.test(token) && (index === 0 || !/^(\$\w*|\))$/.test(tokens[index - 1]!)),
    )
    if (depth > 0 || path.length === 0 || tokens[0] !== path[0]) continue
    const [first, second, third] = path.map((one) => one.slice(1))
    if (!JOB_FIELDS.includes(first!) && !first!.startsWith('Get'))
      return { error: `has .${first}, which a ProwJob does not have`, offset }
    if (first === 'Spec' && second === 'Refs' && third)
      return {
        error: `has .Spec.Refs.${third}, and a periodic job has no Refs: write {{with .Spec.Refs}}{{.${third}}}{{end}}`,
        offset,
      }
  }
  return undefined
}

/** The fields of config.yaml that Prow parses as URLs; a strict one only `checkconfig --strict`. */
function* urlsOf(config: Tree): Iterable<{ path: string; tree: Tree | undefined; strict?: boolean }> {
  for (const [place, tree] of nodeAt(config, 'plank', 'job_url_prefix_config')?.map ?? [])
    yield { path: `plank.job_url_prefix_config of ${place}`, tree }
  yield { path: 'gerrit.deck_url', tree: nodeAt(config, 'gerrit', 'deck_url') }
  yield { path: 'github.link_url', tree: nodeAt(config, 'github', 'link_url') }
  yield { path: 'status_error_link', tree: nodeAt(config, 'status_error_link'), strict: true }
}

function* urlMatches(config: Tree, strict: boolean): Iterable<Match> {
  for (const one of urlsOf(config)) {
    const error = Boolean(one.strict) === strict && isGiven(one.tree) ? urlError(textOf(one.tree)) : undefined
    if (error) yield match(one.tree, `${one.path} is "${textOf(one.tree)}", which ${error}`)
  }
}

/** Rules about the templates and URLs of config.yaml, and Slack's reporter. */
export const TEMPLATE_RULES: Rule<Tree>[] = [
  {
    name: 'template',
    severity: 'invalid',
    remedy:
      'Write a template of Go (text/template): each action is {{ … }}, and each if, with and range ends with {{end}}.',
    *find(config) {
      for (const { path, tree, functions } of templatesOf(config)) {
        const { error, offset } = { offset: 0, ...parseTemplate(textOf(tree), functions) }
        if (error) yield match(tree, `${path} ${error}`, { offset })
      }
    },
  },
  {
    name: 'url',
    severity: 'invalid',
    remedy: 'Write a URL such as https://prow.example.com/.',
    *find(config) {
      yield* urlMatches(config, false)
    },
  },
  {
    name: 'url-strict',
    severity: 'strict',
    remedy: 'Write a URL such as https://example.com/.',
    *find(config) {
      yield* urlMatches(config, true)
    },
  },
  {
    name: 'slack',
    severity: 'invalid',
    remedy: 'Set the channel here, such as channel: builds; a job may name another in reporter_config.slack.channel.',
    *find(config) {
      const configs = nodeAt(config, 'slack_reporter_configs')
      for (const [place, one] of configs?.map ?? []) {
        const path = `slack_reporter_configs of ${place}`
        if (!isGiven(nodeAt(one, 'channel'))) yield match(keyLine(configs, place), `${path} has no channel`)
        const template = nodeAt(one, 'report_template')
        const found = isGiven(template) ? slackTemplateError(textOf(template)) : undefined
        if (found)
          yield match(template, `${path}: report_template ${found.error}`, {
            remedy: 'Write a template of Go over a ProwJob, such as {{.Spec.Job}} ended with {{.Status.State}}.',
            offset: found.offset,
          })
      }
    },
  },
]
