import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cgroupRoots, createCgroup, removeCgroup } from '../../../lib/rehearsal/cgroups.ts'
import { folder } from '../world.ts'

test('version 2 has one tree, version 1 one for each controller', () => {
  assert.deepEqual(cgroupRoots(folder({ 'cgroup.controllers': '' })).length, 1)
  const root = folder({ 'cpu/tasks': '', 'memory/tasks': '' })
  assert.deepEqual(cgroupRoots(root), [join(root, 'cpu'), join(root, 'memory')])
})

test('a new group of version 1 gets the processors of the root', () => {
  const root = folder({ 'cpuset.cpus': '0-3\n' })
  // The kernel creates the file with the group.
  mkdirSync(join(root, 'prw1'))
  writeFileSync(join(root, 'prw1', 'cpuset.cpus'), '\n')
  createCgroup('prw1', [root])
  assert.equal(readFileSync(join(root, 'prw1', 'cpuset.cpus'), 'utf8'), '0-3\n')
})

test('a group is removed with those below it, in every tree', () => {
  const roots = [folder(), folder()]
  for (const root of roots) mkdirSync(join(root, 'prw1', 'kubepods', 'pod1'), { recursive: true })
  removeCgroup('prw1', roots)
  for (const root of roots) assert.equal(existsSync(join(root, 'prw1')), false)
  removeCgroup('prw1', roots)
})
