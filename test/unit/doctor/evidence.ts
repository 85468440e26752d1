import { chmodSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after } from 'node:test'
import type { Evidence } from '../../../lib/doctor/evidence.ts'
import type { GitHubEvidence, WebhookEvidence } from '../../../lib/doctor/github-evidence.ts'
import type { Found, Row } from '../../../lib/doctor/row.ts'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { Objects } from '../../../lib/kubernetes/objects.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { readClusterConfig } from '../../../lib/prow/cluster-config.ts'
import { folder, LOCAL, settings } from '../world.ts'

/** The time at which all evidence was read. */
export const NOW = new Date('2026-11-25T12:00:00Z')

/** A time so many minutes before that, as the API server writes it. */
export const ago = (minutes: number): string => new Date(NOW.getTime() - minutes * 60_000).toISOString()

const CONFIG = `
prowjob_namespace: prow
pod_namespace: test-pods
decorate_all_jobs: true
tide:
  sync_period: 2m
  queries:
    - orgs: [my-org]
      labels: [lgtm, approved]
  merge_method: {my-org: squash}
`
const PLUGINS = 'plugins: {my-org: {plugins: [trigger, lgtm, approve]}}\n'
const JOBS = `
presubmits:
  my-org/web:
    - {name: unit, always_run: true, decorate: true, spec: {containers: [{image: busybox, command: [a]}]}}
`

const map = (name: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'prow' },
  data,
})

export interface Given {
  objects?: object[]
  config?: string
  plugins?: string
  jobs?: string
  github?: Partial<GitHubEvidence>
  webhook?: Partial<WebhookEvidence>
  values?: Record<string, string>
  since?: Date
}

/** What the doctor has read of an installation in which nothing is wrong but what is given. */
export function evidence(given: Given = {}): Evidence {
  const world = settings({ ...LOCAL, ...given.values })
  const objects = new Objects([
    map('config', { 'config.yaml': given.config ?? CONFIG }),
    map('plugins', { 'plugins.yaml': given.plugins ?? PLUGINS }),
    map('job-config', { 'web.yaml': given.jobs ?? JOBS }),
    ...((given.objects ?? []) as KubeObject[]),
  ])
  const snapshot = new Snapshot()
  for (const object of objects.all) snapshot.put(object)
  const url = 'https://prow.example.com/hook'
  const target = {
    name: 'webhook of my-org',
    path: '/orgs/my-org',
    page: 'https://github.com/organizations/my-org/settings/hooks',
    operation: { description: '', scope: '', permission: '' },
  }
  return {
    settings: world,
    now: NOW,
    since: given.since,
    objects,
    snapshot,
    unread: [],
    config: readClusterConfig((name) => objects.get('ConfigMap', name, 'prow')),
    github: {
      credential: [],
      login: 'prow-bot',
      rate: { limit: 5000, remaining: 4000, reset: new Date(NOW.getTime() + 1800_000) },
      repositories: [],
      webhooks: [
        {
          target,
          webhook: { target, path: '/orgs/my-org/hooks/1' },
          hook: { id: 1, active: true, events: ['*'], config: { url, content_type: 'json', insecure_ssl: '0' } },
          duplicates: [],
          twins: [],
          elsewhere: [url],
          deliveries: [delivery(200, 5)],
          answer: 'Event received. Have a nice day.',
          ...given.webhook,
        },
      ],
      ...given.github,
    },
  }
}

/** A delivery so many minutes ago. */
export function delivery(code: number, minutes: number, status = 'OK') {
  const delivered_at = ago(minutes)
  return {
    id: minutes,
    guid: `guid-${minutes}`,
    event: 'push',
    action: null,
    status,
    status_code: code,
    delivered_at,
    redelivery: false,
  }
}

/** A Deployment in prow that is ready, or with fields of its own. */
export function deployment(name: string, more: { spec?: object; status?: object; namespace?: string } = {}): object {
  const { namespace = 'prow' } = more
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, generation: 1 },
    spec: { replicas: 1, ...more.spec },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1, ...more.status },
  }
}

/** A ProwJob that was triggered so many minutes ago. */
export function prowJob(
  name: string,
  state: string,
  minutes: number,
  more: { spec?: object; status?: object } = {},
): object {
  return {
    apiVersion: 'prow.k8s.io/v1',
    kind: 'ProwJob',
    metadata: { name, namespace: 'prow', creationTimestamp: ago(minutes), labels: { 'event-GUID': 'guid-1' } },
    spec: {
      job: 'unit',
      type: 'presubmit',
      agent: 'kubernetes',
      cluster: 'default',
      report: true,
      context: 'unit',
      refs: { org: 'my-org', repo: 'web', pulls: [{ number: 12, sha: 'abc' }] },
      decoration_config: {},
      ...more.spec,
    },
    status: {
      state,
      startTime: ago(minutes),
      ...(state === 'pending' ? { pendingTime: ago(minutes) } : {}),
      ...(/error|success|failure|aborted/.test(state) ? { completionTime: ago(minutes) } : {}),
      ...more.status,
    },
  }
}

/** A pod of a job. */
export function jobPod(name: string, status: object, more: { spec?: object; metadata?: object } = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'test-pods', labels: { 'created-by-prow': 'true' }, ...more.metadata },
    spec: { containers: [{ name: 'test', image: 'example.com/unit:1' }], ...more.spec },
    status,
  }
}

/** An event about an object of test-pods. */
export function podEvent(name: string, reason: string, message: string, minutes = 1): object {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${reason}`, namespace: 'test-pods' },
    involvedObject: { kind: 'Pod', name, namespace: 'test-pods' },
    reason,
    message,
    lastTimestamp: ago(minutes),
  }
}

/** What rows find, by id; each finding must have what is shown of it. */
export async function findings(rows: Row[], given: Evidence): Promise<(Found & { id: string })[]> {
  const found = await Promise.all(
    rows.map(async (row) => (await row.find(given)).map((one) => ({ ...one, id: one.id ?? row.id }))),
  )
  return found.flat()
}

/** Puts a kubectl in front of PATH that answers with these lines as the log of any pod, and knows no events of nodes. */
export function fakeLogs(...lines: (object | string)[]): void {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  const path = folder({ log: text, kubectl: '#!/bin/bash\n[[ "$*" = *logs* ]] && exec cat "${0%/*}/log"\nexit 0\n' })
  chmodSync(join(path, 'kubectl'), 0o755)
  const before = process.env.PATH
  process.env.PATH = `${path}${delimiter}${before}`
  after(() => {
    process.env.PATH = before
  })
}
