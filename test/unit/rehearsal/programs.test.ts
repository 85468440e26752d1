import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { cacheFolder } from '../../../lib/base/cache.ts'
import { onPath } from '../../../lib/base/shell.ts'
import { atLeast, parseVersion } from '../../../lib/base/version.ts'
import { cacheKey, judgeGo, progress } from '../../../lib/rehearsal/go-build.ts'
import { addresses, choose, downloaded, fits, NAMES } from '../../../lib/rehearsal/programs.ts'

const ROOT = join(import.meta.dirname, '../../..')

describe('versions', () => {
  test('are read from what each program says of itself', () => {
    assert.deepEqual(parseVersion('Kubernetes v1.36.3\n'), [1, 36, 3])
    assert.deepEqual(parseVersion('kwok version v0.8.0 go1.26.8 (linux/amd64)'), [0, 8, 0])
    assert.deepEqual(parseVersion('etcd Version: 3.6.8\nGit SHA: 0\nGo Version: go1.26.8'), [3, 6, 8])
    assert.deepEqual(parseVersion('Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0'), [1, 32, 4])
    assert.deepEqual(parseVersion('go1.26 linux amd64'), [1, 26, 0])
    assert.equal(parseVersion('no version here'), undefined)
  })

  test('are compared as numbers, not as texts', () => {
    assert.equal(atLeast([1, 9, 0], [1, 10, 0]), false)
    assert.equal(atLeast([1, 10, 0], [1, 9, 9]), true)
    assert.equal(atLeast([1, 10, 0], [1, 10, 0]), true)
    assert.equal(atLeast([2, 0, 0], [1, 10, 5]), true)
  })

  test('the three of the control plane have to be of one minor version', () => {
    for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const) {
      assert.equal(fits(name, [1, 36, 0]), true)
      assert.equal(fits(name, [1, 36, 9]), true)
      assert.equal(fits(name, [1, 35, 9]), false)
      assert.equal(fits(name, [1, 37, 0]), false)
    }
  })

  test('the others fit from the first version that can do what is asked of them', () => {
    assert.equal(fits('kubectl', [1, 28, 0]), true)
    assert.equal(fits('kubectl', [1, 27, 9]), false)
    assert.equal(fits('etcd', [3, 5, 0]), true)
    assert.equal(fits('etcd', [3, 4, 30]), false)
    assert.equal(fits('kwok', [0, 8, 0]), true)
    assert.equal(fits('kwokctl', [0, 7, 0]), false)
    assert.equal(fits('kwokctl', [1, 0, 0]), true)
  })
})

describe('where a program is taken from', () => {
  test('this machine, when the version fits', () => {
    assert.equal(choose('kubectl', [1, 32, 4], true), 'PATH')
    assert.equal(choose('kubectl', [1, 32, 4], false), 'PATH')
  })

  test('the download, when there is none that fits and the host answers', () => {
    assert.equal(choose('etcd', undefined, true), 'downloaded')
    assert.equal(choose('etcd', [3, 4, 0], true), 'downloaded')
  })

  test('Go modules, when the download is refused', () => {
    assert.equal(choose('etcd', undefined, false), 'built')
    assert.equal(choose('kube-apiserver', [1, 30, 0], false), 'built')
  })
})

describe('downloads', () => {
  test('are asked for where kwokctl would ask', () => {
    const linux = addresses('linux', 'x64', {})
    assert.equal(linux['kube-apiserver'], 'https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-apiserver')
    assert.equal(
      linux.etcd,
      'https://github.com/etcd-io/etcd/releases/download/v3.6.10/etcd-v3.6.10-linux-amd64.tar.gz#etcd',
    )
    assert.equal(linux.kwok, 'https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwok-linux-amd64')
    assert.equal(linux.kwokctl, undefined)
    const mac = addresses('darwin', 'arm64', {})
    assert.match(
      mac['kube-apiserver']!,
      /kwok-ci\/k8s\/releases\/download\/v1\.36\.3-kwok\.0-darwin-arm64\/kube-apiserver$/,
    )
    assert.equal(mac.kubectl, 'https://dl.k8s.io/release/v1.36.3/bin/darwin/arm64/kubectl')
    assert.match(mac.etcd!, /etcd-v3\.6\.10-darwin-arm64\.zip#etcd$/)
  })

  test('come from a mirror when kwokctl is told of one', () => {
    const mirrored = addresses('linux', 'x64', { KWOK_KUBE_BINARY_PREFIX: 'https://mirror.example/kube' })
    assert.equal(mirrored.kubectl, 'https://mirror.example/kube/kubectl')
  })

  test('lie where kwokctl puts them', () => {
    assert.match(
      downloaded('https://mirror.example/kube/kubectl'),
      /\/downloads\/https\/mirror\.example\/kube\/kubectl$/,
    )
    assert.match(
      downloaded('https://mirror.example/e/etcd.tar.gz#etcd'),
      /\/downloads\/https\/mirror\.example\/e\/etcd$/,
    )
  })
})

describe('the cache', () => {
  test('is outside the repository, and where the reader wants it', () => {
    assert.equal(cacheFolder({ RUNBOOK_CACHE: '/c' }), '/c')
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x' }), '/x/prow-runbook')
    assert.match(cacheFolder({}), /\/\.cache\/prow-runbook$/)
  })

  test('has one key for one set of inputs, and another when any of them changes', () => {
    const inputs = ['module', 'sums', 'go1.26.8 linux amd64', '-s -w']
    assert.equal(cacheKey(inputs), cacheKey([...inputs]))
    for (const at of inputs.keys()) {
      assert.notEqual(cacheKey(inputs.with(at, `${inputs[at]} `)), cacheKey(inputs))
    }
    assert.notEqual(cacheKey(['ab', 'c']), cacheKey(['a', 'bc']))
  })
})

describe('Go', () => {
  const goMod = 'module m\n\ngo 1.26.0\n'
  const ended = (stdout: string, exitCode = 0, stderr = '') => ({ stdout, stderr, exitCode })
  const fault = (judged: ReturnType<typeof judgeGo>) => ('fault' in judged ? judged.fault : undefined)

  test('of the version that go.mod asks for or a later one builds', () => {
    assert.deepEqual(judgeGo(ended('go1.26.8\nlinux\namd64\n'), goMod), { go: 'go1.26.8 linux amd64' })
    assert.deepEqual(judgeGo(ended('go1.27\nlinux\namd64\n'), goMod), { go: 'go1.27 linux amd64' })
  })

  test('that is absent, too old or cannot fetch what go.mod asks for is one fault with the version to install', () => {
    for (const answer of [
      undefined,
      ended('go1.25.9\nlinux\namd64\n'),
      ended('', 1, 'go: download go1.26.0: refused'),
    ]) {
      const told = fault(judgeGo(answer, goMod))
      assert.match(told!.message, /not on PATH and cannot be downloaded/)
      assert.match(told!.remedy, /Go 1\.26\.0 or later/)
    }
    assert.match(fault(judgeGo(ended('', 1, 'go: download go1.26.0: refused'), goMod))!.message, /refused/)
  })

  test('is told how far it is', () => {
    assert.equal(progress(812, 1834), 'compiling 812 of 1,834 packages')
    assert.equal(progress(1834, 1834), 'linking the programs')
  })
})

test('go.mod has the versions that the downloads have', () => {
  const goMod = readFileSync(join(ROOT, 'lib/rehearsal/go/cluster/go.mod'), 'utf8')
  const kube = addresses('linux', 'x64', {})['kube-apiserver']!.match(/release\/v([\d.]+)/)![1]
  const kwok = addresses('linux', 'x64', {}).kwok!.match(/download\/v([\d.]+)/)![1]
  assert.match(goMod, new RegExp(`k8s.io/kubernetes v${kube}\\b`))
  assert.match(goMod, new RegExp(`sigs.k8s.io/kwok v${kwok}\\b`))
  assert.equal(NAMES.length, 7)
})

test('a folder or a file that cannot be run is no program on PATH', () => {
  const folder = mkdtempSync(join(tmpdir(), 'path-'))
  const path = process.env.PATH
  try {
    process.env.PATH = folder
    writeFileSync(join(folder, 'kwok'), '', { mode: 0o600 })
    assert.equal(onPath('kwok'), undefined)
    writeFileSync(join(folder, 'etcd'), '', { mode: 0o700 })
    assert.equal(onPath('etcd'), join(folder, 'etcd'))
  } finally {
    process.env.PATH = path
    rmSync(folder, { recursive: true })
  }
})
