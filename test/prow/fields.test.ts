// lib/prow/rules/fields.json compared with Prow's own types: those of the version that it is for, where Go has its
// source, and those of the older version that the rehearsal runs.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf, fieldsOfRehearsal, missingIn, readFields, sourceOfVersion, VERSION } from './fields/fields.ts'

/** What the older version had and the newer one has not, or has as another type: fields of Kubernetes. */
const CHANGED = [
  'v1.ClaimSource.resourceClaimName',
  'v1.ClaimSource.resourceClaimTemplateName',
  'v1.PersistentVolumeClaimSpec.resources',
  'v1.PodResourceClaim.source',
]

test('the fields are those of the version that is installed by default', async () => {
  const known = readFields()
  assert.equal(known.version, VERSION)
  const source = await sourceOfVersion()
  console.log(
    source ? `compared with ${source}` : `no module proxy has ${VERSION}: compared with the older version only`,
  )
  const { roots, plugins, types } = known
  if (source) assert.deepEqual({ roots, plugins, types }, await fieldsOf(source))
})

test('what the older version has is known but for what was changed since', async () => {
  const older = await fieldsOfRehearsal()
  assert.deepEqual(older.roots, readFields().roots)
  assert.deepEqual(missingIn(older, readFields()), CHANGED)
})
