import { parseDate } from '../aws/dates.ts'
import { elapsed } from '../base/elapsed.ts'
import { counted } from '../base/summarize.ts'
import { nodeAt, textOf } from '../base/yaml-tree.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import { isReady } from '../kubernetes/wait.ts'
import { CONFIG_MAP_FULL, CONFIG_MAP_LIMIT, configMapSize } from '../prow/config-maps.ts'
import { target } from '../run/context.ts'
import { type Evidence, wasNotRead } from './evidence.ts'
import { lasts } from './job-evidence.ts'
import type { Diagnosis } from './row.ts'

export type State = 'good' | 'warning' | 'bad' | 'unknown'

/** One line of the status: what, how it stands, and whether that is good. */
export interface StatusLine {
  name: string
  value: string
  state: State
}

export interface Status {
  /** When it was read. */
  time: Date
  /** `TARGET=eks, context …`. */
  target: string
  lines: StatusLine[]
  findings: Diagnosis[]
}

const DAY = 24 * 3600 * 1000

/** How things stand, of what the doctor has read and found; `synced` is when Tide last looked at all pull requests. */
export function installationStatus(evidence: Evidence, findings: Diagnosis[], synced?: Date): Status {
  const { settings, now } = evidence
  const { context, server } = target()
  return {
    time: now,
    target:
      settings.TARGET === 'eks' ? `EKS ${settings.CLUSTER_NAME}, ${settings.AWS_REGION}` : `${context}, ${server}`,
    lines: [
      version(evidence),
      components(evidence),
      jobs(evidence),
      webhook(evidence),
      token(evidence),
      rate(evidence),
      tide(evidence, synced),
      bucket(evidence),
      certificate(evidence),
      configMaps(evidence),
      drift(findings),
      summary(findings),
    ].flat(),
    findings,
  }
}

function deployments(evidence: Evidence): KubeObject[] {
  return evidence.objects.ofKind('Deployment', 'prow')
}

/** The tags of the images that Prow's own components run. */
function version(evidence: Evidence): StatusLine {
  const { PROW_IMAGE_REGISTRY, PROW_IMAGE_TAG } = evidence.settings
  type Template = { template: { spec: { containers: { image: string }[] } } }
  const images = deployments(evidence).flatMap(({ spec }) => (spec as Template).template.spec.containers)
  const tags = images.map(({ image }) => image).filter((image) => image.startsWith(`${PROW_IMAGE_REGISTRY}/`))
  const different = [...new Set(tags.map((image) => image.split(':').at(-1)!))]
  if (different.length === 0) return { name: 'Prow', value: 'not installed', state: 'bad' }
  const right = different.length === 1 && different[0] === PROW_IMAGE_TAG
  return { name: 'Prow', value: different.join(', '), state: right ? 'good' : 'warning' }
}

function components(evidence: Evidence): StatusLine {
  const all = deployments(evidence)
  const waiting = all.filter((one) => !isReady(one)).map(({ metadata }) => metadata.name)
  return {
    name: 'components',
    value: `${all.length - waiting.length} of ${all.length} ready${waiting.length > 0 ? `; not ${waiting.join(', ')}` : ''}`,
    state: waiting.length > 0 || all.length === 0 ? 'bad' : 'good',
  }
}

/** The order in which states of a ProwJob stand. */
const STATES = ['scheduling', 'triggered', 'pending', 'success', 'failure', 'aborted', 'error']

function jobs(evidence: Evidence): StatusLine {
  if (wasNotRead(evidence, 'prowjobs')) return { name: 'jobs', value: 'not read', state: 'unknown' }
  const all = evidence.objects
    .ofKind('ProwJob', 'prow')
    .map(({ status }) => status as { state?: string; startTime?: string })
  const recent = all.filter(({ startTime = '' }) => evidence.now.getTime() - Date.parse(startTime) < DAY)
  const counts = STATES.map((state) => [state, recent.filter((one) => one.state === state).length] as const)
  const shown = counts.filter(([, number]) => number > 0).map(([state, number]) => `${number} ${state}`)
  return {
    name: 'jobs of 24 h',
    value: shown.join(', ') || 'none',
    state: recent.some(({ state }) => state === 'error') ? 'warning' : 'good',
  }
}

function webhook({ github, settings, now }: Evidence): StatusLine[] {
  if (settings.GITHUB_CHECKS === 'off')
    return [{ name: 'webhook', value: 'not read: GITHUB_CHECKS=off', state: 'unknown' }]
  if (!github) return [{ name: 'webhook', value: 'not read', state: 'unknown' }]
  return github.webhooks.map(({ target, hook, deliveries: [last] }) => {
    const name = target.name.replace(/^webhook of /, '')
    if (!hook) return { name: 'webhook', value: `${name} has none that delivers to hook`, state: 'bad' }
    if (!last) return { name: 'webhook', value: `${name}: nothing was delivered yet`, state: 'unknown' }
    const when = last.delivered_at ? ` ${elapsed(now.getTime() - Date.parse(last.delivered_at))} ago` : ''
    const good = last.status_code >= 200 && last.status_code < 300
    return {
      name: 'webhook',
      value: `${name}: ${last.event}${when}, ${last.status_code || last.status}`,
      state: good ? 'good' : 'bad',
    }
  })
}

function rate({ github, now }: Evidence): StatusLine[] {
  if (!github?.rate) return []
  const { remaining, limit, reset } = github.rate
  const minutes = Math.max(0, Math.ceil((reset.getTime() - now.getTime()) / 60_000))
  return [
    {
      name: 'GitHub requests',
      value: `${remaining} of ${limit} left, all of them again in ${counted(minutes, 'minute')}`,
      state: remaining < limit / 10 ? 'warning' : 'good',
    },
  ]
}

/** Whose token it is, and until when it is valid. */
function token({ github }: Evidence): StatusLine[] {
  const passes = github?.credential.find(({ outcome }) => outcome === 'passed')
  const [problem] = github?.credential.filter(({ outcome }) => outcome !== 'passed') ?? []
  if (!github || (!passes && !problem)) return []
  return [
    {
      name: 'GitHub account',
      value: problem ? problem.message : passes!.message.replace(/^the bot is /, ''),
      state: problem ? (problem.outcome === 'failed' ? 'bad' : 'warning') : 'good',
    },
  ]
}

/** After how many of its periods Tide should have synchronized again. */
const PERIODS = 5

function tide(evidence: Evidence, synced: Date | undefined): StatusLine {
  const { config, now } = evidence
  if (!synced) return { name: 'Tide', value: 'no sync in the log of the last hour', state: 'unknown' }
  const [, number = '1', unit = 'm'] = /^(\d+)(s|m)/.exec(textOf(nodeAt(config?.config, 'tide', 'sync_period'))) ?? []
  const period = Number(number) * (unit === 's' ? 1000 : 60_000)
  const late = now.getTime() - synced.getTime() > PERIODS * period + 60_000
  return { name: 'Tide', value: `last sync ${lasts(synced, evidence)} ago`, state: late ? 'warning' : 'good' }
}

function bucket({ aws, settings }: Evidence): StatusLine {
  const name = settings.LOG_BUCKET
  if (settings.TARGET === 'local') return { name: 'logs', value: `bucket ${name}, not read`, state: 'unknown' }
  if (!aws?.bucket) return { name: 'logs', value: `bucket ${name} was not read`, state: 'unknown' }
  const { region, bucket } = aws.bucket
  if (!region) return { name: 'logs', value: `there is no bucket ${name}`, state: 'bad' }
  return { name: 'logs', value: `bucket ${name} in ${region}`, state: bucket ? 'good' : 'bad' }
}

/** In how many days the end of a certificate is worth a warning: ACM renews its own 60 days before. */
const ENDS_SOON = 30

function certificate({ aws, now }: Evidence): StatusLine[] {
  if (!aws?.certificate) return []
  const { found, arn } = aws.certificate
  const name = 'certificate'
  if (!found) return [{ name, value: `${arn} does not exist`, state: 'bad' }]
  const end = parseDate(found.NotAfter)
  const days = end && Math.floor((end.getTime() - now.getTime()) / DAY)
  const state = found.Status !== 'ISSUED' ? 'bad' : days !== undefined && days < ENDS_SOON ? 'warning' : 'good'
  const until = days === undefined ? '' : `, ${counted(days, 'day')} left`
  return [{ name, value: `${found.DomainName}, ${found.Status.toLowerCase()}${until}`, state }]
}

/** How full Prow's ConfigMaps are; Kubernetes stores at most 1 MiB of one. */
function configMaps(evidence: Evidence): StatusLine {
  if (wasNotRead(evidence, 'configmaps')) return { name: 'ConfigMaps', value: 'not read', state: 'unknown' }
  const fill = ['config', 'plugins', 'job-config'].flatMap((name) => {
    const found = evidence.objects.get('ConfigMap', name, 'prow')
    return found ? [{ name, percent: percentFull(found) }] : []
  })
  return {
    name: 'ConfigMaps',
    value: fill.map(({ name, percent }) => `${name} ${percent} %`).join(', ') || 'none',
    state: fill.length < 3 ? 'bad' : fill.some(({ percent }) => percent >= 100 * CONFIG_MAP_FULL) ? 'warning' : 'good',
  }
}

const percentFull = (map: KubeObject) => Math.round((configMapSize(map) * 100) / CONFIG_MAP_LIMIT)

const allOf = (findings: Diagnosis[]): Diagnosis[] => findings.flatMap((one) => [one, ...allOf(one.consequences)])

function drift(findings: Diagnosis[]): StatusLine {
  const objects = new Set(
    allOf(findings)
      .filter(({ id }) => id.startsWith('PRW-DRF-'))
      .flatMap(({ object, also }) => [object, ...also]),
  )
  return {
    name: 'drift',
    value: objects.size === 0 ? 'none' : `${counted(objects.size, 'object')} other than the runbook would apply`,
    state: objects.size === 0 ? 'good' : 'warning',
  }
}

function summary(findings: Diagnosis[]): StatusLine {
  const errors = findings.filter(({ outcome }) => outcome === 'failed').length
  const warnings = findings.length - errors
  return {
    name: 'findings',
    value:
      findings.length === 0 ? 'nothing is wrong' : `${counted(errors, 'problem')}, ${counted(warnings, 'warning')}`,
    state: errors > 0 ? 'bad' : warnings > 0 ? 'warning' : 'good',
  }
}
