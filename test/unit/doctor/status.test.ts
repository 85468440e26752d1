import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { AwsEvidence } from '../../../lib/doctor/aws-evidence.ts'
import { installationStatus } from '../../../lib/doctor/status.ts'
import { newRun, setRun } from '../../../lib/run/context.ts'
import { delivery, deployment, evidence, type Given, NOW, prowJob } from './evidence.ts'

const container = (tag: string) => ({
  template: { spec: { containers: [{ image: `us-docker.pkg.dev/k8s-infra-prow/images/hook:${tag}` }] } },
})
const day = 24 * 3600 * 1000

/** The lines of a status as `name | state | value`. */
function lines(given: Given, more: { synced?: Date; aws?: object } = {}): string[] {
  const all = { ...evidence(given), aws: more.aws as AwsEvidence | undefined }
  return installationStatus(all, [], more.synced).lines.map(({ name, value, state }) => `${name} | ${state} | ${value}`)
}
const line = (name: string, ...rest: Parameters<typeof lines>) =>
  lines(...rest).find((one) => one.startsWith(`${name} |`))

beforeEach(() => {
  const given = evidence()
  setRun({ ...newRun(given.settings), target: { kubeconfig: 'k', context: 'here', server: 'https://k' } })
})

describe('the status', () => {
  test('names the version, and that there are two', () => {
    const tag = evidence().settings.PROW_IMAGE_TAG
    const one = deployment('hook', { spec: container(tag) })
    assert.equal(line('Prow', { objects: [one] }), `Prow | good | ${tag}`)
    const other = deployment('tide', { spec: container('v1') })
    assert.equal(line('Prow', { objects: [one, other] }), `Prow | warning | ${tag}, v1`)
    assert.equal(line('Prow', {}), 'Prow | bad | not installed')
  })

  test('counts the jobs of a day', () => {
    const objects = [prowJob('a', 'success', 5), prowJob('b', 'pending', 5), prowJob('c', 'success', 3000)]
    assert.equal(line('jobs of 24 h', { objects }), 'jobs of 24 h | good | 1 pending, 1 success')
    assert.match(line('jobs of 24 h', { objects: [prowJob('a', 'error', 5)] })!, /warning \| 1 error/)
  })

  test('has the last delivery, and the requests that are left', () => {
    const webhook = { deliveries: [delivery(403, 3, 'Invalid HTTP Response: 403'), delivery(200, 9)] }
    assert.match(line('webhook', { webhook })!, /^webhook \| bad \| .*push 3 min ago, 403$/)
    const rate = { limit: 5000, remaining: 100, reset: new Date(NOW.getTime() + 90_000) }
    assert.match(line('GitHub requests', { github: { rate } })!, /warning \| 100 of 5000 left, .* 2 minutes/)
  })

  test('has when Tide last looked, by its own period', () => {
    const synced = (minutes: number) => ({ synced: new Date(NOW.getTime() - minutes * 60_000) })
    assert.equal(line('Tide', {}, synced(1)), 'Tide | good | last sync 60 s ago')
    assert.equal(line('Tide', {}, synced(30)), 'Tide | warning | last sync 30 min ago')
    assert.match(line('Tide', {})!, /unknown/)
  })

  test('has the days that are left of the certificate', () => {
    const certificate = (days: number, Status = 'ISSUED') => ({
      aws: {
        certificate: {
          arn: 'a',
          found: { DomainName: 'p.example', Status, NotAfter: (NOW.getTime() + days * day) / 1000 },
        },
      },
    })
    assert.equal(line('certificate', {}, certificate(90)), 'certificate | good | p.example, issued, 90 days left')
    assert.match(line('certificate', {}, certificate(9))!, /warning \| .*9 days left/)
    assert.match(line('certificate', {}, certificate(9, 'EXPIRED'))!, /bad \| .*expired/)
    assert.match(line('certificate', {}, { aws: { certificate: { arn: 'arn:x' } } })!, /bad \| arn:x does not exist/)
  })
})
