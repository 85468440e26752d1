import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after } from 'node:test'
import { asBot, type GitHub } from '../../../lib/github/client.ts'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { type Running, start } from '../../../lib/rehearsal/fakes/github/server.ts'
import type { Seed } from '../../../lib/rehearsal/fakes/github/state.ts'
import { currentRun, newRun, setRun } from '../../../lib/run/context.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { folder, LOCAL, settings } from '../world.ts'

/** The token of the bot in `seedOf`. */
export const TOKEN = `ghp_${'0'.repeat(36)}`

/** An organization my-org, of which the bot is an owner, with a token that may do everything. */
export function seedOf(more: Seed = {}): Seed {
  return {
    orgs: [{ login: 'my-org', members: { 'prow-bot': 'admin' } }],
    ...more,
    tokens: {
      [TOKEN]: {
        kind: 'classic',
        login: 'prow-bot',
        scopes: ['repo', 'admin:org', 'admin:org_hook', 'admin:repo_hook'],
      },
      ...more.tokens,
    },
  }
}

export interface World {
  server: Running
  settings: Settings
  /** GitHub as the bot. */
  github: GitHub
}

/** Starts a GitHub, and begins a run with settings that name it. */
export async function startGitHub(seed: Seed = {}, values: Record<string, string> = {}): Promise<World> {
  const server = await start({ seed: seedOf(seed) })
  after(() => server.stop())
  const world = settings({ ...LOCAL, GITHUB_API: server.url, WAIT_SECONDS: '5', ...values })
  beginRun(world)
  return { server, settings: world, github: await asBot(world, TOKEN) }
}

/** Begins a run with a step, and a target that fakeKubectl answers for. */
export function beginRun(world: Settings, options: { plan?: boolean } = {}): void {
  setRun(newRun(world, options))
  currentRun().target = { kubeconfig: 'kubeconfig', context: 'here', server: 'https://127.0.0.1' }
  currentRun().steps.push({
    step: 'NN',
    title: '',
    outcome: 'done',
    results: [],
    problems: [],
    seconds: 0,
    wrote: false,
  })
}

/** The outcomes of the lines that the run has printed, by name. */
export function outcomes(): Record<string, string> {
  return Object.fromEntries(currentRun().steps.flatMap(({ results }) => results.map((one) => [one.name, one.outcome])))
}

const KUBECTL = `#!${process.execPath}
const fs = require('fs')
const file = process.argv[1] + '.json'
const state = JSON.parse(fs.readFileSync(file))
const args = process.argv.slice(2)
// Several run side by side: only annotate writes the state.
fs.appendFileSync(process.argv[1] + '.calls', args.join(' ') + '\\n')
const prow = state.objects.find((one) => one.kind === 'Namespace' && one.metadata.name === 'prow')
const fails = args[0] === 'annotate' && state.failAt && ++state.annotated === state.failAt
if (args[0] === 'annotate' && !fails) {
  prow.metadata.annotations ??= {}
  for (const one of args.filter((word) => word.startsWith('prow-runbook/'))) {
    const [key, ...value] = one.split('=')
    if (key.endsWith('-') && value.length === 0) delete prow.metadata.annotations[key.slice(0, -1)]
    else prow.metadata.annotations[key] = value.join('=')
  }
}
if (args[0] === 'annotate') fs.writeFileSync(file, JSON.stringify(state))
if (fails) {
  console.error('error: killed')
  process.exit(1)
}
if (args[0] === 'annotate') console.log(JSON.stringify(prow, null, 2))
else {
  const namespace = args.includes('-n') ? args[args.indexOf('-n') + 1] : undefined
  const items = state.objects.filter((one) => one.metadata.namespace === namespace)
  console.log(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2))
}
`

export interface FakeKubectl {
  /** The annotations of the namespace prow. */
  annotations: () => Record<string, string>
  /** The command lines so far. */
  calls: () => string[]
  /** Makes the n-th annotate from now fail; 0 none. */
  failAt: (n: number) => void
}

/** Puts a kubectl in front of PATH that answers for a cluster with some objects, the namespace prow among them. */
export function fakeKubectl(...objects: object[]): FakeKubectl {
  const path = folder()
  const program = join(path, 'kubectl')
  const file = `${program}.json`
  writeFileSync(program, KUBECTL)
  chmodSync(program, 0o755)
  const prow = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'prow' } }
  writeFileSync(file, JSON.stringify({ objects: [prow, ...objects] }))
  const before = process.env.PATH
  process.env.PATH = `${path}${delimiter}${before}`
  after(() => {
    process.env.PATH = before
  })
  // prow is the first.
  const state = (): { objects: KubeObject[] } => JSON.parse(readFileSync(file, 'utf8'))
  return {
    annotations: () => state().objects[0]?.metadata.annotations ?? {},
    calls: () => (existsSync(`${program}.calls`) ? readFileSync(`${program}.calls`, 'utf8').trim().split('\n') : []),
    failAt: (n) => writeFileSync(file, JSON.stringify({ ...state(), failAt: n, annotated: 0 })),
  }
}
