import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspectLogUploads, losesLogs } from '../../../lib/prow/log-uploads.ts'
import { ROWS } from '../../../lib/settings/table.ts'
import { LOCAL, settings } from '../world.ts'

test('tags of 2026-08-08 and later lose logs of 5 MiB and more; the default and what is no date do not', () => {
  for (const tag of ['v20260808-0a8e0ea5f', 'v20260821-a61940897', 'v20270101-0123456789'])
    assert.ok(losesLogs(tag), tag)
  for (const tag of ['v20260807-0a8e0ea5f', ROWS.PROW_IMAGE_TAG.default, 'latest', 'v2026', 'my-v20260821-a'])
    assert.ok(!losesLogs(tag), tag)
})

test('such a tag in the settings is a warning with the tag that uploads them', () => {
  const [finding, ...rest] = inspectLogUploads(settings({ ...LOCAL, PROW_IMAGE_TAG: 'v20260821-a61940897' }))
  assert.match(finding!.message, /^PROW_IMAGE_TAG=v20260821-a61940897 loses logs of 5 MiB and more/)
  assert.equal(finding!.remedy, `Remove PROW_IMAGE_TAG from .env: ${ROWS.PROW_IMAGE_TAG.default} uploads them.`)
  assert.deepEqual([finding!.outcome, rest], ['warning', []])
  assert.deepEqual(inspectLogUploads(settings(LOCAL)), [])
})
