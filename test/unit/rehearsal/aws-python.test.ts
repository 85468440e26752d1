import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { missingPrerequisite } from '../../../lib/rehearsal/aws-python.ts'
import { folder } from '../world.ts'

const PATH = process.env.PATH
afterEach(() => {
  process.env.PATH = PATH
})

/** Has only these programs on PATH, with bash, by which commands are started. */
function onlyPath(programs: Record<string, string>): void {
  const dir = folder({ bash: '#!/bin/sh\nexec /bin/bash "$@"\n', ...programs })
  for (const name of ['bash', ...Object.keys(programs)]) chmodSync(join(dir, name), 0o755)
  process.env.PATH = dir
}

const python = (version: string, venv: number) =>
  `#!/bin/sh\nif [ "$1" = --version ]; then echo Python ${version}; else exit ${venv}; fi\n`

test('the emulator needs aws, and Python 3.10 with venv', async () => {
  onlyPath({})
  assert.equal(await missingPrerequisite(), 'aws is not on PATH')
  onlyPath({ aws: '' })
  assert.equal(await missingPrerequisite(), 'python3 is not on PATH')
  onlyPath({ aws: '', python3: python('3.9.7', 0) })
  assert.equal(await missingPrerequisite(), 'python3 is older than 3.10')
  onlyPath({ aws: '', python3: python('3.12.1', 1) })
  assert.match((await missingPrerequisite())!, /^python3 lacks venv/)
  onlyPath({ aws: '', python3: python('3.10.0', 0) })
  assert.equal(await missingPrerequisite(), undefined)
})
