import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Label, parseLabels } from '../../../lib/github/label-file.ts'
import { checkLabels, labelChanges, updateLabels } from '../../../lib/github/labels.ts'
import { LOCAL, settings } from '../world.ts'
import { beginRun, outcomes, startGitHub } from './fakes.ts'

const world = settings(LOCAL)
const label = (name: string, more: Partial<Label> = {}): Label => ({
  name,
  color: 'ffffff',
  description: '',
  previously: [],
  deleteAfter: '',
  ...more,
})
const changes = (wanted: Label[], existing: { name: string; color: string; description?: string | null }[]) =>
  labelChanges(wanted, existing, world).changes

test('a label that does not exist is created; one that is as wanted is left alone, and so are all others', () => {
  assert.deepEqual(changes([label('a')], [{ name: 'mine', color: '000000' }]), [
    { kind: 'create', name: 'a', label: label('a'), after: 'a #ffffff' },
  ])
  assert.deepEqual(changes([label('a')], [{ name: 'a', color: 'FFFFFF', description: null }]), [])
})

test('name, color and description are corrected; names are the same whatever their case', () => {
  const wanted = label('lgtm', { color: '15dd18', description: 'Good.' })
  const [change] = changes([wanted], [{ name: 'LGTM', color: '000000' }])
  assert.deepEqual(change, {
    kind: 'change',
    name: 'LGTM',
    label: wanted,
    before: 'LGTM #000000',
    after: 'lgtm #15dd18 Good.',
  })
  assert.equal(changes([label('a', { description: 'A.' })], [{ name: 'a', color: 'ffffff' }]).length, 1)
})

test('a label of a previous name is renamed, unless the new one exists', () => {
  const wanted = [label('kind/bug', { previously: ['bug'] })]
  assert.equal(changes(wanted, [{ name: 'Bug', color: 'ffffff' }])[0]?.name, 'Bug')
  assert.deepEqual(
    changes(wanted, [
      { name: 'bug', color: 'ffffff' },
      { name: 'kind/bug', color: 'ffffff' },
    ]),
    [],
  )
})

test('a label whose deleteAfter has passed is deleted only with LABELS_DELETE=on', () => {
  const wanted = [label('old', { deleteAfter: '2026-01-01T00:00:00Z' })]
  const existing = [{ name: 'old', color: 'ffffff' }]
  const at = (now: string, LABELS_DELETE: 'on' | 'off') =>
    labelChanges(wanted, existing, { ...world, LABELS_DELETE }, new Date(now))
  assert.deepEqual(at('2026-02-01', 'off'), { changes: [], pendingDeletion: ['old'] })
  assert.deepEqual(at('2026-02-01', 'on'), {
    changes: [{ kind: 'delete', name: 'old', before: 'old #ffffff' }],
    pendingDeletion: [],
  })
  assert.deepEqual(at('2025-12-01', 'on'), { changes: [], pendingDeletion: [] })
  assert.deepEqual(labelChanges(wanted, [], world, new Date('2026-02-01')), { changes: [], pendingDeletion: [] })
})

test('the labels of a repository are checked, planned, written and then unchanged', async () => {
  const { github, server, settings } = await startGitHub({
    repos: [
      { owner: 'my-org', name: 'web', labels: [{ name: 'LGTM', color: '15dd18' }, { name: 'mine' }, { name: 'old' }] },
    ],
  })
  const labels = parseLabels({
    displayName: 'labels.yaml',
    text: `default: {labels: [{name: lgtm, color: "15dd18"}, {name: new, color: "ffffff"}, {name: old, color: "ffffff", deleteAfter: 2020-01-01}]}`,
  })
  const [differs] = await checkLabels(github, settings, 'web', labels)
  assert.equal(differs?.message, 'labels of my-org/web differ from labels.yaml: LGTM, new')
  beginRun(settings, { plan: true })
  await updateLabels(github, settings, 'web', labels)
  assert.equal(outcomes()['labels of my-org/web'], 'would change')
  assert.ok(server.state.asked.every(({ method }) => method === 'GET'))
  beginRun(settings)
  const [pending] = await updateLabels(github, settings, 'web', labels)
  assert.equal(outcomes()['labels of my-org/web'], 'changed')
  assert.equal(pending?.outcome, 'warning')
  assert.equal(pending?.message, 'labels.yaml marks labels of my-org/web for deletion: old')
  assert.deepEqual(
    server.state.repos[0]!.labels.map(({ name }) => name),
    ['lgtm', 'mine', 'old', 'new'],
  )
  // The same run: what was written has dropped what was read.
  assert.deepEqual(await checkLabels(github, settings, 'web', labels), [])
  beginRun(settings)
  await updateLabels(github, settings, 'web', labels)
  assert.equal(outcomes()['labels of my-org/web'], 'unchanged')
})
