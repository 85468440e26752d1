import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isKept, keptNote, recreateReason } from '../../../lib/kubernetes/immutable.ts'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'

const MANAGED = { 'app.kubernetes.io/managed-by': 'prow-runbook' }
const job = (image: string, status: object = {}, labels: object = MANAGED): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'label-sync', namespace: 'prow', labels: labels as Record<string, string> },
  spec: { backoffLimit: 2, template: { spec: { containers: [{ name: 'label-sync', image }] } } },
  status,
})
const failed = { conditions: [{ type: 'Failed', status: 'True' }] }

describe('a Job', () => {
  test('that failed is recreated, so that a corrected input takes effect', () => {
    assert.equal(recreateReason(job('a:1', failed), job('a:1')), 'the last one failed')
  })

  test('whose template differs is recreated; one that only has defaults besides is kept', () => {
    assert.match(recreateReason(job('a:1'), job('a:2'))!, /template/)
    const defaulted = job('a:1')
    Object.assign((defaulted.spec as { template: { spec: object } }).template.spec, { dnsPolicy: 'ClusterFirst' })
    assert.equal(recreateReason(defaulted, job('a:1')), undefined)
    assert.equal(isKept(defaulted, job('a:1')), true)
  })

  test('of somebody else is kept', () => {
    assert.equal(recreateReason(job('a:1', failed, {}), job('a:2')), undefined)
  })
})

describe('a PersistentVolumeClaim', () => {
  const claim = (storage: string, className?: string, phase = 'Bound'): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'ghproxy', namespace: 'prow' },
    spec: { resources: { requests: { storage } }, ...(className ? { storageClassName: className } : {}) },
    status: { phase },
  })

  test('grows, and does not shrink', () => {
    assert.equal(isKept(claim('50Gi', 'gp3'), claim('100Gi', 'gp3')), false)
    assert.equal(isKept(claim('1Ti', 'gp3'), claim('100Gi', 'gp3')), true)
    assert.match(keptNote(claim('1Ti', 'gp3'), claim('100Gi', 'gp3')), /keeps its larger size/)
    assert.equal(keptNote(claim('50Gi', 'gp3'), claim('50Gi', 'gp3')), '')
  })

  test('keeps its StorageClass, unless it has none and still waits for a volume', () => {
    assert.equal(isKept(claim('50Gi', 'gp2'), claim('50Gi', 'gp3')), true)
    assert.match(keptNote(claim('50Gi', 'gp2'), claim('50Gi', 'gp3')), /keeps class gp2/)
    assert.equal(isKept(claim('50Gi', undefined, 'Pending'), claim('50Gi', 'gp3')), false)
    assert.equal(isKept(claim('50Gi', undefined), claim('50Gi', 'gp3')), true)
  })
})
