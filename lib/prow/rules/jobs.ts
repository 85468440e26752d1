import { isGiven, isTrue, keyLine, nodeAt, textOf, textsOf } from '../../base/yaml-tree.ts'
import { anyoneAndSome, ORG_REPO } from './config.ts'
import { asRegExp, cronError, durationRemedy, isDuration, regexpError } from './go-syntax.ts'
import { agentOf, containersOf, type Job, match, type Rule, shownJob } from './rule.ts'

const LABEL_NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/
// Jenkins has folders.
const JENKINS_NAME = /^[A-Za-z0-9-._]([A-Za-z0-9-._/]*[A-Za-z0-9-_])?$/
const PROW_LABELS = ['created-by-prow', 'prow.k8s.io/type', 'prow.k8s.io/id']

/** What runs the jobs of other agents. */
const OPERATORS: Record<string, string> = {
  jenkins: 'jenkins-operator',
  'tekton-pipeline': 'the controller of pipelines',
}

/** The remedy for an expression that is none: what a file pattern would be as an expression. */
function expressionRemedy(text: string): string | undefined {
  const expression = asExpression(text)
  return expression && `Write ${expression}: it is a regular expression of Go (RE2), not a file pattern.`
}

/** A pattern of file names such as `*.go` or `docs/**` as a regular expression; undefined when it is none. */
export function asExpression(pattern: string): string | undefined {
  if (!/[*?]/.test(pattern) || /[\\^$()|+[\]{}]|\.[*?]/.test(pattern)) return undefined
  // At the beginning it is any folder, and at the end everything below.
  const open = /^\*+\/?/.exec(pattern)?.[0] ?? ''
  const end = /\/?\*+$/.exec(pattern.slice(open.length))?.[0] ?? ''
  const middle = pattern.slice(open.length, pattern.length - end.length)
  if (middle === '') return undefined
  const body = middle
    .replace(/[.]/g, '\\.')
    .replace(/\*\*\/?/g, '\u0000')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
    .replaceAll('\u0000', '.*')
  return `${open === '' ? '^' : open.endsWith('/') ? '(^|/)' : ''}${body}${end === '' ? '$' : end.startsWith('/') ? '/' : ''}`
}

/** Rules about one job but for its pod: its name, where it runs, and when. */
export const JOB_RULES: Rule<Job>[] = [
  {
    name: 'job-name',
    severity: 'invalid',
    remedy: 'Only letters, digits, - . and _ are allowed.',
    *find(job) {
      const allowed = agentOf(job) === 'jenkins' ? JENKINS_NAME : /^[A-Za-z0-9-._]+$/
      if (!allowed.test(job.name))
        yield match(
          nodeAt(job.tree, 'name') ?? job.tree,
          job.name ? `${shownJob(job)}: this name is not allowed` : `a ${job.kind} has no name`,
        )
    },
  },
  {
    name: 'job-name-length',
    severity: 'strict',
    remedy: 'Shorten it to 63 characters: it becomes a label.',
    *find(job) {
      if (job.name.length > 63 && agentOf(job) === 'kubernetes')
        yield match(nodeAt(job.tree, 'name'), `${shownJob(job)}: the name has ${job.name.length} characters`, {
          cause: 'length',
        })
    },
  },
  {
    name: 'concurrency',
    severity: 'invalid',
    remedy: 'Write 0 for no limit.',
    *find(job) {
      const limit = nodeAt(job.tree, 'max_concurrency')
      if (typeof limit?.value === 'number' && limit.value < 0)
        yield match(limit, `${shownJob(job)}: max_concurrency is below 0`)
    },
  },
  {
    name: 'job-namespace',
    severity: 'invalid',
    remedy: 'Remove it: all jobs run in test-pods.',
    *find(job, all) {
      const namespace = nodeAt(job.tree, 'namespace')
      const wanted = textOf(nodeAt(all.config, 'pod_namespace')) || 'default'
      if (agentOf(job) === 'kubernetes' && isGiven(namespace) && textOf(namespace) !== wanted)
        yield match(namespace, `${shownJob(job)} has namespace: ${textOf(namespace)}`)
    },
  },
  {
    name: 'agent',
    severity: 'here',
    remedy: 'Remove agent and give the job a spec with containers: Prow itself runs only jobs that are pods.',
    *find(job) {
      const agent = agentOf(job)
      if (agent === 'kubernetes') return
      const operator = OPERATORS[agent]
      yield match(
        nodeAt(job.tree, 'agent'),
        operator
          ? `${shownJob(job)} has agent: ${agent}, and ${operator} is not installed`
          : `${shownJob(job)} has agent: ${agent}, for which nothing is installed`,
      )
    },
  },
  {
    name: 'agent-fields',
    severity: 'invalid',
    remedy: 'Remove it, or remove agent: kubernetes is the default.',
    *find(job) {
      const agent = agentOf(job)
      if (agent !== 'jenkins' && agent !== 'tekton-pipeline' && agent !== 'kubernetes') return
      const pipeline = ['pipeline_run_spec', 'tekton_pipeline_run_spec'].find((name) => nodeAt(job.tree, name)?.map)
      if (pipeline && agent !== 'tekton-pipeline')
        yield match(
          keyLine(job.tree, pipeline),
          `${shownJob(job)} has ${pipeline}, which requires agent: tekton-pipeline`,
        )
      if (agent === 'kubernetes') return
      if (agent === 'tekton-pipeline' && !pipeline)
        yield match(job.tree, `${shownJob(job)} has no pipeline_run_spec`, 'Add one.')
      if (job.decoration)
        yield match(
          nodeAt(job.tree, 'decorate') ?? nodeAt(job.tree, 'agent'),
          `${shownJob(job)} is decorated, and has agent: ${agent}`,
          'Set decorate: false and remove decoration_config, or remove agent.',
        )
      if (isTrue(nodeAt(job.tree, 'error_on_eviction')))
        yield match(
          nodeAt(job.tree, 'error_on_eviction'),
          `${shownJob(job)} has error_on_eviction, and agent: ${agent}`,
        )
    },
  },
  {
    name: 'jenkins-cluster',
    severity: 'strict',
    remedy: 'Remove cluster: Jenkins runs the job wherever it is.',
    *find(job) {
      const cluster = nodeAt(job.tree, 'cluster')
      if (agentOf(job) === 'jenkins' && isGiven(cluster) && textOf(cluster) !== 'default')
        yield match(cluster, `${shownJob(job)} has agent: jenkins and cluster: ${textOf(cluster)}`)
    },
  },
  {
    name: 'build-cluster',
    severity: 'here',
    remedy: 'Remove cluster: Prow knows only this cluster, by the name default.',
    *find(job) {
      const cluster = nodeAt(job.tree, 'cluster')
      if (isGiven(cluster) && textOf(cluster) !== 'default' && agentOf(job) !== 'jenkins')
        yield match(cluster, `${shownJob(job)} has cluster: ${textOf(cluster)}`)
    },
  },
  {
    name: 'queue',
    severity: 'invalid',
    remedy: 'Name one of plank.job_queue_capacities in config.yaml.',
    *find(job, all) {
      const queue = nodeAt(job.tree, 'job_queue_name')
      if (isGiven(queue) && !nodeAt(all.config, 'plank', 'job_queue_capacities')?.map?.has(textOf(queue)))
        yield match(queue, `${shownJob(job)} has job_queue_name: ${textOf(queue)}, which is not defined`)
    },
  },
  {
    name: 'when-to-run',
    severity: 'invalid',
    remedy: 'Keep one of always_run, run_if_changed and skip_if_only_changed.',
    *find(job) {
      if (job.kind === 'periodic') return
      const set = ['run_if_changed', 'skip_if_only_changed'].filter((name) => isGiven(nodeAt(job.tree, name)))
      if (set.length === 2) yield match(job.tree, `${shownJob(job)} has both run_if_changed and skip_if_only_changed`)
      else if (isTrue(nodeAt(job.tree, 'always_run')) && set[0])
        yield match(job.tree, `${shownJob(job)} has always_run and ${set[0]}`)
    },
  },
  {
    name: 'trigger',
    severity: 'invalid',
    remedy: 'Set both trigger and rerun_command so that the first matches the second, or neither.',
    *find(job) {
      if (job.kind !== 'presubmit') return
      const [trigger, rerun] = [nodeAt(job.tree, 'trigger'), nodeAt(job.tree, 'rerun_command')]
      if (isGiven(trigger) !== isGiven(rerun)) {
        const pair = isGiven(trigger) ? 'trigger without rerun_command' : 'rerun_command without trigger'
        yield match(trigger ?? rerun, `${shownJob(job)} has ${pair}`)
      } else if (isGiven(trigger)) {
        const expression = asRegExp(textOf(trigger))
        if (expression && !expression.test(textOf(rerun)))
          yield match(rerun, `${shownJob(job)}: trigger does not match rerun_command ${textOf(rerun)}`)
      }
    },
  },
  {
    name: 'expressions',
    severity: 'invalid',
    remedy: 'Write a regular expression of Go (RE2).',
    *find(job) {
      if (job.kind === 'periodic') return
      for (const field of ['trigger', 'run_if_changed', 'skip_if_only_changed']) {
        if (field === 'trigger' && job.kind !== 'presubmit') continue
        const one = nodeAt(job.tree, field)
        const error = isGiven(one) ? regexpError(textOf(one)) : undefined
        if (error)
          yield match(one, `${shownJob(job)}: ${field} ${error}: ${textOf(one)}`, expressionRemedy(textOf(one)) ?? {})
      }
      for (const field of ['branches', 'skip_branches']) {
        const list = nodeAt(job.tree, field)
        const error = regexpError(textsOf(list).join('|'))
        if (error) yield match(list, `${shownJob(job)}: ${field} ${error}: ${textsOf(list).join(', ')}`)
      }
    },
  },
  {
    name: 'file-patterns',
    severity: 'hint',
    remedy: 'It is a regular expression of Go (RE2), not a file pattern.',
    *find(job) {
      if (job.kind === 'periodic') return
      for (const field of ['run_if_changed', 'skip_if_only_changed']) {
        const one = nodeAt(job.tree, field)
        const text = textOf(one)
        const expression = isGiven(one) && !regexpError(text) ? asExpression(text) : undefined
        if (expression && expression !== text)
          yield match(
            one,
            `${shownJob(job)}: ${field} looks like a file pattern: ${text}`,
            `Write ${expression} if it is: this is a regular expression of Go (RE2).`,
          )
      }
    },
  },
  {
    name: 'periodic-when',
    severity: 'invalid',
    remedy: 'Set exactly one of cron, interval and minimum_interval.',
    *find(job) {
      if (job.kind !== 'periodic') return
      const set = ['cron', 'interval', 'minimum_interval'].filter((name) => isGiven(nodeAt(job.tree, name)))
      if (set.length === 0) return yield match(job.tree, `${shownJob(job)} has no cron, interval or minimum_interval`)
      if (set.length > 1) return yield match(job.tree, `${shownJob(job)} has ${set.join(' and ')}`)
      const name = set[0]!
      const one = nodeAt(job.tree, name)
      const text = textOf(one)
      const error = name === 'cron' ? cronError(text) : undefined
      if (error)
        yield match(
          one,
          `${shownJob(job)}: cron "${text}" ${error}`,
          'Write minute, hour, day of month, month and day of week; times are UTC.',
        )
      else if (name !== 'cron' && !isDuration(text))
        yield match(one, `${shownJob(job)}: ${name} ${text} is not a valid duration`, durationRemedy(text))
    },
  },
  {
    name: 'retry',
    severity: 'invalid',
    remedy: 'Add interval, such as interval: 15m.',
    *find(job) {
      const retry = nodeAt(job.tree, 'retry')
      const interval = textOf(nodeAt(retry, 'interval'))
      if (job.kind === 'periodic' && retry?.map && !isDuration(interval))
        yield match(
          nodeAt(retry, 'interval') ?? retry,
          interval
            ? `${shownJob(job)}: retry.interval ${interval} is not a valid duration`
            : `${shownJob(job)}: retry has no interval`,
          interval ? durationRemedy(interval) : {},
        )
    },
  },
  {
    name: 'periodic-clone',
    severity: 'strict',
    remedy: 'Move it into the entry of extra_refs that it is for: a periodic job has no repository of its own.',
    *find(job) {
      if (job.kind !== 'periodic') return
      for (const name of ['clone_depth', 'clone_uri', 'path_alias']) {
        const one = nodeAt(job.tree, name)
        if (isGiven(one) && one.value !== 0) yield match(one, `${shownJob(job)} has ${name}, which has no effect there`)
      }
    },
  },
  {
    name: 'labels',
    severity: 'invalid',
    remedy: `Kubernetes allows letters, digits, - _ and . up to 63 characters; Prow itself sets ${PROW_LABELS.join(', ')}.`,
    *find(job) {
      for (const [name, value] of nodeAt(job.tree, 'labels')?.map ?? []) {
        if (PROW_LABELS.includes(name)) yield match(value, `${shownJob(job)} sets the label ${name}`)
        else if (!LABEL_NAME.test(name) || !LABEL_VALUE.test(textOf(value)))
          yield match(value, `${shownJob(job)} has the label ${name}: ${textOf(value)}`)
      }
      const annotations = nodeAt(job.tree, 'annotations')
      for (const name of annotations?.map?.keys() ?? []) {
        if (!LABEL_NAME.test(name))
          yield match(keyLine(annotations, name), `${shownJob(job)} has the annotation ${name}`)
      }
    },
  },
  {
    name: 'job-rerun-anyone',
    severity: 'invalid',
    remedy: 'Keep allow_anyone or the list.',
    *find(job) {
      if (containersOf(job).length === 0) return
      for (const { at, message } of anyoneAndSome(nodeAt(job.tree, 'rerun_auth_config')))
        yield match(at, `${shownJob(job)} ${message}`)
    },
  },
  {
    name: 'repository-name',
    severity: 'hint',
    remedy: 'Write org/repo as the key above the jobs.',
    *find(job) {
      if (job.kind !== 'periodic' && !ORG_REPO.test(job.repo.replace(/^https?:\/\//, '')))
        yield match(job.tree, `${shownJob(job)} is listed under ${job.repo}, which must be org/repo`)
    },
  },
  {
    name: 'refs-twice',
    severity: 'strict',
    remedy: 'Remove the extra ref: the repository of the job is cloned anyway.',
    *find(job) {
      if (job.kind !== 'presubmit') return
      const seen = new Set([job.repo])
      for (const ref of nodeAt(job.tree, 'extra_refs')?.list ?? []) {
        const name = `${textOf(nodeAt(ref, 'org'))}/${textOf(nodeAt(ref, 'repo'))}`
        if (seen.has(name)) yield match(ref, `${shownJob(job)} names ${name} twice`)
        seen.add(name)
      }
    },
  },
]
