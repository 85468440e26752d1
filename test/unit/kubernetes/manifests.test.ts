import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { load } from 'js-yaml'
import { ROOT } from '../../../lib/base/paths.ts'
import { Problem } from '../../../lib/base/problem.ts'
import {
  fillTemplate,
  type Manifest,
  manifests,
  manifestsWith,
  splitDocuments,
} from '../../../lib/kubernetes/manifests.ts'
import { mountedSecrets } from '../../../lib/prow/checks.ts'
import { readProwConfig } from '../../../lib/prow/config.ts'
import { ingressResources } from '../../../lib/prow/ingress.ts'
import { partition, templateValues } from '../../../lib/settings/derived.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { EKS, LOCAL, settings } from '../world.ts'

// biome-ignore lint/suspicious/noExplicitAny: objects of the cluster, of every kind
type Any = any

const FOLDERS = readdirSync(join(ROOT, 'manifests')).filter((name) => !['config', 'ingress', 'storage'].includes(name))

/** All combinations of the settings that manifests look at. */
function combinations(): Settings[] {
  const choices: Record<string, string>[][] = [
    [{}, { GITHUB_AUTH: 'app', GITHUB_APP_ID: '4711' }],
    [{ OAUTH: 'on' }, { OAUTH: 'off' }],
    [{ POD_SECURITY: 'restricted' }, { POD_SECURITY: 'baseline' }],
    [{ PRIVATE_CLONES: 'on' }, { PRIVATE_CLONES: 'off' }],
    [{ NGINX_ADMISSION: 'on' }, { NGINX_ADMISSION: 'off' }],
    [
      {
        IMAGE_MIRROR: 'mirror.example.com/x',
        GITHUB_API: 'https://ghe.example.com/api/v3',
        GITHUB_HOST: 'ghe.example.com',
      },
      { GITHUB_REPOS: 'a,b' },
    ],
  ]
  const all = choices.reduce<Record<string, string>[]>(
    (some, choice) => some.flatMap((one) => choice.map((more) => ({ ...one, ...more }))),
    [{}],
  )
  const targets = [LOCAL, { ...LOCAL, OBJECT_STORE: 'on' }, EKS, { ...EKS, IDENTITY: 'keys', AWS_REGION: 'cn-north-1' }]
  return targets.flatMap((target) => all.map((one) => settings({ ...target, ...one })))
}

const ALL = combinations()

const CERTIFICATE = 'arn:aws:acm:eu-central-1:123456789012:certificate/1b2c'

/** What the settings alone fill, and what steps find out besides: there are two ways to some, of which this is one. */
const everything = (one: Settings) => [
  ...manifests(one, ...FOLDERS, 'ingress/nginx.yaml', 'storage/gp3.yaml'),
  ...manifestsWith(one, { CONTROLLER_ROLE_ARN: 'arn:aws:iam::123456789012:role/x' }, 'ingress/controller-account.yaml'),
  ...ingressResources(one, { by: 'auto' }, CERTIFICATE).flatMap((thing) => thing.manifests),
]

/** The other. */
const otherwise = (one: Settings) => [
  ...manifests(one, 'storage/gp3-auto.yaml'),
  ...ingressResources(one, { by: 'controller', class: 'alb', managed: true }, CERTIFICATE).flatMap(
    (thing) => thing.manifests,
  ),
]

const find = (all: Manifest[], kind: string, name: string, namespace?: string): Any =>
  all.find(
    ({ object: o }) =>
      o.kind === kind && o.metadata.name === name && (!namespace || o.metadata.namespace === namespace),
  )?.object

/** The pod specification of what makes pods. */
function podSpec({ object }: Manifest): Any {
  const { kind, spec } = object as Any
  if (kind === 'Deployment' || kind === 'Job') return spec.template.spec
  return kind === 'CronJob' ? spec.jobTemplate.spec.template.spec : undefined
}

test('every place is filled, whatever the settings', () => {
  assert.ok(ALL.length >= 256)
  for (const one of ALL) {
    for (const { text, object } of [...everything(one), ...otherwise(one)]) {
      assert.doesNotMatch(text, /\$\{|# when |undefined|\bnull\b/, `${object.kind} ${object.metadata.name}`)
    }
    const config = readProwConfig(one)
    for (const { text } of [config.config, config.plugins, config.labels, ...config.jobs.values()]) {
      assert.doesNotMatch(text, /\$\{|# when |undefined/)
      load(text)
    }
  }
})

test('a group of load balancers has a name that the controller takes, whatever the cluster is called', () => {
  for (const CLUSTER_NAME of ['prow', 'My_Cluster_', `${'a'.repeat(57)}-b`, 'a--']) {
    const one = settings({ ...EKS, CLUSTER_NAME, ROLE_PREFIX: 'prow', DECK_ACCESS: 'public' })
    const all = ingressResources(one, { by: 'controller', class: 'alb', managed: true }, CERTIFICATE)
    const hook = find(
      all.flatMap((thing) => thing.manifests),
      'Ingress',
      'prow-hook',
    )
    assert.match(
      hook.metadata.annotations['alb.ingress.kubernetes.io/group.name'],
      /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/,
      CLUSTER_NAME,
    )
  }
})

test('every object carries the label, and none is there twice', () => {
  for (const one of [ALL[0]!, ALL.at(-1)!]) {
    const names = everything(one).map(({ object }) => {
      assert.equal(object.metadata.labels?.['app.kubernetes.io/managed-by'], 'prow-runbook', object.metadata.name)
      return `${object.kind} ${object.metadata.namespace ?? ''} ${object.metadata.name}`
    })
    assert.equal(new Set(names).size, names.length)
  }
})

// Verbs by resource and namespace, as Prow's own sources ask for them.
const RIGHTS: Record<string, Record<'prow' | 'test-pods', Record<string, string>>> = {
  hook: { prow: { prowjobs: 'create get list update', configmaps: 'create get update' }, 'test-pods': {} },
  deck: { prow: { prowjobs: 'create get list patch watch' }, 'test-pods': { 'pods/log': 'get' } },
  tide: { prow: { prowjobs: 'create get list watch' }, 'test-pods': {} },
  horologium: { prow: { prowjobs: 'create list watch' }, 'test-pods': {} },
  sinker: {
    prow: {
      prowjobs: 'delete get list watch',
      leases: 'create',
      'leases prow-sinker-leaderlock': 'get update',
      events: 'create',
    },
    'test-pods': { pods: 'delete get list patch watch' },
  },
  'prow-controller-manager': {
    prow: {
      prowjobs: 'get list patch update watch',
      leases: 'create',
      'leases prow-controller-manager-leader-lock': 'get update',
      events: 'create',
    },
    'test-pods': { pods: 'create delete get list patch watch' },
  },
  crier: { prow: { prowjobs: 'get list patch watch' }, 'test-pods': { pods: 'get list patch', events: 'get list' } },
  statusreconciler: { prow: { prowjobs: 'create' }, 'test-pods': {} },
}

const GROUPS: Record<string, string> = { prowjobs: 'prow.k8s.io', leases: 'coordination.k8s.io' }

describe('what a component may do', () => {
  const all = manifests(settings({ ...LOCAL, OAUTH: 'on' }), ...FOLDERS.filter((name) => name !== 'ingress-nginx'))

  for (const [name, spaces] of Object.entries(RIGHTS)) {
    for (const [namespace, wanted] of Object.entries(spaces)) {
      test(`${name} in ${namespace}`, () => {
        const role = find(all, 'Role', name, namespace)
        const rights = Object.fromEntries(
          (role?.rules ?? []).flatMap(({ apiGroups, resources, resourceNames, verbs }: Any) =>
            resources.map((resource: string) => {
              assert.deepEqual(apiGroups, [GROUPS[resource] ?? ''])
              return [[resource, ...(resourceNames ?? [])].join(' '), [...verbs].sort().join(' ')]
            }),
          ),
        )
        assert.deepEqual(rights, wanted)
        if (!role) return
        const binding = find(all, 'RoleBinding', name, namespace)
        assert.deepEqual(binding.subjects, [{ kind: 'ServiceAccount', namespace: 'prow', name }])
        assert.deepEqual(binding.roleRef, { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name })
      })
    }
  }

  test('there are no others, and none in the whole cluster', () => {
    const roles = all.filter(({ object }) => object.kind === 'Role').map(({ object }) => object.metadata.name)
    assert.deepEqual([...new Set(roles)].sort(), Object.keys(RIGHTS).sort())
    assert.deepEqual(all.filter(({ object }) => object.kind.startsWith('ClusterRole')).length, 0)
  })

  test('Deck may not start jobs when nobody logs in', () => {
    const off = manifests(settings({ ...LOCAL, OAUTH: 'off' }), 'deck')
    assert.deepEqual(find(off, 'Role', 'deck', 'prow').rules[0].verbs, ['get', 'list', 'watch'])
  })
})

test('what is mounted of Secrets is what 03-secrets makes, in the same namespace', () => {
  for (const one of ALL) {
    // What is only made when its switch is on.
    const used = FOLDERS.filter(
      (name) =>
        !['ingress-nginx', ...(one.OBJECT_STORE === 'on' ? [] : ['object-store'])].includes(name) &&
        (name !== 'labels' || one.GITHUB_AUTH === 'pat'),
    )
    const mounted = new Set<string>()
    for (const made of manifests(one, ...used)) {
      const spec = podSpec(made)
      if (!spec) continue
      const { namespace } = made.object.metadata
      const names = [
        ...(spec.volumes ?? []).map(({ secret }: Any) => secret?.secretName),
        ...[...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ env, envFrom }: Any) => [
          ...(env ?? []).map(({ valueFrom }: Any) => valueFrom?.secretKeyRef?.name),
          ...(envFrom ?? []).map(({ secretRef }: Any) => secretRef?.name),
        ]),
      ].filter(Boolean)
      for (const name of names) mounted.add(`${namespace}/${name}`)
    }
    // The pods of jobs get theirs from config.yaml.
    const entry = (load(readProwConfig(one).config.text) as Any).plank.default_decoration_config_entries[0].config
    mounted.add(`test-pods/${entry.s3_credentials_secret}`)
    if (entry.oauth_token_secret) mounted.add(`test-pods/${entry.oauth_token_secret.name}`)
    const made = mountedSecrets(one).map(({ namespace, secret }) => `${namespace}/${secret}`)
    if (one.OBJECT_STORE === 'on') made.push('prow/object-store')
    assert.deepEqual([...mounted].sort(), [...new Set(made)].sort())
  }
})

test('under POD_SECURITY=restricted no pod of ours is root, and none may become it', () => {
  const one = settings({ ...LOCAL, OBJECT_STORE: 'on', POD_SECURITY: 'restricted' })
  for (const made of manifests(one, ...FOLDERS.filter((name) => name !== 'ingress-nginx'))) {
    const spec = podSpec(made)
    if (!spec) continue
    const { name } = made.object.metadata
    assert.equal(spec.securityContext.runAsNonRoot, true, name)
    assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault', name)
    for (const container of spec.containers) {
      assert.equal(container.securityContext.allowPrivilegeEscalation, false, name)
      assert.deepEqual(container.securityContext.capabilities.drop, ['ALL'], name)
      assert.ok(container.resources?.limits?.memory, name)
    }
  }
})

describe('places', () => {
  test('images follow the mirror, Prow its registry and tag', () => {
    const of = templateValues(settings({ ...LOCAL, IMAGE_MIRROR: 'mirror.example.com/m' }))
    assert.equal(of.IMAGE_PUSHGATEWAY, 'mirror.example.com/m/prom/pushgateway:v1.11.1')
    assert.equal(templateValues(settings(LOCAL)).IMAGE_PUSHGATEWAY, 'docker.io/prom/pushgateway:v1.11.1')
  })

  test('roles and pages of AWS are of the partition of the region', () => {
    assert.equal(partition('cn-northwest-1'), 'aws-cn')
    assert.equal(partition('us-gov-west-1'), 'aws-us-gov')
    assert.equal(partition('eu-central-1'), 'aws')
    const china = templateValues(settings({ ...EKS, AWS_REGION: 'cn-north-1' }))
    assert.match(china.PROW_ROLE_ARN!, /^arn:aws-cn:iam::123456789012:role\//)
    assert.match(china.S3_CONSOLE!, /amazonaws\.cn/)
  })

  test('the cache of ghproxy leaves room on its volume', () => {
    assert.equal(templateValues(settings({ ...LOCAL, GHPROXY_STORAGE_GI: '5' })).GHPROXY_CACHE_GB, '4')
  })

  test('GraphQL of GitHub Enterprise is not below the REST base', () => {
    const of = (GITHUB_API: string) => templateValues(settings({ ...LOCAL, GITHUB_API })).GITHUB_GRAPHQL
    assert.equal(of('https://ghe.example.com/api/v3'), 'https://ghe.example.com/api/graphql')
    assert.equal(of('https://api.github.com'), 'http://ghproxy/graphql')
  })
})

describe('fill', () => {
  const values = { A: 'one', OFF: 'off', EMPTY: '', MODE: 'x' }

  test('fills places, and keeps a line when what it says is so', () => {
    assert.equal(fillTemplate('${A}-${A}', values, 'f'), 'one-one')
    assert.equal(fillTemplate('a # when A\nb # when OFF\nc # when EMPTY\nd', values, 'f'), 'a\nd')
    assert.equal(
      fillTemplate('  a: ${A} # when MODE=x\n  b # when MODE=y\n  c # when MODE!=y', values, 'f'),
      '  a: one\n  c',
    )
    assert.equal(fillTemplate('$(A) {{.A}} $A', values, 'f'), '$(A) {{.A}} $A')
  })

  test('a value is not filled again', () => {
    assert.equal(fillTemplate('${A}', { A: '${B}' }, 'f'), '${B}')
  })

  test('names every place that nothing fills, with the file', () => {
    assert.throws(
      () => fillTemplate('${NO} ${A} x # when NEITHER', values, 'dir/f.yaml'),
      (error) => error instanceof Problem && /^dir\/f\.yaml.*NEITHER/.test(error.message),
    )
  })
})

test('documents are taken apart as text: what a parser would change stays', () => {
  const text =
    '# top\na: 1\n---\n# only words\n---\napiVersion: v1\nkind: A\nmetadata: {name: x}\nmode: 0644\nyes: yes\n'
  const all = splitDocuments(text, 'f')
  assert.equal(all.length, 2)
  assert.match(all[1]!.text, /mode: 0644\nyes: yes/)
  assert.equal((all[1]!.object as Any).mode, 0o644)
})
