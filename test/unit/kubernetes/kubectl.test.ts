import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inputStream } from '../../../lib/kubernetes/kubectl.ts'
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
