import { isGiven, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import { type Preset, presetsFor, shownPreset } from './job-presets.ts'
import { type All, agentOf, type Job, match, type Rule, shownJob } from './rule.ts'

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
type Forbidden = [at: Tree, shown: string]

/** What is the same in the securityContext of a pod and of a container. */
function inSecurityContext(context: Tree | undefined, found: Forbidden[]): void {
  if (!context?.map) return
  const hostProcess = nodeAt(context, 'windowsOptions', 'hostProcess')
  if (hostProcess?.value === true) found.push([hostProcess, 'windowsOptions.hostProcess: true'])
  const selinux = nodeAt(context, 'seLinuxOptions')
  for (const name of ['type', 'user', 'role']) {
    const one = nodeAt(selinux, name)
    const allowed = name === 'type' ? SELINUX_TYPES : ['']
    if (one && !allowed.includes(textOf(one))) found.push([one, `seLinuxOptions.${name}: ${textOf(one)}`])
  }
  for (const profile of ['seccompProfile', 'appArmorProfile']) {
    const type = nodeAt(context, profile, 'type')
    if (isGiven(type) && !['RuntimeDefault', 'Localhost'].includes(textOf(type)))
      found.push([type, `${profile}.type: ${textOf(type)}`])
  }
}

/** The hosts that a probe or lifecycle hook of a container connects to; empty is the pod itself. */
function inHandler(name: string, handler: Tree | undefined, found: Forbidden[]): void {
  if (!handler) return
  for (const action of ['httpGet', 'tcpSocket']) {
    const host = nodeAt(handler, action, 'host')
    if (isGiven(host)) found.push([host, `${name}.${action}.host: ${textOf(host)}`])
  }
}

function inContainer(container: Tree, spec: Tree, found: Forbidden[]): void {
  const context = nodeAt(container, 'securityContext')
  const privileged = nodeAt(context, 'privileged')
  if (privileged?.value === true) found.push([privileged, 'privileged: true'])
  for (const one of nodeAt(context, 'capabilities', 'add')?.list ?? [])
    if (!CAPABILITIES.includes(textOf(one))) found.push([one, `the capability ${textOf(one)}`])
  const procMount = nodeAt(context, 'procMount')
  // A pod in a user namespace of its own may, from Kubernetes 1.35.
  if (isGiven(procMount) && textOf(procMount) !== 'Default' && nodeAt(spec, 'hostUsers')?.value !== false)
    found.push([procMount, `procMount: ${textOf(procMount)}`])
  inSecurityContext(context, found)
  for (const port of nodeAt(container, 'ports')?.list ?? []) {
    const host = nodeAt(port, 'hostPort')
    if (host?.value) found.push([host, `hostPort: ${textOf(host)}`])
  }
  for (const name of PROBES) inHandler(name, nodeAt(container, name), found)
  for (const name of HOOKS) inHandler(name, nodeAt(container, 'lifecycle', name), found)
}

/** All that the level baseline forbids in the pod of a job, but for its presets. */
function forbiddenInJob(job: Job): Forbidden[] {
  const found: Forbidden[] = []
  const spec = nodeAt(job.tree, 'spec')
  if (!spec) return found
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) {
    const one = nodeAt(spec, name)
    if (one?.value === true) found.push([one, `${name}: true`])
  }
  const context = nodeAt(spec, 'securityContext')
  inSecurityContext(context, found)
  for (const one of nodeAt(context, 'sysctls')?.list ?? []) {
    const name = textOf(nodeAt(one, 'name'))
    if (!SYSCTLS.includes(name)) found.push([one, `the sysctl ${name}`])
  }
  for (const list of ['initContainers', 'containers'])
    for (const container of nodeAt(spec, list)?.list ?? []) inContainer(container, spec, found)
  found.push(...hostPaths(nodeAt(spec, 'volumes')))
  // Prow gives the annotations of a job to its pod.
  for (const [name, value] of nodeAt(job.tree, 'annotations')?.map ?? [])
    if (name.startsWith(APPARMOR_ANNOTATION) && !/^(runtime\/default$|localhost\/|$)/.test(textOf(value)))
      found.push([value, `the annotation ${name}: ${textOf(value)}`])
  return found
}

function hostPaths(volumes: Tree | undefined): Forbidden[] {
  return (volumes?.list ?? []).flatMap((volume): Forbidden[] => {
    const hostPath = nodeAt(volume, 'hostPath')
    // A key without a value is no hostPath.
    return hostPath?.map ? [[hostPath, `the hostPath volume ${textOf(nodeAt(hostPath, 'path'))}`]] : []
  })
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
      const jobs = new Map<Preset, number>()
      for (const job of all.jobs)
        if (runsInTestPods(job))
          for (const preset of presetsFor(job, all)) jobs.set(preset, (jobs.get(preset) ?? 0) + 1)
      for (const [preset, count] of jobs) {
        const applies = `it applies to ${count} ${count === 1 ? 'job' : 'jobs'}`
        for (const [at, shown] of hostPaths(nodeAt(preset.tree, 'volumes'))) {
          const message = `${shownPreset(preset)} has ${shown}, which JOB_POD_SECURITY=${level} forbids; ${applies}`
          yield { ...match(at, message), file: preset.file }
        }
      }
    },
  },
]
