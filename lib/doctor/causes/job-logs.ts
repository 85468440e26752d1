// Jobs that run and leave no log, or whose result never reaches GitHub.

import { summarize } from '../../base/summarize.ts'
import { nodeAt, textOf } from '../../base/yaml-tree.ts'
import { withLastWords } from '../../kubernetes/diagnose.ts'
import type { KubeObject } from '../../kubernetes/manifests.ts'
import { labelOf, objectLabel } from '../../kubernetes/objects.ts'
import type { ContainerStatus, PodStatus } from '../../kubernetes/pod-causes.ts'
import { newestRuns, type ProwJob, shownProwJob } from '../../prow/prow-job.ts'
import { agentOf, containersOf, type Job, shownJob } from '../../prow/rules/rule.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import { type Evidence, wasNotRead } from '../evidence.ts'
import { isRecent, lasts, placeOfJob, prowJobLabel, prowJobsOf } from '../job-evidence.ts'
import type { Found, Row } from '../row.ts'
import { CREDENTIAL_SECRETS } from './github.ts'

const placed = (jobs: Job[]) =>
  summarize(
    jobs.map((job) => `${shownJob(job)} (${job.file.split(' ')[0]}:${job.tree.line})`),
    5,
  )

/** The jobs of the configuration that run as pods. */
const jobsWithPods = ({ config }: Evidence) =>
  (config?.jobs ?? []).filter((job) => agentOf(job) === 'kubernetes' && containersOf(job).length > 0)

const accountOf = ({ tree, decoration }: Job) =>
  textOf(nodeAt(tree, 'spec', 'serviceAccountName')) || String(decoration?.default_service_account_name ?? 'default')

/** Whether a service account can write to the bucket by itself: it is that of 05, or has a role of its own. */
function hasRole({ objects }: Evidence, name: string): boolean {
  const annotations = objects.get('ServiceAccount', name, 'test-pods')?.metadata.annotations ?? {}
  return name === 'prow-jobs' || annotations['eks.amazonaws.com/role-arn'] !== undefined
}

export const jobLogRows: Row[] = [
  {
    id: 'PRW-JOB-030',
    title: 'every job uploads its log',
    severity: 'warning',
    find: (evidence) => {
      const plain = jobsWithPods(evidence).filter(({ decorated }) => !decorated)
      if (plain.length === 0) return []
      return [
        {
          object: objectLabel('ConfigMap', 'job-config', 'prow'),
          message: `${plain.length === 1 ? 'a job is' : `${plain.length} jobs are`} not decorated, and so ${plain.length === 1 ? 'uploads' : 'upload'} no log: ${placed(plain)}`,
          evidence: 'decorate: false',
          remedy: `Set decorate: true there (or decorate_all_jobs in config.yaml), and run ${rerunLine('06-config')}. Deck shows the log of the others only while their pods exist.`,
        },
      ]
    },
  },
  {
    id: 'PRW-JOB-031',
    title: 'every job runs with a service account that may upload its log',
    severity: 'error',
    find: (evidence) => {
      const { settings, objects } = evidence
      if (wasNotRead(evidence, 'serviceaccounts', 'test-pods')) return []
      const own = jobsWithPods(evidence).filter((job) => job.decorated)
      const missing = own.filter((job) => {
        const name = accountOf(job)
        return name !== 'prow-jobs' && name !== 'default' && !objects.get('ServiceAccount', name, 'test-pods')
      })
      // With keys every pod mounts Secret s3-credentials, whatever its account.
      const powerless =
        settings.IDENTITY === 'irsa'
          ? own.filter((job) => !missing.includes(job) && !hasRole(evidence, accountOf(job)))
          : []
      return [
        ...missing.map(
          (job): Found => ({
            object: objectLabel('ServiceAccount', accountOf(job), 'test-pods'),
            message: `${shownJob(job)} (${placed([job]).replace(/.*\((.*)\)/, '$1')}) runs as ServiceAccount test-pods/${accountOf(job)}, which does not exist: its pod cannot be created`,
            evidence: `serviceAccountName: ${accountOf(job)}`,
            remedy: `Create it: ${kubectlLine('-n', 'test-pods', 'create', 'serviceaccount', accountOf(job))}\nOr take serviceAccountName out of the job and run ${rerunLine('06-config')}.`,
          }),
        ),
        ...powerless.map(
          (job): Found => ({
            object: objectLabel('ServiceAccount', accountOf(job), 'test-pods'),
            message: `${shownJob(job)} (${placed([job]).replace(/.*\((.*)\)/, '$1')}) runs as ServiceAccount test-pods/${accountOf(job)}, which has no IAM role: its log cannot be uploaded`,
            evidence: `serviceAccountName: ${accountOf(job)}, without eks.amazonaws.com/role-arn`,
            remedy: `Use prow-jobs, which is the default: take serviceAccountName out of the job and run ${rerunLine('06-config')}. Or give the account a role that may write to ${settings.LOG_BUCKET}.`,
          }),
        ),
      ]
    },
  },
  {
    id: 'PRW-JOB-032',
    title: "no container of Prow's fails in a job's pod",
    severity: 'error',
    find: async (evidence) => {
      const jobs = newestRuns(prowJobsOf(evidence)).filter((job) => isRecent(job.completed ?? job.started, evidence))
      const found = await Promise.all(jobs.map((job) => utilityFailure(evidence, job)))
      return found.flat()
    },
  },
  {
    id: 'PRW-JOB-034',
    title: 'crier reports every job that is complete',
    severity: 'error',
    find: (evidence) => {
      const { now } = evidence
      const unreported = prowJobsOf(evidence).filter(
        (job) =>
          job.completed &&
          isRecent(job.completed, evidence) &&
          now.getTime() - job.completed.getTime() > 5 * 60_000 &&
          reportersOf(job).some((reporter) => job.reported[reporter] !== job.state),
      )
      const [first] = unreported
      if (!first) return []
      const missing = reportersOf(first).filter((reporter) => first.reported[reporter] !== first.state)
      return [
        {
          object: prowJobLabel(first),
          message: `${shownProwJob(first)} ended ${lasts(first.completed!, evidence)} ago, and crier has not reported it to ${missing.map(shownReporter).join(' and ')}${unreported.length > 1 ? `; ${unreported.length - 1} other jobs neither` : ''}`,
          evidence: `status.prev_report_states: ${JSON.stringify(first.reported)}`,
          remedy: `Its log has the reason: ${kubectlLine('-n', 'prow', 'logs', 'deployment/crier')}`,
          follows: [
            prowJobLabel(first),
            objectLabel('Deployment', 'crier', 'prow'),
            ...['prow', 'test-pods'].flatMap((namespace) =>
              ['Role', 'RoleBinding'].map((kind) => objectLabel(kind, 'crier', namespace)),
            ),
            ...CREDENTIAL_SECRETS,
          ],
        },
      ]
    },
  },
]

/** The reporters of crier that have to report a job that has ended (pkg/crier/reporters). */
export function reportersOf({ reports, type, sha, isDecorated, buildId }: ProwJob): string[] {
  const github = reports && sha !== '' && (type === 'presubmit' || type === 'postsubmit')
  return [...(github ? ['github-reporter'] : []), ...(isDecorated && buildId !== '' ? ['gcsreporter'] : [])]
}

const shownReporter = (name: string) => (name === 'github-reporter' ? 'GitHub' : 'the bucket')

/** What the containers that Prow adds to a pod print when they fail, and what to do. The first row that fits counts. */
const FAILURES: {
  id: string
  pattern: RegExp
  cause: string
  remedy: (evidence: Evidence, job: ProwJob) => string
}[] = [
  {
    id: 'PRW-JOB-035',
    pattern: /AccessDenied|Access Denied|status code: 403|not authorized|WebIdentity|AssumeRole/i,
    cause: 'the bucket refuses its role',
    remedy: ({ settings }, job) =>
      settings.IDENTITY === 'irsa'
        ? `Run ${rerunLine('05-service-accounts')}: it corrects the role of ServiceAccount ${job.serviceAccount} and its policy. A Deny of the bucket's or the key's own policy has to be lifted by their owner.`
        : `The keys in secrets/s3-credentials must allow s3:PutObject in ${settings.LOG_BUCKET}. Correct them and run ${rerunLine('03-secrets')}.`,
  },
  {
    id: 'PRW-JOB-036',
    pattern: /NoSuchBucket|bucket does not exist/i,
    cause: 'the bucket does not exist',
    remedy: ({ settings }) =>
      `Create ${settings.LOG_BUCKET}: ${rerunLine('05-service-accounts')}\nOr correct gcs_configuration.bucket in config.yaml.`,
  },
  {
    id: 'PRW-JOB-037',
    pattern: /PermanentRedirect|AuthorizationHeaderMalformed|MissingRegion|the region .* is wrong|BucketRegionError/i,
    cause: 'the bucket is in another region than its credentials name',
    remedy: () => `Correct the region in secrets/s3-credentials, or AWS_REGION, and run ${rerunLine('03-secrets')}.`,
  },
  {
    id: 'PRW-JOB-038',
    pattern: /InvalidAccessKeyId|SignatureDoesNotMatch|NoCredentialProviders|no EC2 IMDS role/i,
    cause: 'its credentials for the bucket are not valid',
    remedy: () =>
      `Correct secrets/s3-credentials and run ${rerunLine('03-secrets')}, or ${rerunLine('05-service-accounts')} for a role.`,
  },
  {
    id: 'PRW-JOB-039',
    pattern:
      /Authentication failed|could not read Username|Repository not found|403|Permission denied \(publickey\)|terminal prompts disabled/i,
    cause: 'GitHub does not let it clone the repository',
    remedy: ({ settings }, job) =>
      settings.PRIVATE_CLONES === 'on'
        ? `The token in secrets/clone-token must be able to read ${job.org}/${job.repo}. Correct it and run ${rerunLine('03-secrets')}.`
        : `For a private repository set PRIVATE_CLONES=on, put a token into secrets/clone-token, and run ${rerunLine('03-secrets')} and ${rerunLine('06-config')}.`,
  },
  {
    id: 'PRW-JOB-040',
    pattern: /CONFLICT|Automatic merge failed|not something we can merge/i,
    cause: 'the pull request conflicts with its branch',
    remedy: () => 'Its author has to rebase it.',
  },
  {
    id: 'PRW-JOB-041',
    pattern: /Could not resolve host|Connection timed out|Connection refused|i\/o timeout|no such host|TLS handshake/i,
    cause: 'it does not reach GitHub or the bucket',
    remedy: () =>
      'Check the way of the nodes out of the VPC (NAT gateway, route, proxy), and NetworkPolicies in test-pods.',
  },
]

/** The names of what Prow adds, which never fails because of what the job does. */
const UTILITY = /^(clonerefs|initupload|place-entrypoint|sidecar)$/

/** A container of Prow's that failed in the pod of a job. */
async function utilityFailure(evidence: Evidence, job: ProwJob): Promise<Found[]> {
  const { objects, settings } = evidence
  const pod = objects.get('Pod', job.podName, 'test-pods')
  const failed = pod && failedUtility(pod)
  if (!pod || !failed) return []
  const ended = failed.state?.terminated ?? failed.lastState?.terminated
  const { cause } = await withLastWords(
    objects,
    { id: '', cause: '', remedy: '', pod, log: { container: failed.name, previous: !failed.state?.terminated } },
    settings,
  )
  const words = [ended?.message, cause].filter(Boolean).join('\n')
  const known = FAILURES.find(({ pattern }) => pattern.test(words))
  return [
    {
      id: known?.id ?? 'PRW-JOB-032',
      object: labelOf(pod),
      message: `container ${failed.name} of ${shownProwJob(job)} failed${ended ? ` (exit code ${ended.exitCode})` : ''}: ${known?.cause ?? 'its log has the reason'}${words ? `\n${words.slice(0, 300)}` : ''}`,
      evidence: words.split('\n')[0] || `exit code ${ended?.exitCode}`,
      remedy:
        known?.remedy(evidence, job) ??
        `Read its log: ${kubectlLine('-n', 'test-pods', 'logs', job.podName, '-c', failed.name)}\nThe job: ${placeOfJob(evidence, job)}`,
      follows: [
        prowJobLabel(job),
        objectLabel('Secret', 's3-credentials', 'test-pods'),
        objectLabel('ServiceAccount', job.serviceAccount, 'test-pods'),
        ...(failed.name === 'clonerefs' ? [objectLabel('Secret', 'clone-token', 'test-pods')] : []),
      ],
    },
  ]
}

/** The first of Prow's containers that failed; sidecar also ends with an error when only the job's own containers failed. */
function failedUtility(pod: KubeObject): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = (pod.status ?? {}) as PodStatus
  const failed = ({ state, lastState }: ContainerStatus) => {
    const ended = state?.terminated ?? lastState?.terminated
    return ended !== undefined && ended.exitCode !== 0
  }
  const jobFailed = containerStatuses.some((one) => !UTILITY.test(one.name) && failed(one))
  return [...initContainerStatuses, ...containerStatuses].find(
    (one) => UTILITY.test(one.name) && failed(one) && !(one.name === 'sidecar' && jobFailed),
  )
}
