import { randomInt } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, delimiter, dirname, join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { Problem } from '../base/problem.ts'
import { onPath, tryRun } from '../base/shell.ts'
import { access, furnish, whole } from './api-server.ts'
import { type Ports, tokenWebhook } from './aws.ts'
import { GO, keep, type Made, places, remember, short, type Task, UNCHANGED } from './folder.ts'
import { namesOf } from './github.ts'
import type { Name } from './go-build.ts'
import { NO_PROXY_AT_ALL, openSpace, space, within } from './namespaces.ts'
import { type NodeInput, nodePrograms, nodeRuns, startNode } from './node.ts'
import { PAUSE } from './oci.ts'
import { end } from './processes.ts'
import { downloaded, downloads, findPrograms, NAMES, origin, type Program } from './programs.ts'

const NODES = 3

export async function upKwok(dir: string, task: Task, eks = false): Promise<Made> {
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
    let message = await create(dir, programs, say, eks)
    if (message) {
      // Ports that looked free may have been taken by the time the programs listened: the second try has others.
      await end(dir)
      message = await create(dir, programs, say, eks)
    }
    if (message) {
      await end(dir)
      const logs = join(cluster, 'logs')
      throw new Problem(
        `The rehearsal cluster did not start: ${message}`,
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

// Runs kwokctl. Answers what it said was message, or undefined when the cluster is whole afterwards.
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
  const message = await (lacksDownload(programs)
    ? withLock(
        join(cacheFolder(), 'locks', 'downloads.lock'),
        (pid) => say(`waiting for process ${pid}, which downloads`),
        make,
      )
    : make())
  if (message) return message
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
