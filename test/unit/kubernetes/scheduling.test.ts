import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { schedulingCause } from '../../../lib/kubernetes/scheduling.ts'
import { LOCAL, settings } from '../world.ts'

const local = settings(LOCAL)
const cause = (reasons: string, taints: string[] = []) =>
  schedulingCause(
    `0/3 nodes are available: ${reasons}. no new claims to deallocate, preemption: 0/3`,
    local,
    ['ghproxy'],
    taints,
  )

// For each message of the scheduler: the id, and what the remedy holds and does not hold.
const ROWS: [reasons: string, id: string, remedy: RegExp, not?: RegExp][] = [
  ["3 node(s) didn't match PersistentVolume's node affinity", 'PRW-SCH-008', /in that zone/, /architecture/],
  ['3 node(s) had volume node affinity conflict', 'PRW-SCH-008', /in that zone/, /architecture/],
  [
    "1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector",
    'PRW-SCH-004',
    /too little cpu/,
    /architecture/,
  ],
  [
    "1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity",
    'PRW-SCH-003',
    /uncordon/,
    /zone/,
  ],
  ['1 Too many pods, 2 node(s) had untolerated taint {dedicated: gpu}', 'PRW-SCH-005', /prefix delegation/, /taint/],
  ['3 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }', 'PRW-SCH-001', /too little disk/, /^Remove/],
  ['3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }', 'PRW-SCH-002', /not ready/],
  ['3 node(s) had untolerated taint {dedicated: gpu}', 'PRW-SCH-009', /without the taint dedicated/],
  ["3 node(s) didn't match Pod's node affinity/selector", 'PRW-SCH-010', /architecture amd64/],
  ['1 node(s) were unschedulable, 2 Insufficient memory', 'PRW-SCH-003', /uncordon.*too little memory/s],
  [
    '1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu',
    'PRW-SCH-004',
    /too little cpu/,
    /taint/,
  ],
]

describe('why no node can run a pod', () => {
  for (const [reasons, id, remedy, not] of ROWS) {
    test(reasons, () => {
      const found = cause(reasons)
      assert.equal(found.id, id)
      assert.match(found.remedy, remedy)
      if (not) assert.doesNotMatch(found.remedy, not)
      assert.doesNotMatch(found.cause, /preemption/)
    })
  }

  test('with the taints of the nodes where the scheduler does not name them', () => {
    const found = cause('3 node(s) had untolerated taint(s)', ['node.kubernetes.io/memory-pressure:NoSchedule'])
    assert.equal(found.id, 'PRW-SCH-001')
  })

  test('in a cluster without nodes', () => {
    assert.equal(schedulingCause('no nodes available to schedule pods', local, []).id, 'PRW-SCH-012')
  })
})
