import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseSettings } from '../../../lib/settings/settings.ts'
import { ROWS } from '../../../lib/settings/table.ts'
import { EKS, folder, LOCAL, settings } from '../world.ts'

/** The problems with settings, as `message | remedy`. */
function problems(values: Record<string, string>): string[] {
  const lines = Object.entries(values).map(([name, value]) => `${name}="${value}"\n`)
  const file = join(folder({ '.env': lines.join('') }), '.env')
  return parseSettings(file, {}).problems.map(({ message, remedy }) => `${message} | ${remedy}`)
}

describe('refused by its form:', () => {
  const table: [Record<string, string>, RegExp][] = [
    [{ PROW_HOST: '' }, /^PROW_HOST is not set \| Set it in .*, e\.g\. PROW_HOST=prow\.example\.com/],
    [{ PROW_HOST: 'https://prow.example.com' }, /PROW_HOST=.*without https/],
    [{ PROW_HOST: 'Prow.Example.com' }, /PROW_HOST/],
    [{ PROW_HOST: 'prow' }, /PROW_HOST/],
    [{ LOG_BUCKET: 'My_Bucket' }, /LOG_BUCKET/],
    [{ LOG_BUCKET: 'with.dots' }, /LOG_BUCKET/],
    [{ GITHUB_ORG: 'a b' }, /GITHUB_ORG/],
    [{ GITHUB_REPOS: 'org/repo' }, /GITHUB_REPOS/],
    [{ GITHUB_REPOS: ',' }, /GITHUB_REPOS/],
    [{ GITHUB_API: 'https://api.github.com/' }, /GITHUB_API/],
    [{ GITHUB_API: 'api.github.com' }, /GITHUB_API/],
    [{ WAIT_SECONDS: '4' }, /must be from 5 to 3600 seconds/],
    [{ WAIT_SECONDS: '1e3' }, /whole number/],
    [{ GHPROXY_STORAGE_GI: '1' }, /GHPROXY_STORAGE_GI/],
    [{ OAUTH: 'true' }, /must be on or off/],
    [{ TARGET: 'gke' }, /must be eks or local/],
    [{ INGRESS: 'traefik' }, /must be alb, nginx or none/],
    [{ PROW_IMAGE_TAG: 'v1:2' }, /PROW_IMAGE_TAG/],
    [{ PROW_IMAGE_REGISTRY: 'https://registry.example.com' }, /PROW_IMAGE_REGISTRY/],
    [{ HTTPS_PORT: '0' }, /must be a port from 1 to 65535/],
    [{ HTTP_PORT: '65536' }, /must be a port from 1 to 65535, or off/],
    [{ GITHUB_AUTH: 'app' }, /GITHUB_APP_ID is not set/],
    [{ GITHUB_APP_ID: '0' }, /GITHUB_APP_ID/],
    [{ HOOK_CIDRS: '10.0.0.0' }, /HOOK_CIDRS=10\.0\.0\.0 must be CIDRs/],
    [{ HOOK_CIDRS: '999.1.1.1/99' }, /HOOK_CIDRS=999\.1\.1\.1\/99 must be CIDRs/],
    [{ HOOK_CIDRS: '192.30.252.0/22,185.199.108.0/33' }, /HOOK_CIDRS/],
    // Taken for an empty list it would open /hook to everybody.
    [{ HOOK_CIDRS: ',' }, /HOOK_CIDRS/],
    [{ DECK_ACCESS: 'everyone' }, /must be internal, public, or CIDRs/],
    [{ DECK_ACCESS: '0.0.0.0/00' }, /DECK_ACCESS/],
    [{ DECK_ACCESS: '999.1.1.1/99' }, /DECK_ACCESS/],
    [{ DECK_ACCESS: 'internal,10.0.0.0/8' }, /DECK_ACCESS/],
    [{ DECK_ACCESS: ',' }, /DECK_ACCESS/],
  ]
  for (const [values, expected] of table) {
    test(JSON.stringify(values), () => {
      const found = problems({ ...LOCAL, ...values })
      assert.equal(found.length, 1, found.join('\n'))
      assert.match(found[0]!, expected)
    })
  }
})

describe('refused together with others:', () => {
  const long = 'c'.repeat(36)
  const table: [Record<string, string>, RegExp][] = [
    [{ ...LOCAL, INGRESS: 'alb' }, /^INGRESS=alb needs TARGET=eks \| In .*\.env, set INGRESS=nginx or INGRESS=none/],
    [{ ...LOCAL, IDENTITY: 'irsa' }, /^IDENTITY=irsa needs TARGET=eks \| In .*\.env, set IDENTITY=keys/],
    [{ ...EKS, OBJECT_STORE: 'on' }, /^OBJECT_STORE=on needs TARGET=local \|/],
    [{ ...EKS, CLUSTER_NAME: long }, /^CLUSTER_NAME=c+ is too long .* \| In .*\.env, set ROLE_PREFIX/],
    [{ ...EKS, HTTP_PORT: '8443', HTTPS_PORT: '8443' }, /^HTTP_PORT=8443 is HTTPS_PORT as well/],
    [{ ...LOCAL, PROW_IMAGE_REGISTRY: 'gcr.io/k8s-prow' }, /^PROW_IMAGE_REGISTRY=gcr\.io\/k8s-prow was shut down/],
  ]
  for (const [values, expected] of table) {
    test(String(expected), () => {
      const found = problems(values)
      assert.equal(found.length, 1, found.join('\n'))
      assert.match(found[0]!, expected)
    })
  }

  test('nothing that goes together', () => {
    assert.deepEqual(problems({ ...EKS, INGRESS: 'alb', IDENTITY: 'irsa' }), [])
    assert.deepEqual(problems({ ...LOCAL, OBJECT_STORE: 'on' }), [])
    assert.deepEqual(problems({ ...EKS, CLUSTER_NAME: long, ROLE_PREFIX: 'prow' }), [])
    assert.deepEqual(problems({ ...EKS, CLUSTER_NAME: long.slice(1) }), [])
    assert.deepEqual(problems({ ...EKS, HTTP_PORT: 'off', HTTPS_PORT: '80' }), [])
  })
})

test('the settings of a target are required for that target only', () => {
  assert.equal(problems({ ...EKS, AWS_ACCOUNT_ID: '', AWS_REGION: '', CLUSTER_NAME: '' }).length, 3)
  assert.match(problems({ ...EKS, AWS_ACCOUNT_ID: '123' })[0]!, /12 digits/)
  assert.deepEqual(problems(LOCAL), [])
})

test('DECK_ACCESS is internal, public or CIDRs, and CIDRs that cover everything are public', () => {
  const access = (DECK_ACCESS: string) => settings({ ...LOCAL, DECK_ACCESS }).DECK_ACCESS
  assert.deepEqual(settings(LOCAL).DECK_ACCESS, { kind: 'internal', cidrs: [] })
  assert.deepEqual(access('internal'), { kind: 'internal', cidrs: [] })
  assert.deepEqual(access('10.0.0.0/8, 2001:db8::/32'), { kind: 'cidrs', cidrs: ['10.0.0.0/8', '2001:db8::/32'] })
  for (const text of ['public', '0.0.0.0/0', '::/0', '0.0.0.0/1,128.0.0.0/1', '10.0.0.0/8,0.0.0.0/0'])
    assert.deepEqual(access(text), { kind: 'public', cidrs: [] }, text)
})

test('every row has a description that ends as a sentence, and one that must be set has an example', () => {
  for (const [name, row] of Object.entries(ROWS)) {
    assert.match(row.description, /^\S.*[^.]\.$/, name)
    if ('required' in row) assert.ok(row.example, name)
    if ('default' in row) assert.ok('value' in row.type(row.default), name)
    if ('example' in row) assert.ok(name === 'CERTIFICATE_ARN' || 'value' in row.type(row.example), name)
  }
})
