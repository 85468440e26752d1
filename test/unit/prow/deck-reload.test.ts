import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { hasVersion, verifyDeckReload } from '../../../lib/prow/deck-reload.ts'
import { currentRun, newRun, setRun } from '../../../lib/run/context.ts'
import type { Outcome } from '../../../lib/run/result.ts'
import { folder, LOCAL, settings } from '../world.ts'

test('the version of a page of Deck', () => {
  assert.ok(hasVersion('config_version_sha: 0a1b2c3d4e5f\nlog_level: info\n', '0a1b2c3d4e5f'))
  assert.ok(hasVersion('config_version_sha: "123456789012"\n', '123456789012'))
  assert.ok(!hasVersion('config_version_sha: 0a1b2c3d4e5f\n', '123456789012'))
  assert.ok(!hasVersion('<html>', '123456789012'))
})

// Prints the files beside it; `page` only from the second question on.
const KUBECTL = `#!/bin/sh
dir="$(dirname "$0")"
echo "$*" >>"$dir/asked"
case "$*" in
*' -n prow '*,nodes,*) cat "$dir/prow" "$dir/nodes" ;;
'get pods '*) cat "$dir/pods" ;;
*--raw*)
  [ "$(grep -c -- --raw "$dir/asked")" -gt "$(cat "$dir/late")" ] && exec cat "$dir/page"
  cat "$dir/stderr" >&2
  exit 1
  ;;
esac
`
const list = (...items: object[]) => `${JSON.stringify({ kind: 'List', items }, null, 1)}\n`
const NODE = { kind: 'Node', metadata: { name: 'node' } }
const DECK = {
  kind: 'Deployment',
  metadata: { name: 'deck', namespace: 'prow', generation: 1 },
  spec: { replicas: 1 },
  status: {
    observedGeneration: 1,
    replicas: 1,
    updatedReplicas: 1,
    readyReplicas: 1,
    availableReplicas: 1,
    conditions: [{ type: 'Available', status: 'True' }],
  },
}
const config = (data: object) => ({ kind: 'ConfigMap', metadata: { name: 'config', namespace: 'prow' }, data })

describe('after a change', () => {
  const { PATH } = process.env
  let bin = ''
  after(() => {
    process.env.PATH = PATH
    setRun()
  })

  const verify = async (files: Record<string, string> = {}, outcome: Outcome = 'changed') => {
    bin = folder({
      kubectl: KUBECTL,
      asked: '',
      nodes: list(NODE),
      pods: list({ kind: 'Pod', metadata: { name: 'deck-1', namespace: 'prow' } }),
      prow: list(DECK, config({ VERSION: 'abc' })),
      page: 'config_version_sha: abc\n',
      late: '0',
      stderr: '',
      ...files,
    })
    chmodSync(join(bin, 'kubectl'), 0o755)
    process.env.PATH = `${bin}:/usr/bin:/bin`
    setRun(newRun(settings({ ...LOCAL, WAIT_SECONDS: '10' })))
    currentRun().target = { kubeconfig: 'k', context: 'c', server: 's' }
    currentRun().steps.push({
      step: '',
      title: '',
      outcome: 'done',
      results: [],
      problems: [],
      seconds: 0,
      wrote: false,
    })
    const found = await verifyDeckReload([{ name: 'config', outcome, differences: [] }])
    return [
      ...found.map(({ outcome, message }) => `${outcome}: ${message}`),
      ...currentRun().steps[0]!.results.map(({ outcome, note }) => `${outcome}: ${note}`),
    ]
  }

  test('Deck is asked pod by pod, and has read it', async () => {
    assert.deepEqual(await verify(), ['passed: Deck has read the configuration'])
    assert.match(
      readFileSync(join(bin, 'asked'), 'utf8'),
      /get --raw \/api\/v1\/namespaces\/prow\/pods\/deck-1:8080\/proxy\/config/,
    )
  })

  test('one answer that fails is no reason to stop', async () => {
    const files = { late: '1', stderr: 'Error from server (ServiceUnavailable): connection refused' }
    assert.deepEqual(await verify(files), ['passed: Deck has read the configuration'])
  })

  test('a lack of permission is one', async () => {
    const stderr = 'Error from server (Forbidden): pods "deck-1" is forbidden'
    assert.deepEqual(await verify({ late: '9', stderr }), [
      `warning: Deck does not answer through the API server: ${stderr}`,
    ])
  })

  test('nothing is asked when nothing changed', async () => {
    assert.deepEqual(await verify({}, 'unchanged'), [])
    assert.deepEqual(await verify({}, 'would change'), [])
  })

  test('it is skipped where Deck cannot be asked', async () => {
    const simulated = { ...NODE, metadata: { name: 'node', annotations: { 'kwok.x-k8s.io/node': 'fake' } } }
    assert.deepEqual(await verify({ prow: list(config({ VERSION: 'abc' })) }), ['skipped: Deck does not run yet'])
    assert.deepEqual(await verify({ prow: list(DECK, config({})) }), ['skipped: this configuration has no VERSION'])
    assert.deepEqual(await verify({ nodes: list(simulated) }), [
      'skipped: the nodes are simulated: no program runs there',
    ])
  })
})
