import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultDir, type Rehearsal } from '../../../lib/rehearsal/folder.ts'
import { nextSteps, shellPath } from '../../../lib/rehearsal/next-steps.ts'

const rehearsal = (more: Partial<Rehearsal> = {}): Rehearsal => ({
  dir: '/r',
  kind: 'kwok',
  kubeconfig: '/r/kubeconfig',
  context: 'rehearsal',
  env: '/r/.env',
  kubectl: '/c/kubectl',
  kubectlOnPath: true,
  ...more,
})
const text = (more: Partial<Rehearsal> = {}, clusterOnly = false) => nextSteps(rehearsal(more), clusterOnly).join('\n')

test('paths are as short as a shell takes them', () => {
  assert.equal(shellPath(join(homedir(), '.cache/r')), '~/.cache/r')
  assert.equal(shellPath(join(homedir(), 'my files')), "~/'my files'")
  assert.equal(shellPath('/tmp/r'), '/tmp/r')
})

test('the line for the removal names the rehearsal, and only what is not the default', () => {
  assert.match(text(), /npm run rehearse -- --down --dir \/r$/m)
  assert.match(text({ dir: defaultDir('kwok') }), /npm run rehearse -- --down$/m)
  assert.match(text({ dir: defaultDir('kwok', true), aws: {} }), /npm run rehearse -- --down --eks$/m)
  assert.match(text({ dir: defaultDir('real'), kind: 'real' }), /npm run rehearse -- --down --real$/m)
})

test('what the lines need first is shown only where it is needed', () => {
  assert.doesNotMatch(text(), /PATH|env\.sh|etc\/hosts/)
  assert.match(text({ kubectlOnPath: false }), /export PATH=\/c:\$PATH/)
  assert.match(text({ aws: {} }), / {4}\. \/r\/aws\/env\.sh/)
  const hosts = { 'prow.rehearsal.example': '198.18.0.2' }
  assert.match(text({ hosts }), /198\.18\.0\.2 prow\.rehearsal\.example\n[\s\S]*https:\/\/prow\.rehearsal\.example\//)
})

test('after --cluster-only the next step is to install', () => {
  assert.match(text({}, true), /^The cluster is up\.\n[\s\S]*npm run install:all -- --env \/r\/\.env$/m)
  assert.match(text(), /^Prow is installed on the rehearsal cluster; its objects are real, its pods simulated\.\n/)
  assert.doesNotMatch(text({ kind: 'kind' }), /simulated/)
})
