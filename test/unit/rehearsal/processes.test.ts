import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEmulator } from '../../../lib/rehearsal/aws-python.ts'
import { findProcesses, programOf } from '../../../lib/rehearsal/processes.ts'

test('a process belongs to a rehearsal when its program or its configuration is in the folder', () => {
  const bin = '/r/one/cluster/clusters/rehearsal/bin'
  assert.equal(programOf('/r/one', `${bin}/etcd --name=node0 `), 'etcd')
  assert.equal(programOf('/r/one', `${bin}/kube-apiserver `), 'kube-apiserver')
  assert.equal(
    programOf('/r/one', '/c/kwokctl --name rehearsal create cluster --config /r/one/kwok.yaml --wait 60s '),
    'kwokctl',
  )
  assert.equal(
    programOf('/r/one', '/d/kwokctl-linux-amd64 --name rehearsal start cluster --config /r/one/kwok.yaml --wait 60s '),
    'kwokctl',
  )
  assert.equal(programOf('/r/one', `vim ${bin}/etcd `), undefined)
  assert.equal(programOf('/r/one', 'vim --config /r/one/kwok.yaml '), undefined)
  assert.equal(programOf('/r', `${bin}/etcd `), undefined)
  assert.equal(programOf('/r/on', `${bin}/etcd `), undefined)
})

test('the emulator of a folder is recognized whatever clone it was started from', () => {
  const line = '/c/bin/python /w/lib/rehearsal/fakes/aws/server.py --dir /r/one/aws --port 1 '
  assert.equal(isEmulator('/r/one/aws', line), true)
  assert.equal(isEmulator('/r/two/aws', line), false)
  assert.equal(isEmulator('/r/one', line), false)
  assert.equal(isEmulator('/r/one/aws', line.replace('/c/bin/python', 'less')), false)
})

test('a folder without a cluster has no processes', async () => {
  assert.deepEqual(await findProcesses('/no/such/rehearsal'), [])
})
