import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROGRAM_NAMES, type ProgramName } from '../../../lib/rehearsal/go-modules.ts'
import { freePorts, kwokConfig } from '../../../lib/rehearsal/kwok-config.ts'
import type { Program } from '../../../lib/rehearsal/programs.ts'

const programs = Object.fromEntries(
  PROGRAM_NAMES.map((name) => [name, { source: 'built', version: '1.36.3', path: `/c/${name}` }]),
) as Record<ProgramName, Program>
const ports = { etcd: 1, peer: 2, apiServer: 3, controllerManager: 4, scheduler: 5, kwok: 6 }

const apiServerArgs = (config: ReturnType<typeof kwokConfig>) =>
  Object.fromEntries(config.componentsPatches[0]!.extraArgs.map(({ key, value }) => [key, value]))

test('everything listens on loopback, with the programs that were found', () => {
  const { options } = kwokConfig('/r', { programs, ports })
  assert.equal(options.bindAddress, '127.0.0.1')
  assert.equal(options.kubeVersion, 'v1.36.3')
  assert.equal(options.etcdBinary, '/c/etcd')
  assert.equal(options.kubeApiserverPort, 3)
})

test('the API server listens for a real node too, with its address in the certificate', () => {
  const real = kwokConfig('/r', { programs, ports, node: '198.18.0.2' })
  assert.equal(apiServerArgs(real)['advertise-address'], '198.18.0.2')
  assert.deepEqual(real.options.kubeApiserverCertSANs, ['10.0.0.1', '198.18.0.2'])
  assert.equal('bind-address' in apiServerArgs(kwokConfig('/r', { programs, ports })), false)
})

test('the API server asks the emulator about tokens only where there is one', () => {
  const key = 'authentication-token-webhook-config-file'
  assert.equal(apiServerArgs(kwokConfig('/r', { programs, ports, tokenWebhook: '/r/w.yaml' }))[key], '/r/w.yaml')
  assert.equal(key in apiServerArgs(kwokConfig('/r', { programs, ports })), false)
})

test('free ports are different ones below the range of outgoing connections', async () => {
  const found = await freePorts(8)
  assert.equal(new Set(found).size, 8)
  assert.ok(found.every((port) => port >= 20_000 && port < 32_000))
})
