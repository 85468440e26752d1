import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfiguration } from '../../../../lib/prow/rules/index.ts'
import type { Settings } from '../../../../lib/settings/table.ts'

const CONFIG = 'prowjob_namespace: prow\npod_namespace: test-pods\n'

/** What the level forbids in a job with this spec, without the name of the job. */
function forbidden(spec: string, more = '', level = 'baseline', files: Record<string, string> = {}): string[] {
  const job = `presubmits:\n  org/repo:\n  - name: a\n    ${more}\n    spec: ${spec}\n`
  const jobs = { 'a.yaml': job, ...files }
  return checkConfiguration(
    {
      config: { displayName: 'config.yaml', text: CONFIG },
      plugins: { displayName: 'plugins.yaml', text: '' },
      jobs: new Map(Object.entries(jobs).map(([name, text]) => [name, { displayName: name, text }])),
    },
    { PROW_HOST: 'p', GITHUB_ORG: 'org', LOG_BUCKET: 'logs', JOB_POD_SECURITY: level } as Settings,
  )
    .filter(({ rule }) => rule.endsWith('pod-security'))
    .map(({ severity, file, line, message, setting }) => {
      assert.deepEqual([severity, setting], ['here', 'JOB_POD_SECURITY=privileged'])
      return `${file}:${line} ${message.replace(/^presubmit a has /, '').replace(', which JOB_POD_SECURITY=baseline forbids', '')}`
    })
}

const container = (text: string) => `{containers: [{image: i, command: [c], ${text}}]}`

test('each control of the level baseline, and what it allows', () => {
  for (const [spec, expected] of [
    ['{hostNetwork: true, containers: []}', 'hostNetwork: true'],
    ['{hostPID: true, containers: []}', 'hostPID: true'],
    ['{hostIPC: true, containers: []}', 'hostIPC: true'],
    [container('securityContext: {privileged: true}'), 'privileged: true'],
    [container('securityContext: {capabilities: {add: [SYS_ADMIN]}}'), 'the capability SYS_ADMIN'],
    [container('ports: [{containerPort: 80, hostPort: 80}]'), 'hostPort: 80'],
    [container('securityContext: {procMount: Unmasked}'), 'procMount: Unmasked'],
    [container('securityContext: {seccompProfile: {type: Unconfined}}'), 'seccompProfile.type: Unconfined'],
    [container('securityContext: {appArmorProfile: {type: Unconfined}}'), 'appArmorProfile.type: Unconfined'],
    [container('securityContext: {seLinuxOptions: {type: spc_t}}'), 'seLinuxOptions.type: spc_t'],
    [container('securityContext: {seLinuxOptions: {user: u}}'), 'seLinuxOptions.user: u'],
    [container('securityContext: {windowsOptions: {hostProcess: true}}'), 'windowsOptions.hostProcess: true'],
    [container('livenessProbe: {httpGet: {host: example.com}}'), 'livenessProbe.httpGet.host: example.com'],
    [container('lifecycle: {preStop: {tcpSocket: {host: a}}}'), 'preStop.tcpSocket.host: a'],
    ['{securityContext: {sysctls: [{name: kernel.msgmax, value: "1"}]}, containers: []}', 'the sysctl kernel.msgmax'],
    ['{securityContext: {seccompProfile: {type: Unconfined}}, containers: []}', 'seccompProfile.type: Unconfined'],
    ['{volumes: [{name: v, hostPath: {path: /var/run}}], containers: []}', 'the hostPath volume /var/run'],
    ['{initContainers: [{name: i, securityContext: {privileged: true}}], containers: []}', 'privileged: true'],
  ] as const)
    assert.deepEqual(forbidden(spec), [`a.yaml:5 ${expected}`], spec)
  const annotation = 'annotations: {container.apparmor.security.beta.kubernetes.io/test: unconfined}'
  assert.equal(forbidden(container(''), annotation).length, 1)
  for (const spec of [
    container('securityContext: {privileged: false, capabilities: {add: [CHOWN], drop: [ALL]}, procMount: Default}'),
    container('securityContext: {seccompProfile: {type: RuntimeDefault}, seLinuxOptions: {type: container_t}}'),
    container('ports: [{containerPort: 80}], livenessProbe: {httpGet: {port: 80}}'),
    '{hostNetwork: false, volumes: [{name: v, emptyDir: {}}], containers: []}',
    '{securityContext: {runAsUser: 0, sysctls: [{name: net.ipv4.tcp_syncookies}]}, containers: []}',
    '{hostUsers: false, containers: [{securityContext: {procMount: Unmasked}}]}',
  ])
    assert.deepEqual(forbidden(spec), [], spec)
})

test('not where no pod is made in test-pods, nor with JOB_POD_SECURITY=privileged', () => {
  const spec = container('securityContext: {privileged: true}')
  assert.equal(forbidden(spec).length, 1)
  assert.deepEqual(forbidden(spec, '', 'privileged'), [])
  // Its cluster is not there: reported with it, it is corrected once.
  assert.equal(forbidden(spec, 'cluster: elsewhere').length, 1)
  assert.deepEqual(forbidden(spec, 'agent: jenkins'), [])
})

test('a hostPath of a preset is one violation, at the preset, with the number of its jobs', () => {
  const spec = container('')
  const presets = {
    'presets.yaml': `presets:
- labels: {preset-kind: "true"}
  volumes:
  - {name: modules, hostPath: {path: /lib/modules}}
periodics:
- {name: p, interval: 1h, labels: {preset-kind: "true"}, spec: {containers: []}}
`,
  }
  assert.deepEqual(forbidden(spec, 'labels: {preset-kind: "true"}', 'baseline', presets), [
    'presets.yaml:4 the preset preset-kind: "true" has the hostPath volume /lib/modules; it applies to 2 jobs',
  ])
  assert.deepEqual(forbidden(spec, 'labels: {preset-kind: "false"}', 'baseline', presets), [
    'presets.yaml:4 the preset preset-kind: "true" has the hostPath volume /lib/modules; it applies to 1 job',
  ])
})
