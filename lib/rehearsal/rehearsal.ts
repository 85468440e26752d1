import { createHash, randomBytes, randomInt } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { Agent, request } from 'node:https'
import { createServer } from 'node:net'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { load } from 'js-yaml'
import { locked } from '../base/lock.ts'
import { Problem } from '../base/problem.ts'
import { onPath, run, tryRun } from '../base/shell.ts'
import { readSettings } from '../settings/settings.ts'
import { ACCOUNT, isEmulator, type Ports, start as startEmulator, tokenWebhook } from './aws.ts'
import {
  daemon,
  importImages,
  NO_PROXY_AT_ALL,
  type NodeInput,
  needMachine,
  nodeRuns,
  openSpace,
  removeNode,
  space,
  startNode,
  within,
} from './node.ts'
import { PAUSE } from './oci.ts'
import {
  buildReal,
  cacheFolder,
  downloaded,
  downloads,
  findKind,
  findPrograms,
  NAMES,
  type Name,
  type Program,
} from './programs.ts'

/** The kind of cluster: simulated nodes and pods by kwok; a real node beside its control plane; or kind in Docker. */
export type Kind = 'kwok' | 'real' | 'kind'

/** A rehearsal that is up: what the runbook needs to work on it. */
export interface Rehearsal {
  dir: string
  kind: Kind
  /** The cluster's own kubeconfig, and the context in it. */
  kubeconfig: string
  context: string
  /** The settings file made for it. */
  env: string
  /** The kubectl to use, and whether it is on PATH already. */
  kubectl: string
  kubectlOnPath: boolean
  /** With a real node: the names that lead into it, and their addresses. */
  names?: Record<string, string>
  /** The environment in which `aws` talks to the AWS beside it, where there is one. */
  aws?: Record<string, string>
}

/** What became of a thing of the rehearsal, and a word more on it. */
export interface Became {
  outcome: 'created' | 'changed' | 'unchanged'
  note?: string
}

/** Does one thing of the rehearsal and tells what became of it. */
export type Task = <T>(thing: string, work: (say: (text: string) => void) => Promise<[T, Became]>) => Promise<T>

export interface Options {
  /** Its folder; `defaultDir` when absent. */
  dir?: string
  kind?: Kind
  /** Whether AWS is beside it: the real `aws` then talks to an emulator on this machine. */
  eks?: boolean
  /** Tells the reader of each thing; nothing is told when absent. */
  task?: Task
  /** Hears that another run works on the same rehearsal and is waited for. */
  waits?: (pid: number) => void
}

/** Where the rehearsal of `npm run rehearse` lives. */
export function defaultDir(kind: Kind, eks = false): string {
  if (eks) return join(cacheFolder(), 'rehearsal-eks')
  return join(cacheFolder(), kind === 'kwok' ? 'rehearsal' : `rehearsal-${kind}`)
}

const GO = join(import.meta.dirname, 'go')
const MARKER = 'rehearsal.json'
const NODES = 3

// What a rehearsal remembers of itself. The file also says that the folder is ours to remove.
interface Memory {
  rehearsal: 1
  kind: Kind
  programs?: Partial<Record<Name, Program>>
  /** The hash of cluster.yaml as it was applied. */
  holds?: string
}

const places = (dir: string) => ({
  marker: join(dir, MARKER),
  kubeconfig: join(dir, 'kubeconfig'),
  env: join(dir, '.env'),
  secrets: join(dir, 'secrets'),
  config: join(dir, 'kwok.yaml'),
  work: join(dir, 'cluster'),
  cluster: join(dir, 'cluster', 'clusters', 'rehearsal'),
  aws: join(dir, 'aws'),
  ports: join(dir, 'aws', 'ports.json'),
})

const UNCHANGED: Became = { outcome: 'unchanged' }

const silent: Task = async (_thing, work) => (await work(() => {}))[0]

const REGION = 'us-west-2'
const ZONE = 'rehearsal.example'

/** Makes the rehearsal cluster and its input, or sees that what is there is whole. */
export async function up(options: Options = {}): Promise<Rehearsal> {
  const kind = options.kind ?? 'kwok'
  const task = options.task ?? silent
  // Before anything is made: most who have no Docker would want the other kind.
  if (kind === 'kind') await needDocker()
  if (kind === 'real') needMachine()
  const eks = Boolean(options.eks)
  const dir = claim(resolve(options.dir ?? defaultDir(kind, eks)), kind)
  return alone(dir, options.waits, async () => {
    claim(dir, kind) // A run that was waited for may have removed it.
    const { kubeconfig, env, cluster, ports, aws } = places(dir)
    if (existsSync(cluster) && existsSync(ports) !== eks) {
      throw new Problem(
        `${dir} holds a rehearsal ${eks ? 'without' : 'with'} AWS beside it`,
        'Name another folder with --dir, or remove it with --down.',
      )
    }
    const made = kind === 'kind' ? await upKind(dir, task) : await upKwok(dir, task, eks)
    const beside = eks
      ? await task('AWS', async (say) => {
          const emulator = await startEmulator({
            dir: aws,
            ports: JSON.parse(readFileSync(ports, 'utf8')),
            kubeconfig,
            kubectl: made.kubectl,
            region: REGION,
            cluster: 'rehearsal',
            zone: ZONE,
            host: HOST,
            say,
          })
          const note = `an account of its own at ${emulator.url}`
          return [emulator, { outcome: emulator.there ? 'unchanged' : 'created', note }]
        })
      : undefined
    await task('settings and secrets', async () => [undefined, { outcome: makeInput(dir, kind, made.context, eks) }])
    if (kind === 'real') {
      await task('a GitHub of its own', () => startGithub(dir))
      await task('images', (say) => bringImages(dir, say))
    }
    const names = kind === 'real' ? namesOf(dir) : undefined
    return { dir, kind, kubeconfig, env, aws: beside?.env, names, ...made }
  })
}

/** Removes a rehearsal: every process of it, also those a killed run left, and its folder. Answers whether there was one. */
export async function down(options: Omit<Options, 'task'> = {}): Promise<boolean> {
  const kind = options.kind ?? 'kwok'
  const dir = resolve(options.dir ?? defaultDir(kind))
  if (!existsSync(dir)) return false
  if (!remember(dir)) throw foreign(dir)
  const real = realpathSync(dir)
  return alone(real, options.waits, async () => {
    const memory = remember(real)
    if (!memory) return false
    if (memory.kind === 'kind') {
      const kindTool = await findKind(() => {})
      await run(kindTool, ['delete', 'cluster', '--name', kindName(real), '--kubeconfig', places(real).kubeconfig])
    } else {
      await end(real)
      if (memory.kind === 'real') await removeNode(real)
    }
    // The marker last: without it, what a killed removal left would be nobody's.
    const entries = readdirSync(real).filter((name) => name !== MARKER)
    for (const path of [...entries.map((name) => join(real, name)), real]) {
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    }
    return true
  })
}

// The folder, made when it is not there. One that holds something else is left alone.
function claim(dir: string, kind: Kind): string {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    const memory = remember(dir)
    if (!memory) throw foreign(dir)
    if (memory.kind !== kind) {
      throw new Problem(
        `${dir} holds a rehearsal of another kind`,
        'Name another folder with --dir, or remove it with --down.',
      )
    }
  } else {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
    keep(dir, { rehearsal: 1, kind })
  }
  return realpathSync(dir)
}

function foreign(dir: string): Problem {
  return new Problem(
    `${dir} holds something that is no rehearsal`,
    `Name another folder with --dir. A rehearsal is known by its ${MARKER}; nothing was touched.`,
  )
}

function remember(dir: string): Memory | undefined {
  try {
    const memory = JSON.parse(readFileSync(places(dir).marker, 'utf8')) as Memory
    return memory.rehearsal === 1 ? memory : undefined
  } catch {
    return undefined
  }
}

function keep(dir: string, memory: Memory): void {
  const whole = `${places(dir).marker}.new`
  writeFileSync(whole, `${JSON.stringify(memory, null, 2)}\n`)
  renameSync(whole, places(dir).marker)
}

function alone<T>(dir: string, waits: Options['waits'], work: () => Promise<T>): Promise<T> {
  let told = 0
  const once = (pid: number) => {
    if (pid !== told) waits?.(pid)
    told = pid
  }
  return locked(join(cacheFolder(), 'locks', `${short(dir)}.lock`), once, work)
}

const short = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10)

type Made = Pick<Rehearsal, 'context' | 'kubectl' | 'kubectlOnPath'>

async function upKwok(dir: string, task: Task, eks = false): Promise<Made> {
  const { kubeconfig, cluster } = places(dir)
  const memory = remember(dir)!
  const real = memory.kind === 'real'
  const runs = memory.programs !== undefined && existsSync(kubeconfig) && (!real || nodeRuns(dir)) && (await whole(dir))

  const programs = await task('programs', async (say) => {
    // kubectl may have gone from this machine since; the others run.
    if (runs && existsSync(file(memory.programs!.kubectl!)))
      return [memory.programs as Record<Name, Program>, UNCHANGED]
    let built = false
    const found = await findPrograms(NAMES, (text) => {
      built = true
      say(text)
    })
    keep(dir, { ...memory, programs: found })
    return [found, { outcome: built || lacksDownload(found) ? 'created' : 'unchanged', note: origin(found) }]
  })

  const built = real ? await task('programs of the node', (say) => nodePrograms(say)) : {}
  if (real) {
    await task('namespaces of the node', async () => {
      if (runs) return [undefined, UNCHANGED]
      await end(dir)
      const { node } = await openSpace(dir)
      return [undefined, { outcome: 'created', note: `at ${node}, in a network of its own` }]
    })
  }

  await task('cluster', async (say) => {
    if (runs) return [undefined, UNCHANGED]
    const began = Date.now()
    const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`
    await end(dir)
    const old = existsSync(join(cluster, 'pki', 'admin.key'))
    if (old && (await start(dir, programs, say))) {
      return [undefined, { outcome: 'changed', note: `started again in ${seconds()}` }]
    }
    await end(dir)
    let wrong = await create(dir, programs, say, eks)
    if (wrong) {
      // Ports that looked free may have been taken by the time the programs listened: the second try has others.
      await end(dir)
      wrong = await create(dir, programs, say, eks)
    }
    if (wrong) {
      await end(dir)
      const logs = join(cluster, 'logs')
      throw new Problem(
        `The rehearsal cluster did not start: ${wrong}`,
        `Look into ${logs}, or run the same line again.`,
      )
    }
    return [
      undefined,
      { outcome: 'created', note: `${old ? 'anew, as the old one did not start, ' : ''}in ${seconds()}` },
    ]
  })

  await task('nodes and storage', async (say) => {
    const yaml = readFileSync(join(GO, real ? 'node' : 'cluster', 'cluster.yaml'), 'utf8')
    const holds = short(yaml)
    if (runs && memory.holds === holds) return [undefined, UNCHANGED]
    if (real && !runs) await startNode(dir, space(dir)!, nodeInput(dir, built))
    say('waiting for the nodes')
    const created = await furnish(dir, yaml, real ? 1 : NODES)
    keep(dir, { ...memory, programs, holds })
    return [
      undefined,
      {
        outcome: created ? 'created' : memory.holds === holds ? 'unchanged' : 'changed',
        note: `${real ? 'a node' : `${NODES} simulated nodes`}, StorageClass rehearsal`,
      },
    ]
  })

  const kubectl = file(programs.kubectl)
  return { context: 'rehearsal', kubectl, kubectlOnPath: onPath('kubectl') === kubectl }
}

// The file of a program, also of one that is downloaded.
function file({ source, path }: Program): string {
  return source === 'downloaded' ? downloaded(path) : path
}

function lacksDownload(programs: Record<Name, Program>): boolean {
  return Object.values(programs).some((program) => program.source === 'downloaded' && !existsSync(file(program)))
}

async function nodePrograms(say: (text: string) => void): Promise<[Record<string, string>, Became]> {
  let built = false
  const files = await buildReal((text) => {
    built = true
    say(text)
  })
  return [files, { outcome: built ? 'created' : 'unchanged', note: 'built: kubelet, kube-proxy, CoreDNS, Prow' }]
}

function namesOf(dir: string): Record<string, string> {
  const { node, github } = space(dir)!
  return { [HOST]: node, [GITHUB]: github }
}

// What the node is to know. Names in the cluster lead to Prow by the way in, and to the local GitHub.
function nodeInput(dir: string, programs: Record<string, string>): NodeInput {
  const { cluster } = places(dir)
  return {
    programs,
    ca: join(cluster, 'pki', 'ca.crt'),
    kubeconfig: join(cluster, 'kubeconfig.yaml'),
    names: namesOf(dir),
    pause: PAUSE,
  }
}

async function bringImages(dir: string, say: (text: string) => void): Promise<[undefined, Became]> {
  // What makes Deck's pages is for tests alone, and not there for somebody who only installs.
  const { standIns } = await import('./prow-images.ts')
  const [files] = await nodePrograms(say)
  const began = Date.now()
  const images = await standIns(readSettings(places(dir).env, {}), files, await authority(dir), say)
  say('bringing the images into containerd')
  const changed = await importImages(dir, space(dir)!, images)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  return [
    undefined,
    changed ? { outcome: 'created', note: `${images.length} in ${seconds} s` } : { outcome: 'unchanged' },
  ]
}

const ORG = 'rehearsal-org'
const githubFolder = (dir: string) => join(dir, 'node', 'github')

// People with tokens, an organisation and a repository with jobs: enough to see Prow at work.
async function startGithub(dir: string): Promise<[undefined, Became]> {
  const folder = githubFolder(dir)
  const { github } = space(dir)!
  const note = `http://${github}, tokens of its people in ${join(folder, 'tokens.json')}`
  if (await answers(`http://${github}/meta`)) return [undefined, { outcome: 'unchanged', note }]
  await authority(dir)
  const seed = join(folder, 'seed.json')
  if (!existsSync(seed)) {
    const people = Object.fromEntries(['alice', 'bob', 'carol'].map((login) => [login, `ghp_${text(36, LETTERS)}`]))
    make(join(folder, 'tokens.json'), `${JSON.stringify(people, null, 2)}\n`)
    const bot = readFileSync(join(places(dir).secrets, 'oauth-token'), 'utf8').trim()
    make(seed, JSON.stringify(seedOf({ ...people, 'prow-bot': bot }), null, 2))
  }
  const program = join(import.meta.dirname, 'fakes/github/rehearsal.ts')
  const line = [process.execPath, '--import', import.meta.resolve('tsx'), program]
  const child = daemon(dir, space(dir)!, 'github', [
    ...line,
    ...['--folder', folder, '--address', github, '--name', GITHUB],
  ])
  for (let tries = 0; !(await answers(`http://${github}/meta`)); tries++) {
    if (tries > 150 || child.exitCode !== null) {
      throw new Problem(
        'The local GitHub does not start',
        `Its log is ${join(dir, 'node/logs/github.log')}. Run the same line again.`,
      )
    }
    await sleep(100)
  }
  return [undefined, { outcome: 'created', note }]
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(address, { signal: AbortSignal.timeout(2000) })).ok
  } catch {
    return false
  }
}

function seedOf(tokens: Record<string, string>) {
  const image = `${MIRROR}/library/busybox:1.37`
  return {
    tokens: Object.fromEntries(
      Object.entries(tokens).map(([login, token]) => [
        token,
        { kind: 'classic', login, scopes: ['repo', 'read:org', 'admin:repo_hook', 'admin:org_hook'] },
      ]),
    ),
    orgs: [
      {
        login: ORG,
        base: 'write',
        members: { alice: 'admin', bob: 'member', 'prow-bot': 'admin' },
      },
    ],
    users: ['carol'],
    repos: [
      {
        owner: ORG,
        name: 'website',
        files: {
          'README.md': '# A website\n',
          OWNERS: 'approvers:\n  - alice\nreviewers:\n  - bob\n',
          '.prow.yaml': readFileSync(join(GO, 'node/prow.yaml'), 'utf8').replaceAll('${HELLO_IMAGE}', image),
        },
      },
    ],
    // Its certificate is its own, and GitHub would look at it.
    reach: { [`https://${HOST}`]: `http://${HOST}` },
  }
}

// An authority of this rehearsal alone, which its images trust, and the certificate of its GitHub. Answers its file.
async function authority(dir: string): Promise<string> {
  const folder = githubFolder(dir)
  const at = (name: string) => join(folder, name)
  if (existsSync(at('github.crt'))) return at('ca.crt')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650']
  const openssl = (...args: string[]) => run('openssl', args)
  await openssl('req', '-x509', ...key, '-subj', '/CN=rehearsal', '-keyout', at('ca.key'), '-out', at('ca.crt'))
  await openssl('req', ...key.slice(0, -2), '-subj', `/CN=${GITHUB}`, '-keyout', at('github.key'), '-out', at('csr'))
  writeFileSync(at('names'), `subjectAltName=DNS:${GITHUB}\n`)
  const signed = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '3650']
  await openssl('x509', '-req', '-in', at('csr'), ...signed, '-extfile', at('names'), '-out', at('github.crt'))
  return at('ca.crt')
}

/** Where the programs came from, in a few words: `built: Kubernetes 1.36.3, etcd 3.6.8, kwok 0.8.0; on PATH: kubectl 1.32.4`. */
export function origin(programs: Record<Name, Program>): string {
  const told: [string, Name][] = [
    ['Kubernetes', 'kube-apiserver'],
    ['etcd', 'etcd'],
    ['kwok', 'kwok'],
    ['kubectl', 'kubectl'],
  ]
  const words = { PATH: 'on PATH', downloaded: 'downloaded', built: 'built' }
  return (['downloaded', 'built', 'PATH'] as const)
    .map(
      (source) =>
        [
          words[source],
          told
            .filter(([, name]) => programs[name].source === source)
            .map(([word, name]) => `${word} ${programs[name].version}`),
        ] as const,
    )
    .filter(([, names]) => names.length > 0)
    .map(([word, names]) => `${word}: ${names.join(', ')}`)
    .join('; ')
}

// kwokctl's own choice counts down from one number, so that two clusters made at once get the same ports; and below
// 32768 no outgoing connection takes a port while its program is down.
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(20_000, 32_000)
    const free = await new Promise<boolean>((settle) => {
      const server = createServer()
      server.once('error', () => settle(false))
      server.listen(port, '127.0.0.1', () => server.close(() => settle(true)))
    })
    if (free) ports.add(port)
  }
  return [...ports]
}

async function kwokConfig(dir: string, programs: Record<Name, Program>, eks: boolean): Promise<string> {
  const { cluster, aws, ports } = places(dir)
  const at = space(dir)
  const [etcd, peer, api, manager, scheduler, kwok, http, tls] = await freePorts(8)
  const beside: Ports = { http: http!, tls: tls! }
  // The tokens of \`aws eks get-token\` open the API server by a webhook that it is told of when it starts.
  const tokens = eks
    ? [
        { key: 'authentication-token-webhook-config-file', value: tokenWebhook(aws, beside) },
        // A test takes somebody's access away and looks at once.
        { key: 'authentication-token-webhook-cache-ttl', value: '1s' },
      ]
    : []
  if (eks) writeFileSync(ports, `${JSON.stringify(beside)}\n`)
  const config = {
    apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
    kind: 'KwokctlConfiguration',
    options: {
      runtime: 'binary',
      // Without this everything listens on all addresses, etcd without any credential.
      bindAddress: '127.0.0.1',
      cacheDir: downloads(),
      quietPull: true,
      kubeVersion: `v${programs['kube-apiserver'].version}`,
      kubeApiserverBinary: programs['kube-apiserver'].path,
      kubeControllerManagerBinary: programs['kube-controller-manager'].path,
      kubeSchedulerBinary: programs['kube-scheduler'].path,
      kwokControllerBinary: programs.kwok.path,
      etcdBinary: programs.etcd.path,
      kubectlBinary: programs.kubectl.path,
      etcdPort: etcd,
      etcdPeerPort: peer,
      kubeApiserverPort: api,
      kubeControllerManagerPort: manager,
      kubeSchedulerPort: scheduler,
      kwokControllerPort: kwok,
      // Stages are objects in the cluster then, and tests can add their own.
      enableCRDs: ['Stage'],
      // The service address of the API server, for clients in pods that really run.
      kubeApiserverCertSANs: ['10.0.0.1', ...(at ? [at.node] : [])],
    },
    componentsPatches: [
      {
        name: 'kube-apiserver',
        // With a real node it listens for that node's pods too, in the network that the two share with nobody.
        // What `kubectl logs` and `exec` prove themselves with to a kubelet.
        extraArgs: [
          { key: 'kubelet-client-certificate', value: join(cluster, 'pki', 'admin.crt') },
          { key: 'kubelet-client-key', value: join(cluster, 'pki', 'admin.key') },
          { key: 'kubelet-preferred-address-types', value: 'InternalIP,Hostname' },
          ...(at
            ? [
                { key: 'bind-address', value: '0.0.0.0', override: true },
                { key: 'advertise-address', value: at.node, override: true },
              ]
            : []),
          ...tokens,
        ],
      },
      // A throw-away cluster need not survive a power cut, and a busy disk makes it slow.
      { name: 'etcd', extraArgs: [{ key: 'unsafe-no-fsync', value: 'true' }] },
      {
        name: 'kwok-controller',
        // Nodes that really run can then join.
        extraArgs: [
          { key: 'manage-all-nodes', value: 'false', override: true },
          { key: 'manage-nodes-with-annotation-selector', value: 'kwok.x-k8s.io/node=fake' },
          // Its own is that of the services.
          { key: 'cidr', value: '10.244.0.1/16' },
        ],
      },
    ],
  }
  // JSON is YAML.
  return `${JSON.stringify(config, null, 2)}\n`
}

// Runs kwokctl. Answers what it said was wrong, or undefined when the cluster is whole afterwards.
async function kwokctl(
  dir: string,
  programs: Record<Name, Program>,
  args: string[],
  say: (text: string) => void,
): Promise<string | undefined> {
  const { work, kubeconfig } = places(dir)
  const { source, path } = programs.kubectl
  const at = space(dir)
  const [program, ...before] = [...(at ? within(at, 'network') : []), programs.kwokctl.path]
  const ended = await tryRun(
    program!,
    [...before, '--name', 'rehearsal', ...args, '--wait', '60s', '--timeout', '15m'],
    {
      env: {
        // A person's ~/.kwok and ~/.kube are neither read nor written.
        KWOK_WORKDIR: work,
        KWOK_RUNTIME: 'binary',
        KUBECONFIG: kubeconfig,
        KUBECACHEDIR: join(work, 'kubectl-cache'),
        KUBERC: 'off',
        ...(at ? NO_PROXY_AT_ALL : {}),
        PATH: source === 'built' ? `${dirname(path)}${delimiter}${process.env.PATH}` : `${process.env.PATH}`,
      },
      onStderr: (text) => {
        for (const [, uri] of text.matchAll(/"Download".*?"uri":"([^"]+)"/g)) say(`downloading ${basename(uri!)}`)
      },
    },
  )
  if (ended.exitCode === 0 && (await whole(dir))) return undefined
  return complaint(ended.stderr) || `kwokctl ended with ${ended.exitCode}`
}

/** The last thing kwokctl complained of: it writes a JSON object a line. */
export function complaint(stderr: string): string {
  const lines = stderr.trim().split('\n')
  for (const text of lines.reverse()) {
    try {
      const { level, msg, err } = JSON.parse(text)
      if (level === 'ERROR' || level === 'WARN') return err ? `${msg}: ${err}` : msg
    } catch {
      if (text.trim()) return text.trim()
    }
  }
  return ''
}

async function create(
  dir: string,
  programs: Record<Name, Program>,
  say: (text: string) => void,
  eks: boolean,
): Promise<string | undefined> {
  const { work, config, kubeconfig, cluster } = places(dir)
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  writeFileSync(config, await kwokConfig(dir, programs, eks))
  say('starting the cluster')
  const make = () => kwokctl(dir, programs, ['create', 'cluster', '--config', config, '--kubeconfig', ''], say)
  // Two kwokctl that download the same file at once write it into each other.
  const wrong = await (lacksDownload(programs)
    ? locked(
        join(cacheFolder(), 'locks', 'downloads.lock'),
        (pid) => say(`waiting for process ${pid}, which downloads`),
        make,
      )
    : make())
  if (wrong) return wrong
  // kwokctl's own points at files; this one is whole in itself and its context has a name to type.
  const { server } = access(dir)
  const pem = (file: string) => readFileSync(join(cluster, 'pki', file)).toString('base64')
  writeFileSync(
    kubeconfig,
    `apiVersion: v1
kind: Config
current-context: rehearsal
clusters:
  - name: rehearsal
    cluster:
      server: ${server}
      certificate-authority-data: ${pem('ca.crt')}
contexts:
  - name: rehearsal
    context:
      cluster: rehearsal
      user: rehearsal
users:
  - name: rehearsal
    user:
      client-certificate-data: ${pem('admin.crt')}
      client-key-data: ${pem('admin.key')}
`,
    { mode: 0o600 },
  )
  return undefined
}

async function start(dir: string, programs: Record<Name, Program>, say: (text: string) => void): Promise<boolean> {
  // kwokctl believes these without looking whose process the number is now.
  rmSync(join(places(dir).cluster, 'pids'), { recursive: true, force: true })
  mkdirSync(join(places(dir).cluster, 'pids'), { recursive: true })
  if (!existsSync(places(dir).kubeconfig)) return false
  say('starting the cluster again')
  return (await kwokctl(dir, programs, ['start', 'cluster', '--config', places(dir).config], say)) === undefined
}

interface Access {
  server: string
  ca: Buffer
  cert: Buffer
  key: Buffer
}

function access(dir: string): Access {
  const { cluster } = places(dir)
  const pem = (file: string) => readFileSync(join(cluster, 'pki', file))
  const own = /server: (\S+)/.exec(readFileSync(join(cluster, 'kubeconfig.yaml'), 'utf8'))![1]!
  // With a real node the control plane is in the node's network.
  const server = own.replace('127.0.0.1', space(dir)?.node ?? '127.0.0.1')
  return { server, ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') }
}

// One request to the API server. A start of kubectl for each would be most of the time that a second run takes.
function ask(
  to: Access,
  agent: Agent,
  method: string,
  path: string,
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((settle, fail) => {
    const { server, ...tls } = to
    const asked = request(
      new URL(path, server),
      { ...tls, agent, method, timeout: 5000, headers: body ? { 'content-type': 'application/apply-patch+yaml' } : {} },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => settle({ status: answer.statusCode ?? 0, text }))
        answer.on('error', fail)
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer in 5 s')))
    asked.on('error', fail)
    asked.end(body)
  })
}

const DAEMONS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok-controller']

/** Whether all five programs of the cluster run and the API server says that it is ready. */
async function whole(dir: string): Promise<boolean> {
  const names = new Set((await ours(dir)).map(({ name }) => name))
  if (!DAEMONS.every((name) => names.has(name))) return false
  const agent = new Agent()
  try {
    return (await ask(access(dir), agent, 'GET', '/readyz')).status === 200
  } catch {
    return false
  } finally {
    agent.destroy()
  }
}

// Every process of this user, by number, with its command line.
async function commandLines(): Promise<{ pid: number; line: string }[]> {
  if (!existsSync('/proc/self/cmdline')) {
    const listed = await run('ps', ['-Awwo', 'pid=,args='])
    return listed.split('\n').flatMap((text) => {
      const [, pid, line] = /^\s*(\d+) (.*)/.exec(text) ?? []
      return pid && line ? [{ pid: Number(pid), line }] : []
    })
  }
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return [{ pid: Number(name), line: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
    } catch {
      return [] // It ended meanwhile.
    }
  })
}

// The processes of this rehearsal. They are known by their command lines, not by the numbers that kwokctl wrote down:
// after a restart of the machine such a number is somebody else's.
async function ours(dir: string): Promise<{ pid: number; name: string }[]> {
  return (await commandLines()).flatMap(({ pid, line }) => {
    const name = whose(dir, line)
    return name ? [{ pid, name }] : []
  })
}

/** Which program of the rehearsal in `dir` a command line is, if any. */
export function whose(dir: string, line: string): string | undefined {
  const bin = join(places(dir).cluster, 'bin/')
  if (line.startsWith(bin)) return line.slice(bin.length).split(' ')[0]
  if (isEmulator(places(dir).aws, line)) return 'aws'
  return /^\S*kwokctl /.test(line) && `${line} `.includes(` --config ${places(dir).config} `) ? 'kwokctl' : undefined
}

// Ends them at once: there is nothing in them to save, and a kwokctl that is left could start more.
async function end(dir: string): Promise<void> {
  for (let left = await ours(dir), tries = 0; left.length > 0; left = await ours(dir), tries++) {
    if (tries > 100)
      throw new Problem(
        `Processes of the rehearsal do not end: ${left.map(({ pid }) => pid).join(', ')}`,
        'End them by hand.',
      )
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended by itself.
      }
    }
    await sleep(100)
  }
}

const RESOURCES: Record<string, string> = {
  StorageClass: '/apis/storage.k8s.io/v1/storageclasses',
  Stage: '/apis/kwok.x-k8s.io/v1alpha1/stages',
  Node: '/api/v1/nodes',
  PersistentVolume: '/api/v1/persistentvolumes',
}

// Applies cluster.yaml and waits for its nodes. Answers whether any of it was not there.
async function furnish(dir: string, yaml: string, nodes: number): Promise<boolean> {
  const to = access(dir)
  const agent = new Agent({ keepAlive: true })
  const until = Date.now() + 60_000
  let created = false
  try {
    for (const document of yaml.split(/^---$/m)) {
      const { kind, metadata } = load(document) as { kind: string; metadata: { name: string } }
      const path = `${RESOURCES[kind]}/${metadata.name}?fieldManager=rehearsal&force=true`
      for (;;) {
        const { status, text } = await ask(to, agent, 'PATCH', path, document)
        if (status === 201) created = true
        if (status === 200 || status === 201) break
        // The definition of Stages takes a moment until it is served.
        if (status !== 404 || Date.now() > until) throw new Error(`${kind} ${metadata.name}: ${status} ${text}`)
        await sleep(100)
      }
    }
    for (;;) {
      const { text } = await ask(to, agent, 'GET', '/api/v1/nodes')
      const listed = JSON.parse(text).items as { status: { conditions?: { type: string; status: string }[] } }[]
      const ready = listed.filter(({ status }) =>
        status.conditions?.some((is) => is.type === 'Ready' && is.status === 'True'),
      )
      if (ready.length >= nodes) return created
      if (Date.now() > until) {
        throw new Problem(
          'The nodes of the rehearsal cluster are not ready after a minute',
          `Its logs are in ${join(places(dir).cluster, 'logs')}.`,
        )
      }
      await sleep(100)
    }
  } finally {
    agent.destroy()
  }
}

const text = (length: number, letters: string) =>
  Array.from({ length }, () => letters[randomInt(letters.length)]).join('')
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const HOST = 'prow.rehearsal.example'
const GITHUB = 'github.rehearsal.example'
const MIRROR = 'registry.rehearsal.example/mirror'

// The settings and the secrets that only a person can give. They look real and are worth nothing. The hmac-token and
// the cookie are not among them: the runbook makes those. What is there is kept, so that a second run changes nothing.
function makeInput(dir: string, kind: Kind, context: string, eks: boolean): Became['outcome'] {
  const { env, secrets } = places(dir)
  mkdirSync(secrets, { recursive: true, mode: 0o700 })
  chmodSync(secrets, 0o700)
  const made = [
    make(env, eks ? eksSettings() : settings(kind, context, space(dir)?.github)),
    make(join(secrets, 'oauth-token'), `ghp_${text(36, LETTERS)}\n`),
    make(
      join(secrets, 'github-oauth-config'),
      `client_id: "Ov23li${text(14, LETTERS)}"
client_secret: "${randomBytes(20).toString('hex')}"
redirect_url: "https://${HOST}/github-login/redirect"
scopes:
  - repo
`,
    ),
    make(
      join(secrets, 's3-credentials'),
      `${JSON.stringify(
        eks
          ? { region: REGION }
          : {
              region: 'us-west-2',
              endpoint: 'http://object-store.prow.svc.cluster.local:7070',
              insecure: true,
              s3_force_path_style: true,
              access_key: `AKIA${text(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
              secret_key: text(40, `${LETTERS}+/`),
            },
        null,
        2,
      )}\n`,
    ),
  ]
  return made.includes(true) ? 'created' : 'unchanged'
}

function make(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The settings of a rehearsal. */
export function settings(kind: Kind, context: string, github = ''): string {
  return `# The settings of a rehearsal, made by npm run rehearse. What they may be is told in .env.example.
TARGET=local
KUBECONFIG_FILE=kubeconfig
KUBE_CONTEXT=${context}

PROW_HOST=${HOST}
STORAGE_CLASS=${kind === 'kind' ? 'standard' : 'rehearsal'}

GITHUB_ORG=${ORG}
GITHUB_AUTH=pat
${
  kind === 'real'
    ? `GITHUB_HOST=${GITHUB}
# By http, so that nothing on this machine has to trust its certificate.
GITHUB_API=http://${github}
# Its image cannot be made here.
LABEL_SYNC=off

# Images that were made on this machine.
NODE_ARCH=${process.arch === 'arm64' ? 'arm64' : 'amd64'}
PROW_IMAGE_REGISTRY=registry.rehearsal.example/prow
PROW_IMAGE_TAG=v20240619-cfb8754e0
IMAGE_MIRROR=${MIRROR}`
    : `# There is no such organisation on GitHub.
GITHUB_CHECKS=off
LABEL_SYNC=on`
}

LOG_BUCKET=rehearsal-prow-logs
IDENTITY=keys
OBJECT_STORE=on

INGRESS=nginx
${
  kind === 'kind'
    ? 'NGINX_ADMISSION=on'
    : `# What is in its place here cannot answer the webhook, and then no Ingress could be made.
NGINX_ADMISSION=off`
}
`
}

/** The settings of a rehearsal with AWS beside it. */
export function eksSettings(): string {
  return `# The settings of a rehearsal with AWS beside it, made by npm run rehearse. What they may be is told in .env.example.
TARGET=eks
AWS_ACCOUNT_ID=${ACCOUNT}
AWS_REGION=${REGION}
CLUSTER_NAME=rehearsal

PROW_HOST=${HOST}

GITHUB_ORG=rehearsal-org
GITHUB_AUTH=pat
# There is no such organisation on GitHub.
GITHUB_CHECKS=off
LABEL_SYNC=on

LOG_BUCKET=rehearsal-prow-logs
IDENTITY=irsa

INGRESS=alb
HOSTED_ZONE=${ZONE}

# The AWS beside it is quick.
POLL_SECONDS=1
`
}

/** The name of the kind cluster of a folder: all of them share one Docker. */
export function kindName(dir: string): string {
  return `prow-rehearsal-${short(dir)}`
}

async function needDocker(): Promise<void> {
  const docker = await tryRun('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 20 })
  if (docker.exitCode !== 0) {
    throw new Problem(
      `Docker does not answer: ${docker.stderr.trim().split('\n').at(-1) || 'no word in 20 s'}`,
      'Start Docker, or leave out --kind for a cluster that needs none.',
    )
  }
}

async function upKind(dir: string, task: Task): Promise<Made> {
  const { kubeconfig } = places(dir)
  const [kind, { kubectl }] = await task('programs', async (say) => {
    const found = await findKind(say)
    const programs = await findPrograms(['kubectl'], say, false)
    return [[found, programs] as const, { outcome: 'unchanged', note: found }]
  })
  await task('cluster', async (say) => {
    const name = kindName(dir)
    const there = (await run(kind, ['get', 'clusters'])).split('\n').includes(name)
    if (there && existsSync(kubeconfig)) return [undefined, UNCHANGED]
    if (there) await run(kind, ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig])
    const config = join(dir, 'kind.yaml')
    writeFileSync(
      config,
      'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n  - role: control-plane\n  - role: worker\n',
    )
    say('starting the cluster in Docker')
    await run(kind, [
      'create',
      'cluster',
      '--name',
      name,
      '--kubeconfig',
      kubeconfig,
      '--config',
      config,
      '--wait',
      '180s',
    ])
    chmodSync(kubeconfig, 0o600)
    return [undefined, { outcome: 'created' }]
  })
  return { context: `kind-${kindName(dir)}`, kubectl: kubectl.path, kubectlOnPath: onPath('kubectl') === kubectl.path }
}
