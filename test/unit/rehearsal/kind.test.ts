import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import { kindName, requireDocker } from '../../../lib/rehearsal/kind.ts'
import { folder } from '../world.ts'

test('the kind clusters of two folders have two names', () => {
  assert.notEqual(kindName('/a'), kindName('/b'))
})

test('without Docker, or with one that does not answer, --kind is refused with what to do', async () => {
  const bin = folder()
  mkdirSync(join(bin, 'bin'))
  // zx starts every command by bash.
  for (const name of ['bash', 'sh']) symlinkSync(`/bin/${name}`, join(bin, 'bin', name))
  const path = process.env.PATH
  process.env.PATH = join(bin, 'bin')
  const rejects = (message: RegExp) =>
    assert.rejects(requireDocker(), (error) => {
      assert.ok(error instanceof Problem)
      assert.match(error.message, message)
      assert.match(error.findings[0]!.remedy, /leave out --kind/)
      return true
    })
  try {
    await rejects(/^Docker does not answer: docker is not installed, or not on PATH$/)
    writeFileSync(join(bin, 'bin', 'docker'), '#!/bin/sh\necho "Cannot connect to the Docker daemon" >&2; exit 1\n', {
      mode: 0o755,
    })
    await rejects(/^Docker does not answer: Cannot connect to the Docker daemon$/)
  } finally {
    process.env.PATH = path
  }
})
