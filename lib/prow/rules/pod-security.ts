import { isGiven, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import { presetsFor, shownPreset } from './job-presets.ts'
import { type All, agentOf, type Job, type Match, match, type Rule, shownJob } from './rule.ts'

// The level baseline of the Pod Security Standards, which test-pods enforces unless JOB_POD_SECURITY is privileged
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/, Kubernetes 1.36).

const CAPABILITIES = [
  ...['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD'],
  ...['NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'],
]

const SYSCTLS = [
  ...['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.ip_local_reserved_ports'],
  ...['net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ping_group_range', 'net.ipv4.tcp_fin_timeout'],
  ...['net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_keepalive_time'],
  ...['net.ipv4.tcp_rmem', 'net.ipv4.tcp_syncookies', 'net.ipv4.tcp_wmem'],
]

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']
const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/'
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe']
const HOOKS = ['postStart', 'preStop']

/** A field with a value that the level forbids. */
type Forbidden = [at: Tree | undefined, shown: string]

/** What is the same in the securityContext of a pod and of a container. */
function* securityContext(context: Tree | undefined): Iterable<Forbidden> {
  const hostProcess = nodeAt(context, 'windowsOptions', 'hostProcess')
  if (hostProcess?.value === true) yield [hostProcess, 'windowsOptions.hostProcess: true']
  const selinux = nodeAt(context, 'seLinuxOptions')
  for (const name of ['type', 'user', 'role']) {
    const one = nodeAt(selinux, name)
    const allowed = name === 'type' ? SELINUX_TYPES : ['']
    if (!allowed.includes(textOf(one))) yield [one, `seLinuxOptions.${name}: ${textOf(one)}`]
  }
  for (const profile of ['seccompProfile', 'appArmorProfile']) {
    const type = nodeAt(context, profile, 'type')
    if (isGiven(type) && !['RuntimeDefault', 'Localhost'].includes(textOf(type)))
      yield [type, `${profile}.type: ${textOf(type)}`]
  }
}

/** The hosts that the probes and lifecycle hooks of a container connect to; empty is the pod itself. */
function* probedHosts(container: Tree): Iterable<Forbidden> {
  const handlers = [
    ...PROBES.map((name): [string, Tree | undefined] => [name, nodeAt(container, name)]),
    ...HOOKS.map((name): [string, Tree | undefined] => [name, nodeAt(container, 'lifecycle', name)]),
  ]
  for (const [name, handler] of handlers) {
    for (const action of ['httpGet', 'tcpSocket']) {
      const host = nodeAt(handler, action, 'host')
      if (isGiven(host)) yield [host, `${name}.${action}.host: ${textOf(host)}`]
    }
  }
}

function* forbiddenInContainer(container: Tree, spec: Tree): Iterable<Forbidden> {
  const context = nodeAt(container, 'securityContext')
  const privileged = nodeAt(context, 'privileged')
  if (privileged?.value === true) yield [privileged, 'privileged: true']
  for (const one of nodeAt(context, 'capabilities', 'add')?.list ?? [])
    if (!CAPABILITIES.includes(textOf(one))) yield [one, `the capability ${textOf(one)}`]
  const procMount = nodeAt(context, 'procMount')
  // A pod in a user namespace of its own may, from Kubernetes 1.35.
  if (isGiven(procMount) && textOf(procMount) !== 'Default' && nodeAt(spec, 'hostUsers')?.value !== false)
    yield [procMount, `procMount: ${textOf(procMount)}`]
  yield* securityContext(context)
  for (const port of nodeAt(container, 'ports')?.list ?? []) {
    const host = nodeAt(port, 'hostPort')
    if (host?.value) yield [host, `hostPort: ${textOf(host)}`]
  }
  yield* probedHosts(container)
}

/** All that the level baseline forbids in the pod of a job, but for its presets. */
function* forbiddenInJob(job: Job): Iterable<Forbidden> {
  const spec = nodeAt(job.tree, 'spec')
  if (!spec) return
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) {
    const one = nodeAt(spec, name)
    if (one?.value === true) yield [one, `${name}: true`]
  }
  yield* securityContext(nodeAt(spec, 'securityContext'))
  for (const one of nodeAt(spec, 'securityContext', 'sysctls')?.list ?? []) {
    const name = textOf(nodeAt(one, 'name'))
    if (!SYSCTLS.includes(name)) yield [one, `the sysctl ${name}`]
  }
  for (const list of ['initContainers', 'containers'])
    for (const container of nodeAt(spec, list)?.list ?? []) yield* forbiddenInContainer(container, spec)
  yield* hostPaths(nodeAt(spec, 'volumes'))
  // Prow gives the annotations of a job to its pod.
  for (const [name, value] of nodeAt(job.tree, 'annotations')?.map ?? [])
    if (name.startsWith(APPARMOR_ANNOTATION) && !/^(runtime\/default$|localhost\/|$)/.test(textOf(value)))
      yield [value, `the annotation ${name}: ${textOf(value)}`]
}

function* hostPaths(volumes: Tree | undefined): Iterable<Forbidden> {
  for (const volume of volumes?.list ?? []) {
    const hostPath = nodeAt(volume, 'hostPath')
    // A key without a value is no hostPath.
    if (hostPath?.map) yield [hostPath, `the hostPath volume ${textOf(nodeAt(nodeAt(volume, 'hostPath'), 'path'))}`]
  }
}

/** Whether a job becomes a pod in test-pods. One for another cluster would, once it names no cluster that is not there. */
export function runsInTestPods(job: Job): boolean {
  return agentOf(job) === 'kubernetes'
}

const REMEDY =
  'Remove it, or set JOB_POD_SECURITY=privileged: then a job can become root on its node, with the AWS role of the node. As it is, test-pods admits no such pod.'
const SETTING = 'JOB_POD_SECURITY=privileged'

/** Rules about what the Pod Security level of test-pods forbids in a job. */
export const POD_SECURITY_RULES: Rule<Job>[] = [
  {
    name: 'pod-security',
    severity: 'here',
    remedy: REMEDY,
    setting: SETTING,
    *find(job, all) {
      const level = all.settings.JOB_POD_SECURITY
      if (level === 'privileged' || !runsInTestPods(job)) return
      for (const [at, shown] of forbiddenInJob(job))
        yield match(at, `${shownJob(job)} has ${shown}, which JOB_POD_SECURITY=${level} forbids`)
    },
  },
]

/** The same about presets: one match for each, whatever the number of its jobs. */
export const PRESET_SECURITY_RULES: Rule<All>[] = [
  {
    name: 'preset-pod-security',
    severity: 'here',
    remedy: REMEDY,
    setting: SETTING,
    *find(all) {
      const level = all.settings.JOB_POD_SECURITY
      if (level === 'privileged') return
      const found = new Map<Tree, { match: Match; jobs: number }>()
      for (const job of all.jobs) {
        if (!runsInTestPods(job)) continue
        for (const preset of presetsFor(job, all)) {
          for (const [at, shown] of hostPaths(nodeAt(preset.tree, 'volumes'))) {
            const before = found.get(at!)
            if (before) before.jobs += 1
            else {
              const message = `${shownPreset(preset)} has ${shown}, which JOB_POD_SECURITY=${level} forbids`
              found.set(at!, { match: { ...match(at, message), file: preset.file }, jobs: 1 })
            }
          }
        }
      }
      for (const one of found.values())
        yield {
          ...one.match,
          message: `${one.match.message}; it applies to ${one.jobs} ${one.jobs === 1 ? 'job' : 'jobs'}`,
        }
    },
  },
]
