import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLUSTER, KUBE, PROGRAM_NAMES, type ProgramName, readModule } from '../../../lib/rehearsal/go-modules.ts'
import {
  chooseSource,
  describeSources,
  downloadedFile,
  downloadUrls,
  isSupported,
  needsDownload,
  type Program,
  programFile,
} from '../../../lib/rehearsal/programs.ts'

describe('an installed program', () => {
  test('of the control plane must have the minor version of the others', () => {
    for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const) {
      assert.equal(isSupported(name, [1, 36, 0]), true)
      assert.equal(isSupported(name, [1, 36, 9]), true)
      assert.equal(isSupported(name, [1, 35, 9]), false)
      assert.equal(isSupported(name, [1, 37, 0]), false)
    }
  })

  test('of the others is supported from the first version that has what is needed', () => {
    assert.equal(isSupported('kubectl', [1, 28, 0]), true)
    assert.equal(isSupported('kubectl', [1, 27, 9]), false)
    assert.equal(isSupported('etcd', [3, 5, 0]), true)
    assert.equal(isSupported('etcd', [3, 4, 30]), false)
    assert.equal(isSupported('kwok', [0, 8, 0]), true)
    assert.equal(isSupported('kwokctl', [0, 7, 0]), false)
    assert.equal(isSupported('kwokctl', [1, 0, 0]), true)
  })
})

describe('a program is taken from', () => {
  test('PATH, when the version is supported', () => {
    assert.equal(chooseSource('kubectl', [1, 32, 4], true), 'PATH')
    assert.equal(chooseSource('kubectl', [1, 32, 4], false), 'PATH')
  })

  test('the download, when the installed one is not supported and the host answers', () => {
    assert.equal(chooseSource('etcd', undefined, true), 'downloaded')
    assert.equal(chooseSource('etcd', [3, 4, 0], true), 'downloaded')
  })

  test('Go modules, when the download is refused', () => {
    assert.equal(chooseSource('etcd', undefined, false), 'built')
    assert.equal(chooseSource('kube-apiserver', [1, 30, 0], false), 'built')
  })
})

describe('downloads', () => {
  test('have the URLs that kwokctl uses', () => {
    const linux = downloadUrls('linux', 'x64', {})
    assert.equal(linux['kube-apiserver'], 'https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kube-apiserver')
    assert.equal(
      linux.etcd,
      'https://github.com/etcd-io/etcd/releases/download/v3.6.10/etcd-v3.6.10-linux-amd64.tar.gz#etcd',
    )
    assert.equal(linux.kwok, 'https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwok-linux-amd64')
    assert.equal(linux.kwokctl, 'https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwokctl-linux-amd64')
    const mac = downloadUrls('darwin', 'arm64', {})
    assert.match(
      mac['kube-apiserver']!,
      /kwok-ci\/k8s\/releases\/download\/v1\.36\.3-kwok\.0-darwin-arm64\/kube-apiserver$/,
    )
    assert.equal(mac.kubectl, 'https://dl.k8s.io/release/v1.36.3/bin/darwin/arm64/kubectl')
    assert.match(mac.etcd!, /etcd-v3\.6\.10-darwin-arm64\.zip#etcd$/)
  })

  test("come from a mirror that kwokctl's variables name", () => {
    const mirrored = downloadUrls('linux', 'x64', { KWOK_KUBE_BINARY_PREFIX: 'https://mirror.example/kube' })
    assert.equal(mirrored.kubectl, 'https://mirror.example/kube/kubectl')
  })

  test('are files where kwokctl puts them', () => {
    const url = 'https://mirror.example/kube/kubectl'
    assert.match(downloadedFile(url), /\/downloads\/https\/mirror\.example\/kube\/kubectl$/)
    assert.match(
      downloadedFile('https://mirror.example/e/etcd.tar.gz#etcd'),
      /\/downloads\/https\/mirror\.example\/e\/etcd$/,
    )
    assert.equal(programFile({ source: 'downloaded', version: '1.36.3', path: url }), downloadedFile(url))
    assert.equal(programFile({ source: 'built', version: '1.36.3', path: '/p' }), '/p')
  })

  test('are needed only for programs that are downloaded and not there yet', () => {
    const kubectl: Program = { source: 'PATH', version: '1.32.4', path: '/usr/bin/kubectl' }
    assert.equal(needsDownload({ kubectl }), false)
    const etcd: Program = { source: 'downloaded', version: '3.6.10', path: 'https://mirror.example/none/etcd' }
    assert.equal(needsDownload({ kubectl, etcd }), true)
  })

  test('have the versions of go.mod', () => {
    const goMod = readModule(CLUSTER, 'go.mod')
    const urls = downloadUrls('linux', 'x64', {})
    const kwok = urls.kwok!.match(/download\/v([\d.]+)/)![1]
    assert.match(goMod, new RegExp(`k8s.io/kubernetes v${KUBE}\\b`))
    assert.match(goMod, new RegExp(`sigs.k8s.io/kwok v${kwok}\\b`))
    assert.equal(PROGRAM_NAMES.length, 7)
  })
})

test('the sources of the programs are described in one line', () => {
  const program = (source: Program['source'], version: string): Program => ({ source, version, path: '/p' })
  const kube = program('built', '1.36.3')
  const programs: Record<ProgramName, Program> = {
    'kube-apiserver': kube,
    'kube-controller-manager': kube,
    'kube-scheduler': kube,
    kubectl: program('PATH', '1.32.4'),
    etcd: program('downloaded', '3.6.10'),
    kwok: program('built', '0.8.0'),
    kwokctl: program('built', '0.8.0'),
  }
  assert.equal(
    describeSources(programs),
    'downloaded: etcd 3.6.10; built: Kubernetes 1.36.3, kwok 0.8.0; on PATH: kubectl 1.32.4',
  )
})
