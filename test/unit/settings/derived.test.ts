import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deckAccessText, partition, prowUrl, roleArn, roleName, templateValues } from '../../../lib/settings/derived.ts'
import { EKS, LOCAL, settings } from '../world.ts'

test('every value for templates is a text, of settings as they are written', () => {
  const values = templateValues(
    settings({ ...EKS, GITHUB_REPOS: 'a, b', DECK_ACCESS: '10.0.0.0/8, 192.168.0.0/16', HTTPS_PORT: '8443' }),
  )
  for (const [name, value] of Object.entries(values)) {
    assert.equal(typeof value, 'string', name)
    assert.doesNotMatch(value, /\[object|undefined/, name)
  }
  assert.equal(values.GITHUB_REPOS, 'a,b')
  assert.equal(values.DECK_ACCESS, '10.0.0.0/8,192.168.0.0/16')
  assert.equal(values.HTTPS_PORT, '8443')
  assert.equal(templateValues(settings(LOCAL)).DECK_ACCESS, 'internal')
})

test('DECK_ACCESS is shown as it is written', () => {
  assert.equal(deckAccessText(settings({ ...LOCAL, DECK_ACCESS: 'public' })), 'public')
  assert.equal(deckAccessText(settings({ ...LOCAL, DECK_ACCESS: '10.0.0.0/8' })), '10.0.0.0/8')
})

test('images follow the mirror, except those of Prow', () => {
  const mirrored = templateValues(settings({ ...LOCAL, IMAGE_MIRROR: 'mirror.example.com/m' }))
  assert.equal(mirrored.IMAGE_PUSHGATEWAY, 'mirror.example.com/m/prom/pushgateway:v1.11.1')
  assert.match(mirrored.LABEL_SYNC_IMAGE!, /^mirror\.example\.com\/m\/k8s-staging-test-infra\/label_sync:/)
  assert.equal(mirrored.PROW_IMAGE_REGISTRY, 'us-docker.pkg.dev/k8s-infra-prow/images')
  assert.equal(templateValues(settings(LOCAL)).IMAGE_PUSHGATEWAY, 'docker.io/prom/pushgateway:v1.11.1')
})

test('roles and pages of AWS are in the partition of the region', () => {
  assert.equal(partition('cn-northwest-1'), 'aws-cn')
  assert.equal(partition('us-gov-west-1'), 'aws-us-gov')
  assert.equal(partition('eu-central-1'), 'aws')
  const china = templateValues(settings({ ...EKS, AWS_REGION: 'cn-north-1' }))
  assert.equal(china.PROW_ROLE_ARN, 'arn:aws-cn:iam::123456789012:role/prow-prow-controllers')
  assert.match(china.S3_CONSOLE!, /amazonaws\.cn/)
  assert.equal(templateValues(settings(LOCAL)).S3_CONSOLE, '')
})

test('roles begin with ROLE_PREFIX, else with the name of the cluster', () => {
  assert.equal(roleName(settings(EKS), 'prow-jobs'), 'prow-prow-jobs')
  const prefixed = settings({ ...EKS, ROLE_PREFIX: 'ci' })
  assert.equal(roleName(prefixed, 'prow-jobs'), 'ci-prow-jobs')
  assert.equal(roleArn(prefixed, 'x'), 'arn:aws:iam::123456789012:role/x')
})

test('the URL of Prow has a port only on EKS, where the load balancer is of the runbook', () => {
  assert.equal(prowUrl(settings(EKS)), 'https://prow.example.com')
  assert.equal(prowUrl(settings({ ...EKS, HTTPS_PORT: '8443' })), 'https://prow.example.com:8443')
  assert.equal(prowUrl(settings({ ...LOCAL, HTTPS_PORT: '8443' })), 'https://prow.example.com')
})

test('the cache of ghproxy leaves room on its volume', () => {
  assert.equal(templateValues(settings({ ...LOCAL, GHPROXY_STORAGE_GI: '5' })).GHPROXY_CACHE_GB, '4')
})

test('GraphQL of GitHub Enterprise Server is not below the REST base', () => {
  const graphql = (GITHUB_API: string) => templateValues(settings({ ...LOCAL, GITHUB_API })).GITHUB_GRAPHQL
  assert.equal(graphql('https://ghe.example.com/api/v3'), 'https://ghe.example.com/api/graphql')
  assert.equal(graphql('https://api.github.com'), 'http://ghproxy/graphql')
})

test('label_sync gets full names of repositories, or the organization', () => {
  assert.equal(templateValues(settings({ ...LOCAL, GITHUB_REPOS: 'a,b' })).LABEL_SYNC_SCOPE, '--only=my-org/a,my-org/b')
  assert.equal(templateValues(settings(LOCAL)).LABEL_SYNC_SCOPE, '--orgs=my-org')
})

test('Prow reads the token of the App, else that of the bot', () => {
  assert.equal(templateValues(settings(LOCAL)).GITHUB_SECRET, 'oauth-token')
  assert.equal(
    templateValues(settings({ ...LOCAL, GITHUB_AUTH: 'app', GITHUB_APP_ID: '1' })).GITHUB_SECRET,
    'github-token',
  )
})
