// Our rules compared with Prow's own checkconfig, which also checks our templates. Needs Go the first time; takes a minute or two.
//   npm run test:prow

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { passed } from '../../lib/base/problem.ts'
import { validateConfig } from '../../lib/prow/validate-config.ts'
import { buildCheckconfig } from '../../lib/rehearsal/go-build.ts'
import { newRun, setRun } from '../../lib/run/context.ts'
import { readSettings } from '../../lib/settings/settings.ts'
import { AGE, compare, HERE } from './compare.ts'

const checkconfig = await buildCheckconfig(() => {})

test('our rules refuse nothing that checkconfig accepts, except what this installation could not use', async () => {
  const results = await compare(checkconfig)
  const alone = results.filter((one) => one.theirs && !one.ours)
  const unfair = alone.filter((one) => !one.findings.some(HERE))
  assert.deepEqual(
    unfair.map(({ name, strict, findings }) => ({ name, strict, findings })),
    [],
  )
  for (const one of results) {
    // We accept what the module is too old for.
    if (AGE.has(one.name) && one.strict) assert.ok(!one.theirs && one.ours, one.name)
  }
  for (const strict of [true, false]) {
    const some = results.filter((one) => one.strict === strict)
    const count = (theirs: boolean, ours: boolean) => some.filter((one) => one.theirs === theirs && one.ours === ours)
    console.log(
      `${strict ? '--strict' : 'plain'}: both accept ${count(true, true).length}, both refuse ${count(false, false).length}, ours alone ${count(true, false).length} (of this installation), checkconfig alone ${count(false, true).length}: ${count(
        false,
        true,
      )
        .map(({ name }) => name)
        .join('; ')}`,
    )
    assert.ok(count(false, false).length > 100 && count(true, true).length > 80)
  }
})

test('our templates pass checkconfig --strict, whatever the settings', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'prow-templates-'))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'checkconfig'), `#!/bin/sh\nexec ${checkconfig} "$@"\n`, { mode: 0o755 })
  process.env.PATH = `${bin}:${process.env.PATH}`
  const base = { PROW_HOST: 'prow.example.com', GITHUB_ORG: 'my-org', LOG_BUCKET: 'logs' }
  const local = { ...base, TARGET: 'local', KUBECONFIG_FILE: 'k', KUBE_CONTEXT: 'c', IDENTITY: 'keys', INGRESS: 'none' }
  const eks = { ...base, TARGET: 'eks', AWS_ACCOUNT_ID: '123456789012', AWS_REGION: 'cn-north-1', CLUSTER_NAME: 'prow' }
  const accepts = async (values: NodeJS.ProcessEnv) => {
    const settings = readSettings(join(folder, '.env'), values)
    assert.ok(!existsSync(join(folder, 'config')))
    setRun(newRun(settings))
    const { findings } = await validateConfig(settings, 'machine')
    assert.deepEqual(findings, [passed('the checkconfig on PATH accepts the configuration')], JSON.stringify(values))
  }
  // Without quotes YAML 1.1 takes these for numbers and a bool.
  for (const GITHUB_ORG of ['123456', '1e3', 'no']) await accepts({ ...local, GITHUB_ORG })
  for (const target of [local, eks]) {
    for (const auth of [{ GITHUB_AUTH: 'pat' }, { GITHUB_AUTH: 'app', GITHUB_APP_ID: '7' }]) {
      for (const OAUTH of ['on', 'off']) {
        for (const PRIVATE_CLONES of ['on', 'off']) {
          await accepts({ ...target, ...auth, OAUTH, PRIVATE_CLONES })
        }
      }
    }
  }
  rmSync(folder, { recursive: true })
})
