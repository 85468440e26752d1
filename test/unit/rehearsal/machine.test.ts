import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingPrograms } from '../../../lib/rehearsal/machine.ts'

test('a machine with all programs lacks none', () => {
  assert.equal(
    missingPrograms(() => true),
    undefined,
  )
})

test('what is missing is one problem, with the packages to install, each once', () => {
  const missing = missingPrograms((program) => !['containerd', 'ctr', '/usr/lib/cni/portmap'].includes(program))
  assert.equal(missing?.message, 'not installed on this machine: containerd, ctr, /usr/lib/cni/bridge')
  assert.equal(missing?.remedy, 'apt-get install --no-install-recommends containerd containernetworking-plugins')
  assert.equal(missing?.code, 'missing-program')
})

test('what only images contain may be missing where apt-get can download its package', () => {
  const without = (...names: string[]) => missingPrograms((program) => !names.includes(program))
  assert.equal(without('nginx', '/usr/sbin/nginx'), undefined)
  assert.match(without('nginx', '/usr/sbin/nginx', 'apt-get')!.remedy, /nginx-light/)
  assert.equal(without('nginx', 'apt-get'), undefined)
})
