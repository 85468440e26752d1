import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inputStream, versionSkew } from '../../../lib/kubernetes/kubectl.ts'
import { splitDocuments } from '../../../lib/kubernetes/manifests.ts'
import { newRun, setRun } from '../../../lib/run/context.ts'
import { kubectlLine } from '../../../lib/run/kubectl-line.ts'
import { LOCAL, settings } from '../world.ts'

test('a stream of texts and objects is YAML of as many documents', () => {
  assert.equal(splitDocuments(inputStream(['a: {kind: x}', { kind: 'y' }]), 'f').length, 2)
})

test('a line for typing names kubeconfig and context, which the environment of the reader does not', () => {
  const run = newRun(settings(LOCAL))
  run.target = { kubeconfig: '/a b/config', context: 'here', server: 's' }
  setRun(run)
  assert.equal(kubectlLine('get', 'nodes'), "kubectl --kubeconfig '/a b/config' --context here get nodes")
})

test('kubectl may be one minor version older or newer than the API server', () => {
  for (const client of ['v1.35.0', 'v1.36.9', 'v1.37.0-alpha.1'])
    assert.deepEqual(versionSkew(client, 'v1.36.3-eks-1'), [])
  for (const client of ['v1.34.9', 'v1.38.0', 'v1.27.1', 'v2.36.0']) {
    const [found] = versionSkew(client, 'v1.36.3-eks-1')
    assert.equal(found?.outcome, 'warning', client)
    assert.match(found.message, new RegExp(`kubectl ${client} is not supported with Kubernetes v1\\.36\\.3-eks-1`))
    assert.match(found.remedy, /install kubectl 1\.36;/)
  }
  assert.deepEqual(versionSkew('unknown', 'v1.36.3'), [])
  assert.deepEqual(versionSkew('v1.32.4-dispatcher', 'v1.36.3'), [])
})
