import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { load, loadAll } from 'js-yaml'
import { displayPath, ROOT } from '../../../lib/base/paths.ts'
import { Problem } from '../../../lib/base/problem.ts'
import {
  fillTemplate,
  type Manifest,
  managedLabels,
  manifests,
  manifestsWith,
  secret,
  splitDocuments,
} from '../../../lib/kubernetes/manifests.ts'
import { readProwConfig } from '../../../lib/prow/config.ts'
import { ingressResources } from '../../../lib/prow/ingress.ts'
import { mountedSecrets } from '../../../lib/prow/mounted-secrets.ts'
import { checkConfiguration } from '../../../lib/prow/rules/index.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { EKS, LOCAL, settings } from '../world.ts'

// biome-ignore lint/suspicious/noExplicitAny: objects of the cluster, of every kind
type Any = any

const FOLDERS = readdirSync(join(ROOT, 'manifests')).filter(
  (name) => !['aws', 'config', 'ingress', 'storage'].includes(name),
)

/** All combinations of the settings that manifests depend on. */
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

/** Every object that some settings result in, except for the variants of `alternatives`. */
const everything = (one: Settings) => [
  ...manifests(one, ...FOLDERS, 'ingress/nginx.yaml', 'storage/gp3.yaml'),
  ...manifestsWith(one, { CONTROLLER_ROLE_ARN: 'arn:aws:iam::123456789012:role/x' }, 'ingress/controller-account.yaml'),
  ...ingressResources(one, { kind: 'auto' }, CERTIFICATE).flatMap((resource) => resource.manifests),
]

const alternatives = (one: Settings) => [
  ...manifests(one, 'storage/gp3-auto.yaml'),
  ...ingressResources(one, { kind: 'installed', class: 'alb', managed: true }, CERTIFICATE).flatMap(
    (resource) => resource.manifests,
  ),
]

const find = (all: Manifest[], kind: string, name: string, namespace?: string): Any =>
  all.find(
    ({ object: o }) =>
      o.kind === kind && o.metadata.name === name && (!namespace || o.metadata.namespace === namespace),
  )?.object

/** The pod specification of a Deployment, Job or CronJob. */
function podSpec({ object }: Manifest): Any {
  const { kind, spec } = object as Any
  if (kind === 'Deployment' || kind === 'Job') return spec.template.spec
  return kind === 'CronJob' ? spec.jobTemplate.spec.template.spec : undefined
}

/** The lines of the templates of Prow's configuration, by display name. */
const TEMPLATES = new Map(
  (readdirSync(join(ROOT, 'manifests/config'), { recursive: true }) as string[])
    .filter((path) => path.endsWith('.yaml'))
    .map((path) => join(ROOT, 'manifests/config', path))
    .map((path) => [displayPath(path), readFileSync(path, 'utf8').split('\n')]),
)

const columnOf = (line: string) => line.search(/\S|$/)

test('every place is filled, whatever the settings', () => {
  assert.ok(ALL.length >= 256)
  for (const one of ALL) {
    for (const { text, object } of [...everything(one), ...alternatives(one)]) {
      assert.doesNotMatch(text, /\$\{|# when |undefined|\bnull\b/, `${object.kind} ${object.metadata.name}`)
    }
    const config = readProwConfig(one)
    for (const { text, displayName } of [config.config, config.plugins, config.labels!, ...config.jobs.values()]) {
      assert.doesNotMatch(text, /\$\{|# when |undefined/)
      load(text)
      // A problem with a template has the line that the reader finds in the file.
      const template = TEMPLATES.get(displayName)!
      for (const [line, content] of text.split('\n').entries())
        assert.ok(content === '' || columnOf(content) === columnOf(template[line]!), `${displayName}:${line + 1}`)
    }
  }
})

test('a group of load balancers has a valid name, whatever the name of the cluster', () => {
  for (const CLUSTER_NAME of ['prow', 'My_Cluster_', `${'a'.repeat(57)}-b`, 'a--']) {
    const one = settings({ ...EKS, CLUSTER_NAME, ROLE_PREFIX: 'prow', DECK_ACCESS: 'public' })
    const hook = find(alternatives(one), 'Ingress', 'prow-hook')
    assert.match(
      hook.metadata.annotations['alb.ingress.kubernetes.io/group.name'],
      /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/,
      CLUSTER_NAME,
    )
  }
})

/** The step that applies the manifests of a folder; 08-prow those of all others. */
const STEPS: Record<string, string> = {
  namespaces: '02-namespaces',
  crd: '04-crd',
  'service-accounts': '05-service-accounts',
  storage: '07-ebs-csi',
  pushgateway: '09-pushgateway',
  labels: '10-labels',
  ingress: '11-ingress',
  'ingress-nginx': '11-ingress',
}

test('every object has the labels of the runbook and of the step that applies it, and no pod or selector has', () => {
  const check = ({ object }: Manifest, step: string) => {
    const { labels, ...rest } = object.metadata
    for (const [label, value] of Object.entries(managedLabels(step)))
      assert.equal(labels?.[label], value, `${object.kind} ${object.metadata.name}`)
    assert.doesNotMatch(JSON.stringify({ ...object, metadata: rest }), /prow-runbook\/step|managed-by/)
  }
  for (const one of [ALL[0]!, ALL.at(-1)!]) {
    for (const folder of [...FOLDERS, 'storage'])
      for (const item of manifests(one, folder)) check(item, STEPS[folder] ?? '08-prow')
    const ingress = [...everything(one), ...alternatives(one)].filter(
      ({ object: { kind, metadata } }) =>
        ['Ingress', 'IngressClass', 'IngressClassParams'].includes(kind) ||
        metadata.name === 'aws-load-balancer-controller',
    )
    assert.ok(ingress.length >= 8)
    for (const item of ingress) check(item, '11-ingress')
  }
  check(secret('prow', 'hmac-token', {}), '03-secrets')
})

test('no object is there twice', () => {
  for (const one of [ALL[0]!, ALL.at(-1)!]) {
    const names = everything(one).map(
      ({ object: { kind, metadata } }) => `${kind} ${metadata.namespace ?? ''} ${metadata.name}`,
    )
    assert.equal(new Set(names).size, names.length)
  }
})

test('an organization of digits passes the checks of the configuration', () => {
  for (const GITHUB_ORG of ['12345', '0644', '1e3', 'on', 'null', 'my-org']) {
    const one = settings({ ...LOCAL, GITHUB_ORG })
    assert.deepEqual(checkConfiguration(readProwConfig(one), one), [], GITHUB_ORG)
    const config = load(readProwConfig(one).config.text) as Any
    assert.deepEqual(config.tide.queries[0].orgs, [GITHUB_ORG])
    assert.deepEqual(config.tide.merge_method, { [GITHUB_ORG]: 'squash' })
    assert.deepEqual(config.deck.default_rerun_auth_configs[0].rerun_auth_configs.github_orgs, [GITHUB_ORG])
    const plugins = load(readProwConfig(one).plugins.text) as Any
    assert.deepEqual(Object.keys(plugins.plugins), [GITHUB_ORG])
    for (const entry of [...plugins.triggers, ...plugins.approve, ...plugins.lgtm])
      assert.deepEqual(entry.repos, [GITHUB_ORG])
  }
})

test('names that consist of digits stay texts', () => {
  const one = settings({ ...LOCAL, STORAGE_CLASS: '123', PROW_HOST: '1.2' })
  assert.equal(find(manifests(one, 'ghproxy'), 'PersistentVolumeClaim', 'ghproxy').spec.storageClassName, '123')
  assert.equal(find(manifests(one, 'ingress/nginx.yaml'), 'Ingress', 'prow').spec.rules[0].host, '1.2')
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

test('the Secrets that pods mount are those that 03-secrets creates, in the same namespace', () => {
  for (const one of ALL) {
    // Applied only when their setting is on.
    const used = FOLDERS.filter(
      (name) =>
        !['ingress-nginx', ...(one.OBJECT_STORE === 'on' ? [] : ['object-store'])].includes(name) &&
        (name !== 'labels' || one.GITHUB_AUTH === 'pat'),
    )
    const mounted = new Set<string>()
    for (const item of manifests(one, ...used)) {
      const spec = podSpec(item)
      if (!spec) continue
      const { namespace } = item.object.metadata
      const names = [
        ...(spec.volumes ?? []).map(({ secret }: Any) => secret?.secretName),
        ...[...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ env, envFrom }: Any) => [
          ...(env ?? []).map(({ valueFrom }: Any) => valueFrom?.secretKeyRef?.name),
          ...(envFrom ?? []).map(({ secretRef }: Any) => secretRef?.name),
        ]),
      ].filter(Boolean)
      for (const name of names) mounted.add(`${namespace}/${name}`)
    }
    // Job pods get theirs from config.yaml.
    const entry = (load(readProwConfig(one).config.text) as Any).plank.default_decoration_config_entries[0].config
    mounted.add(`test-pods/${entry.s3_credentials_secret}`)
    if (entry.oauth_token_secret) mounted.add(`test-pods/${entry.oauth_token_secret.name}`)
    const created = mountedSecrets(one).map(({ namespace, secret }) => `${namespace}/${secret}`)
    if (one.OBJECT_STORE === 'on') created.push('prow/object-store')
    assert.deepEqual([...mounted].sort(), [...new Set(created)].sort())
  }
})

test('under POD_SECURITY=restricted no pod of the runbook runs as root or can gain its privileges', () => {
  const one = settings({ ...LOCAL, OBJECT_STORE: 'on', POD_SECURITY: 'restricted' })
  for (const item of manifests(one, ...FOLDERS.filter((name) => name !== 'ingress-nginx'))) {
    const spec = podSpec(item)
    if (!spec) continue
    const { name } = item.object.metadata
    assert.equal(spec.securityContext.runAsNonRoot, true, name)
    assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault', name)
    for (const container of spec.containers) {
      assert.equal(container.securityContext.allowPrivilegeEscalation, false, name)
      assert.deepEqual(container.securityContext.capabilities.drop, ['ALL'], name)
      assert.ok(container.resources?.limits?.memory, name)
    }
  }
})

describe('fillTemplate', () => {
  const VALUES = { A: 'one', OFF: 'off', EMPTY: '', MODE: 'x', B: '${A}' }
  const fill = (text: string) => fillTemplate(text, VALUES, 'dir/f.yaml')

  test('fills places, and leaves other dollars alone', () => {
    assert.equal(fill('${A}-${A}'), 'one-one')
    assert.equal(fill('$(A) {{.A}} $A'), '$(A) {{.A}} $A')
    assert.equal(fill('${B}'), '${A}')
  })

  test('includes a line when its condition is met, and leaves an empty one otherwise', () => {
    assert.equal(fill('a # when A\nb # when OFF\nc # when EMPTY\nd'), 'a\n\n\nd')
    assert.equal(fill('a # when MODE=x\nb # when MODE=y\nc # when MODE!=y\nd # when MODE!=x'), 'a\n\nc\n')
    assert.equal(fill('a # when OFF=off\nb # when EMPTY!=x'), 'a\nb')
  })

  const cases: [name: string, template: string, object: unknown][] = [
    [
      'a map and all below it',
      'top:\n  out: # when OFF\n    a:\n      b: 1\n\n    c: 2\n  in: # when A\n    a: 1\n  last: 3\n',
      { top: { in: { a: 1 }, last: 3 } },
    ],
    [
      'an item of a list as a whole',
      'list:\n  - name: a # when OFF\n    value:\n      - 1\n  - name: b # when A\n    value: 2\n  - c # when OFF\n  - d\n',
      { list: [{ name: 'b', value: 2 }, 'd'] },
    ],
    ['a list in the column of its key', 'out: # when OFF\n- a\n- b\nin: # when A\n- a\n', { in: ['a'] }],
    [
      'conditions within conditions',
      'a: # when A\n  b: # when OFF\n    c: 1 # when A\n  d: # when MODE=x\n    e: 2 # when MODE=y\n    f: 3 # when MODE=x\nout: # when OFF\n  g: 4 # when A\nh: 5\n',
      { a: { d: { f: 3 } }, h: 5 },
    ],
    ['a whole block scalar', 'out: | # when OFF\n  a\n\n  b\nin: |- # when A\n  c\n', { in: 'c' }],
    [
      'lines of block scalars, without a trace',
      'a: |\n  1\n  2 # when OFF\n  3 # when A\nb: >-\n  1\n  2 # when OFF\n  3\n  4 # when OFF\nc:\n  - |\n    1\n    2 # when OFF\n    3\n  - d: |\n      1 # when OFF\n      2\n    e: 1 # when A\n',
      { a: '1\n3\n', b: '1 3', c: ['1\n3\n', { d: '2\n', e: 1 }] },
    ],
    ['more than one document', 'a: 1 # when OFF\nb: 1\n---\na: 2\nb: 2 # when OFF\n', [{ b: 1 }, { a: 2 }]],
  ]
  for (const [name, template, object] of cases) {
    test(`a condition governs ${name}`, () => {
      const filled = fill(template)
      const documents = loadAll(filled)
      assert.deepEqual(documents.length > 1 ? documents : documents[0], object)
      assert.equal(filled.split('\n').length, template.split('\n').length)
    })
  }

  test('lines keep their number', () => {
    const filled = fill('a: # when OFF\n  b: 1\nc: |\n  1 # when OFF\n  2\nd: 1').split('\n')
    assert.equal(filled[2], 'c: |')
    assert.equal(filled[5], 'd: 1')
  })

  test('every name without a value is a problem, also where it is left out', () => {
    assert.throws(
      () => fill('${NO} ${A}\nx: # when NEITHER\n  y: ${NOR}\nz: # when OFF\n  z: ${NEVER}'),
      (error) =>
        error instanceof Problem &&
        error.message === 'dir/f.yaml uses names that have no value: NO, NEITHER, NOR, NEVER',
    )
  })

  test('the templates of the runbook say a condition once, and keep no line breaks of block scalars', () => {
    for (const path of readdirSync(join(ROOT, 'manifests'), { recursive: true }) as string[]) {
      if (!path.endsWith('.yaml')) continue
      const lines = readFileSync(join(ROOT, 'manifests', path), 'utf8').split('\n')
      const above: { column: number; condition: string }[] = []
      for (const line of lines.filter((one) => one.trim() !== '')) {
        const column = line.search(/\S/)
        while (above.length > 0 && above.at(-1)!.column >= column) above.pop()
        const condition = /# when (.*)$/.exec(line)?.[1]
        if (condition === undefined) continue
        assert.ok(!above.some((one) => one.condition === condition), `${path}: ${line}`)
        above.push({ column, condition })
      }
      assert.ok(!lines.some((line) => /[|>]\d?\+/.test(line)), path)
    }
  })
})

describe('splitDocuments', () => {
  test('keeps the text of each document: what a parser would change stays', () => {
    const text =
      '# top\na: 1\n---\n# a comment only\n---\napiVersion: v1\nkind: A\nmetadata: {name: x}\nmode: 0644\nyes: yes\n'
    const all = splitDocuments(text, 'f')
    assert.equal(all.length, 2)
    assert.match(all[1]!.text, /mode: 0644\nyes: yes/)
    assert.equal((all[1]!.object as Any).mode, 0o644)
  })

  test('reports the line of the file', () => {
    assert.throws(() => splitDocuments('a: 1\n---\nb: 1\n---\nc: 1\nd: [\n', 'f.yaml'), /f\.yaml.*[:(]7[:,]/s)
  })
})
