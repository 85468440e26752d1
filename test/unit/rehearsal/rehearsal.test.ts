import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { loadAll } from 'js-yaml'
import type { Name } from '../../../lib/rehearsal/go-build.ts'
import { settings } from '../../../lib/rehearsal/inputs.ts'
import { kindName } from '../../../lib/rehearsal/kind.ts'
import { complaint } from '../../../lib/rehearsal/kwok.ts'
import { whose } from '../../../lib/rehearsal/processes.ts'
import { origin, type Program } from '../../../lib/rehearsal/programs.ts'
import { down, up } from '../../../lib/rehearsal/rehearsal.ts'

const folder = mkdtempSync(join(tmpdir(), 'rehearsal-'))

after(() => rmSync(folder, { recursive: true }))

process.env.RUNBOOK_CACHE = join(folder, 'cache')

describe('the folder of a rehearsal', () => {
  const dir = join(folder, 'one')
  beforeEach(() => rmSync(dir, { recursive: true, force: true }))

  test('that holds something else is neither used nor removed', async () => {
    mkdirSync(dir)
    writeFileSync(join(dir, 'thesis.txt'), 'years of work')
    await assert.rejects(up({ dir }), /holds something that is no rehearsal/)
    await assert.rejects(down({ dir }), /holds something that is no rehearsal/)
    writeFileSync(join(dir, 'rehearsal.json'), '{"rehearsal": "of a play"}')
    await assert.rejects(down({ dir }), /holds something that is no rehearsal/)
    assert.equal(readFileSync(join(dir, 'thesis.txt'), 'utf8'), 'years of work')
  })

  test('that is half made is removed', async () => {
    mkdirSync(join(dir, 'cluster', 'clusters'), { recursive: true })
    writeFileSync(join(dir, 'rehearsal.json'), '{"rehearsal": 1, "kind": "kwok"}')
    assert.equal(await down({ dir }), true)
    assert.equal(existsSync(dir), false)
  })

  test('that is not there is nothing to remove', async () => {
    assert.equal(await down({ dir }), false)
  })
})

test('a process is of a rehearsal when its program or its configuration lies in the folder', () => {
  const bin = '/r/one/cluster/clusters/rehearsal/bin'
  assert.equal(whose('/r/one', `${bin}/etcd --name=node0 `), 'etcd')
  assert.equal(whose('/r/one', `${bin}/kube-apiserver `), 'kube-apiserver')
  assert.equal(
    whose('/r/one', '/c/kwokctl --name rehearsal create cluster --config /r/one/kwok.yaml --wait 60s '),
    'kwokctl',
  )
  assert.equal(whose('/r/one', `vim ${bin}/etcd `), undefined)
  assert.equal(whose('/r/one', 'vim --config /r/one/kwok.yaml '), undefined)
  assert.equal(whose('/r', `${bin}/etcd `), undefined)
  assert.equal(whose('/r/on', `${bin}/etcd `), undefined)
})

test('what kwokctl complained of last is told, without what it said in passing', () => {
  const says = (level: string, msg: string, err?: string) => JSON.stringify({ level, msg, err })
  assert.equal(
    complaint([says('INFO', 'creating'), says('ERROR', 'Failed', 'no port'), says('INFO', 'clean')].join('\n')),
    'Failed: no port',
  )
  assert.equal(complaint(`${says('INFO', 'creating')}\npanic: oh`), 'panic: oh')
  assert.equal(complaint(''), '')
})

test('where the programs came from is told in one line', () => {
  const program = (source: Program['source'], version: string): Program => ({ source, version, path: '/p' })
  const kube = program('built', '1.36.3')
  const programs: Record<Name, Program> = {
    'kube-apiserver': kube,
    'kube-controller-manager': kube,
    'kube-scheduler': kube,
    kubectl: program('PATH', '1.32.4'),
    etcd: program('downloaded', '3.6.10'),
    kwok: program('built', '0.8.0'),
    kwokctl: program('built', '0.8.0'),
  }
  assert.equal(
    origin(programs),
    'downloaded: etcd 3.6.10; built: Kubernetes 1.36.3, kwok 0.8.0; on PATH: kubectl 1.32.4',
  )
})

test('the settings are those of the cluster they are for', () => {
  assert.match(settings('kwok', 'rehearsal'), /^KUBE_CONTEXT=rehearsal$/m)
  assert.match(settings('kwok', 'rehearsal'), /^NGINX_ADMISSION=off$/m)
  assert.match(settings('kwok', 'rehearsal'), /^STORAGE_CLASS=rehearsal$/m)
  assert.match(settings('kind', 'kind-x'), /^NGINX_ADMISSION=on$/m)
  assert.match(settings('kind', 'kind-x'), /^STORAGE_CLASS=standard$/m)
})

test('kind clusters of two folders have two names', () => {
  assert.notEqual(kindName('/a'), kindName('/b'))
})

test('the settings name the StorageClass that the cluster has', () => {
  const objects = loadAll(
    readFileSync(join(import.meta.dirname, '../../../lib/rehearsal/go/cluster/cluster.yaml'), 'utf8'),
  ) as {
    kind: string
    metadata: { name: string }
  }[]
  const classes = objects.filter(({ kind }) => kind === 'StorageClass').map(({ metadata }) => metadata.name)
  assert.deepEqual(classes, ['rehearsal'])
  assert.equal(objects.filter(({ kind }) => kind === 'Node').length, 3)
})
