import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { awsEnvironment } from '../../../lib/rehearsal/aws.ts'
import { clusterEndpoint, podIdentityWebhook, writeTokenWebhook } from '../../../lib/rehearsal/aws-seed.ts'
import { folder } from '../world.ts'

test('the real aws talks to the emulator only, without files of the operator', () => {
  const env = awsEnvironment('http://127.0.0.1:4566', 'us-west-2')
  assert.equal(env.AWS_ENDPOINT_URL, 'http://127.0.0.1:4566')
  assert.equal(env.AWS_DEFAULT_REGION, 'us-west-2')
  assert.equal(env.AWS_CONFIG_FILE, '/dev/null')
  assert.equal(env.AWS_SHARED_CREDENTIALS_FILE, '/dev/null')
})

test('the endpoint and certificate authority are read from a kubeconfig, quoted or not', () => {
  const kubeconfig =
    'clusters:\n  - cluster:\n      server: https://127.0.0.1:6443\n      certificate-authority-data: "QUJD"\n'
  assert.deepEqual(clusterEndpoint(kubeconfig), { endpoint: 'https://127.0.0.1:6443', ca: 'QUJD' })
  assert.deepEqual(clusterEndpoint(''), { endpoint: undefined, ca: undefined })
})

test("the API server's webhooks are at the two ports of the emulator", () => {
  const ports = { http: 1, tls: 2 }
  const dir = join(folder(), 'aws')
  const config = JSON.parse(readFileSync(writeTokenWebhook(dir, ports), 'utf8'))
  assert.equal(config.clusters[0].cluster.server, 'http://127.0.0.1:1/runbook/token-review')
  const [webhook] = podIdentityWebhook(ports, Buffer.from('ca')).webhooks
  assert.equal(webhook?.clientConfig.url, 'https://127.0.0.1:2/runbook/inject')
  assert.equal(webhook?.clientConfig.caBundle, Buffer.from('ca').toString('base64'))
  assert.equal(webhook?.failurePolicy, 'Ignore')
})
