import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failures } from '../../../lib/base/problem.ts'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { ingresses, ingressProblems, ingressResources, unwantedIngresses } from '../../../lib/prow/ingress.ts'
import { needsCertificate } from '../../../lib/prow/ingress-nginx.ts'
import { waitForLoadBalancers } from '../../../lib/prow/load-balancers.ts'
import { currentRun } from '../../../lib/run/context.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { fakeAws, fakeProgram } from '../aws/fake.ts'
import { EKS, LOCAL, settings } from '../world.ts'

const eks = (more: object = {}) => settings({ ...EKS, WAIT_SECONDS: '5', POLL_SECONDS: '1', ...more })
const FOUR = '192.0.2.0/24,198.51.100.0/24,203.0.113.0/24,192.88.99.0/24'
const messages = (wanted: Settings, auto: boolean) => failures(ingressProblems(wanted, auto)).map((one) => one.message)

test('more CIDRs than a rule takes are a problem on a load balancer for both, and none with one for hook alone', () => {
  assert.deepEqual(messages(eks(), false), [])
  assert.match(messages(eks({ DECK_ACCESS: FOUR }), false).join(), /DECK_ACCESS has 4 CIDRs/)
  assert.match(messages(eks({ DECK_ACCESS: 'public', HOOK_CIDRS: FOUR }), false).join(), /HOOK_CIDRS has 4 CIDRs/)
  assert.deepEqual(messages(eks({ HOOK_CIDRS: FOUR }), false), [])
  assert.deepEqual(messages(eks({ DECK_ACCESS: '192.0.2.0/24' }), false), [])
})

test('any CIDR on a shared load balancer is a problem with Auto Mode, which may ignore it', () => {
  assert.match(messages(eks({ DECK_ACCESS: '192.0.2.0/24' }), true).join(), /DECK_ACCESS is a list of CIDRs/)
  assert.match(messages(eks({ DECK_ACCESS: 'public', HOOK_CIDRS: FOUR }), true).join(), /HOOK_CIDRS is a list/)
  assert.deepEqual(messages(eks({ HOOK_CIDRS: FOUR }), true), [])
})

const ingress = (
  wanted: Settings,
  name: string,
  controller: Parameters<typeof ingressResources>[1] = { kind: 'none' },
) =>
  ingressResources(wanted, controller, 'arn:c')
    .flatMap(({ manifests }) => manifests)
    .map(({ object }) => object)
    .find(({ kind, metadata }) => kind === 'Ingress' && metadata.name === name)!
const note = (object: KubeObject, name: string) => object.metadata.annotations?.[`alb.ingress.kubernetes.io/${name}`]

test('internal: two load balancers, the one of hook alone on the internet, restricted by its security group', () => {
  const wanted = eks({ HOOK_CIDRS: '192.0.2.0/24' })
  const [hook, deck] = [ingress(wanted, 'prow-hook'), ingress(wanted, 'prow-deck')]
  assert.deepEqual([note(hook, 'scheme'), note(deck, 'scheme')], ['internet-facing', 'internal'])
  assert.deepEqual([note(hook, 'group.name'), note(deck, 'group.name')], [undefined, undefined])
  assert.equal(note(hook, 'inbound-cidrs'), '192.0.2.0/24')
  assert.equal(note(hook, 'conditions.hook'), undefined)
})

test('shared: one group, and CIDRs as conditions of the rules', () => {
  const wanted = eks({
    DECK_ACCESS: '192.0.2.0/24, 198.51.100.0/24',
    HOOK_CIDRS: '203.0.113.0/24',
    CLUSTER_NAME: 'A_b',
  })
  const [hook, deck] = [ingress(wanted, 'prow-hook'), ingress(wanted, 'prow-deck')]
  assert.deepEqual([note(hook, 'group.name'), note(deck, 'group.name')], ['prow-a-b', 'prow-a-b'])
  assert.equal(note(deck, 'scheme'), 'internet-facing')
  const values = (text: string | undefined) => JSON.parse(text!)[0].sourceIpConfig.values
  assert.deepEqual(values(note(deck, 'conditions.deck')), ['192.0.2.0/24', '198.51.100.0/24'])
  assert.deepEqual(values(note(hook, 'conditions.hook')), ['203.0.113.0/24'])
  assert.equal(note(hook, 'inbound-cidrs'), undefined)
  assert.equal(note(ingress(eks({ DECK_ACCESS: 'public' }), 'prow-deck'), 'conditions.deck'), undefined)
})

test('the class is that of the controller; Auto Mode has classes of its own, which name the group', () => {
  const classOf = (object: KubeObject) => (object.spec as { ingressClassName: string }).ingressClassName
  const installed = { kind: 'installed', class: 'public', managed: false } as const
  assert.equal(classOf(ingress(eks(), 'prow-hook', installed)), 'public')
  assert.equal(classOf(ingress(eks(), 'prow-hook')), 'alb')
  const auto = ingressResources(eks({ DECK_ACCESS: 'public' }), { kind: 'auto' }, 'arn:c')
  assert.equal(auto[0]?.name, 'IngressClasses of Auto Mode')
  const shared = ingress(eks({ DECK_ACCESS: 'public' }), 'prow-hook', { kind: 'auto' })
  assert.equal(classOf(shared), 'prow-hook')
  assert.equal(note(shared, 'group.name'), undefined)
})

test('behind ingress-nginx both route to its controller, in its namespace', () => {
  const hook = ingress(eks({ INGRESS: 'nginx' }), 'prow-hook')
  assert.equal(hook.metadata.namespace, 'ingress-nginx')
  assert.match(JSON.stringify(hook.spec), /ingress-nginx-controller/)
})

test('what another INGRESS has created is unwanted, the classes of Auto Mode last and with none only', () => {
  const names = (wanted: Settings, auto = false) => unwantedIngresses(wanted, auto).map(({ name }) => name)
  assert.deepEqual(names(eks()), ['Ingresses of INGRESS=nginx'])
  assert.deepEqual(names(eks({ INGRESS: 'nginx' }), true), ['Ingresses of INGRESS=alb'])
  assert.equal(names(eks({ INGRESS: 'none' }), true).at(-1), 'IngressClasses of Auto Mode')
  assert.deepEqual(names(settings(LOCAL)), [])
  assert.deepEqual(names(settings({ ...LOCAL, INGRESS: 'none' })), ['Ingresses of INGRESS=nginx'])
})

const REFUSED = 'The connection to the server 127.0.0.1:1 was refused - did you specify the right host?'

const lists = (...names: [name: string, hostname?: string, host?: string][]) => ({
  kind: 'List',
  items: names.map(([name, hostname, host = 'prow.example.com']) => ({
    kind: 'Ingress',
    metadata: { name },
    spec: { rules: [{ host }] },
    status: { loadBalancer: { ingress: hostname ? [{ hostname }] : [] } },
  })),
})

function begin(wanted: Settings, answers: Record<string, object | string>, plan = false): () => string[] {
  fakeAws(wanted, {}, plan)
  currentRun().target = { kubeconfig: '', context: '', server: '' }
  currentRun().steps.push({
    step: 's',
    title: '',
    outcome: 'done',
    results: [],
    problems: [],
    seconds: 0,
    wrote: false,
  })
  return fakeProgram('kubectl', answers)
}

test('Ingresses are checked for their host and their load balancer', async () => {
  const inspect = async (wanted: Settings, answer: object) => {
    begin(wanted, { 'get ingresses': answer, 'get deployments': { kind: 'List', items: [] } })
    return Promise.all(ingresses(wanted).map((check) => check.inspect(new Snapshot(), wanted)))
  }
  assert.deepEqual(await inspect(eks(), lists(['prow-hook', 'a'], ['prow-deck', 'b'])), [true, true])
  assert.deepEqual(await inspect(eks(), lists(['prow-hook'], ['prow-deck', 'b', 'old.example.com'])), [
    'Ingress prow/prow-hook has no load balancer',
    'Ingress prow/prow-deck is for old.example.com, not for prow.example.com',
  ])
  // On EKS with ingress-nginx all three, and its controller.
  assert.deepEqual(await inspect(eks({ INGRESS: 'nginx' }), lists(['prow-hook', 'a'], ['prow-deck', 'b'])), [
    'Deployment ingress-nginx/ingress-nginx-controller does not exist',
    'Ingress prow/prow does not exist',
    true,
    true,
  ])
  assert.equal(ingresses(settings(LOCAL)).length, 2)
  assert.deepEqual(ingresses(eks({ INGRESS: 'none' })), [])
})

test('load balancers are waited for; a plan does not wait', async () => {
  begin(eks(), { 'get ingresses': lists(['prow-hook', 'a'], ['prow-deck', 'b']) })
  assert.deepEqual(await waitForLoadBalancers(eks()), { hook: 'a', deck: 'b' })
  const log = begin(eks(), { 'get ingresses': lists(['prow-hook', 'a']) }, true)
  assert.equal(await waitForLoadBalancers(eks()), undefined)
  assert.equal(log().length, 1)
  assert.equal(currentRun().steps[0]?.results.at(-1)?.outcome, 'after')
})

test('a refusal of the API server ends the wait with its own cause, not as a missing load balancer', async () => {
  const began = Date.now()
  begin(eks(), {
    'get ingresses': 'Error from server (Forbidden): ingresses is forbidden: User "x" cannot list resource "ingresses"',
  })
  await assert.rejects(waitForLoadBalancers(eks()), { code: 'denied', message: /ingresses is forbidden/ })
  assert.ok(Date.now() - began < 4000)
})

test('an API server that is out of reach for a moment does not end the wait', async () => {
  begin(eks(), { 'get ingresses': REFUSED })
  setTimeout(() => fakeProgram('kubectl', { 'get ingresses': lists(['prow-hook', 'a'], ['prow-deck', 'b']) }), 500)
  assert.deepEqual(await waitForLoadBalancers(eks()), { hook: 'a', deck: 'b' })
})

test('an API server that is out of reach is waited for, and named when that lasts', async () => {
  begin(eks(), {
    'get ingresses': REFUSED,
  })
  await assert.rejects(waitForLoadBalancers(eks()), { code: 'unreachable', message: /was refused/ })
})

test('without a load balancer in time the events of the Ingress are the cause', async () => {
  const event = { kind: 'Event', metadata: { name: 'e' }, reason: 'FailedBuildModel', message: 'no subnet found' }
  begin(eks(), {
    'get ingresses': lists(['prow-hook', 'a'], ['prow-deck']),
    'get events': { kind: 'List', items: [event] },
  })
  await assert.rejects(
    waitForLoadBalancers(eks()),
    (error: Error & { findings: { message: string; remedy: string }[] }) => {
      assert.match(error.message, /Ingress prow-deck has no load balancer after 5 seconds\nFailedBuildModel: no subnet/)
      assert.match(error.findings[0]!.remedy, /internal-elb=1/)
      return true
    },
  )
})

test('completed admission Jobs run again when the webhook has lost its certificate', () => {
  const job = (succeeded: number) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'ingress-nginx-admission-patch' },
    status: { succeeded },
  })
  const webhook = (caBundle?: string) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'ingress-nginx-admission' },
    webhooks: [{ clientConfig: { caBundle } }],
  })
  assert.ok(needsCertificate([job(1), webhook()]))
  assert.ok(needsCertificate([job(1)]))
  assert.ok(!needsCertificate([job(1), webhook('ca')]))
  assert.ok(!needsCertificate([job(0), webhook()]))
  assert.ok(!needsCertificate([webhook()]))
})
