import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { Completed } from '../../../lib/base/shell.ts'
import { runCheckconfig, verdict } from '../../../lib/prow/checkconfig.ts'
import { unpackScript } from '../../../lib/prow/checkconfig-pod.ts'
import type { ProwConfig } from '../../../lib/prow/config.ts'
import { currentRun, newRun, setRun } from '../../../lib/run/context.ts'
import { folder, LOCAL, settings, write } from '../world.ts'

const ended = (exitCode: number, stderr = '', stdout = ''): Completed => ({ exitCode, stdout, stderr })
const log = (level: string, msg: string, error?: string) =>
  JSON.stringify({ component: 'checkconfig', level, severity: level, msg, ...(error ? { error } : {}) })

describe('the verdict', () => {
  const errorsOf = (completed: Completed) => {
    const found = verdict('it', completed)
    assert.ok(found.ran)
    return found.errors
  }

  test('is that the configuration is accepted when it ends with 0, whatever it logs', () => {
    const accepted = { ran: true, program: 'it', errors: [], loads: true, unmade: [] }
    assert.deepEqual(verdict('it', ended(0, log('warning', 'deprecated'))), accepted)
  })

  test('is each error that it logs, once', () => {
    const lines = [
      log('warning', 'deprecated style'),
      log('error', 'Error loading', 'job a: no containers'),
      log('fatal', 'Validation failed', 'job a: no containers'),
      log('fatal', 'Validation failed', 'job b: bad name'),
      'not JSON',
      '"text"',
    ]
    const errors = ['job a: no containers', 'job b: bad name']
    assert.deepEqual(verdict('it', ended(1, lines.join('\n'))), {
      ran: true,
      program: 'it',
      errors,
      loads: false,
      unmade: [],
    })
  })

  test('is each of the errors that Go has put together, without where it was when it found them', () => {
    const all = 'error loading prow config: [invalid presubmit job a: no name, or none, invalid postsubmit job b: bad]'
    assert.deepEqual(errorsOf(ended(1, log('fatal', 'Validation failed', all))), [
      'invalid presubmit job a: no name, or none',
      'invalid postsubmit job b: bad',
    ])
    const plugins = 'error loading Prow plugin config: failed to start plugins agent: plugins [size] are duplicated'
    assert.deepEqual(errorsOf(ended(1, log('fatal', 'Validation failed', plugins))), ['plugins [size] are duplicated'])
  })

  test('is what --strict refuses of a configuration that loads, and no notice of something deprecated', () => {
    const warned = (msg: string, func: string) => JSON.stringify({ level: 'warning', msg, func })
    const lines = [
      warned('the field x is deprecated', 'config.load'),
      warned('jobs lack a trigger', 'main.reportWarning'),
      log('fatal', 'Strict is set and there were warnings'),
    ]
    const errors = ['jobs lack a trigger']
    assert.deepEqual(verdict('it', ended(1, lines.join('\n'))), {
      ran: true,
      program: 'it',
      errors,
      loads: true,
      unmade: [],
    })
  })

  test('is nothing of a check that it could not make: what it needs for it is in the bucket', () => {
    const error = 'error opening build cluster status file for reading: Get "https://storage.example.com": no such host'
    const lines = [
      JSON.stringify({ level: 'warning', msg: error, func: 'main.reportWarning' }),
      log('fatal', 'Strict is set and there were warnings'),
    ]
    const accepted = { ran: true, program: 'it', errors: [], loads: true, unmade: [error] }
    assert.deepEqual(verdict('it', ended(1, lines.join('\n'))), accepted)
  })

  test('is its message when it logs no error beside it, also on stdout', () => {
    assert.deepEqual(errorsOf(ended(1, '', log('fatal', 'no plugins'))), ['no plugins'])
  })

  const failures: [Completed, string][] = [
    [ended(2, 'flag provided but not defined: -strict\nUsage:\n  -x'), 'flag provided but not defined: -strict'],
    [ended(126, 'exec format error'), 'exec format error'],
    [ended(137), 'exit code 137'],
    [ended(1, log('info', 'starting')), log('info', 'starting')],
  ]
  for (const [completed, reason] of failures) {
    test(`is none when it fails without an error of its own: ${reason.slice(0, 40)}`, () => {
      assert.deepEqual(verdict('it', completed), { ran: false, reason, remedy: 'Check that it works.' })
    })
  }
})

describe('the files for the pod', () => {
  const long = `jobs/${'n'.repeat(145)}.yaml`
  const files = {
    'config.yaml': "a: 'it''s'\nEND\n",
    'plugins.yaml': '',
    [long]: '# 中文 \u0081\r\nb: "$HOME `x`"',
    'jobs/a.yaml': 'c: 1\n\n',
  }

  test('arrive byte for byte, also by names that a tar header has no room for', () => {
    assert.equal(long.length, 155)
    const path = join(folder(), "it's here")
    execFileSync('sh', ['-c', 'set -e; eval "$(cat)"'], { input: unpackScript(files, path) })
    for (const [name, text] of Object.entries(files)) assert.equal(readFileSync(join(path, name), 'utf8'), text, name)
    assert.ok(existsSync(join(path, 'complete')))
  })

  test('that are cut off are not taken for the configuration', () => {
    const path = join(folder(), 'c')
    const script = unpackScript(files, path)
    for (const part of ['', script.slice(0, script.length / 2), script.slice(0, -3)]) {
      spawnSync('sh', ['-c', 'set -e; eval "$(cat)"'], { input: part })
      assert.ok(!existsSync(join(path, 'complete')), `${part.length} of ${script.length}`)
    }
  })
})

const source = (text: string, displayName = '') => ({ displayName, text })
const PROW: ProwConfig = {
  from: '',
  config: source('a: 1\n'),
  plugins: source('b: 1\n'),
  labels: source(''),
  jobs: new Map([['job.yaml', source('c: 1\n', 'config/jobs/job.yaml')]]),
}

// What kubectl prints comes from files beside it; what it is asked is in `asked`.
const KUBECTL = `#!/bin/sh
dir="$(dirname "$0")"
echo "$*" >>"$dir/asked"
case "$*" in
*,nodes,*) cat "$dir/nodes" ;;
'get pod '*) cat "$dir/pod" ;;
run*) cat >"$dir/input"; cat "$dir/stderr" >&2; exit "$(cat "$dir/code")" ;;
delete*) echo 'Error from server (Forbidden): pods is forbidden' >&2; exit 1 ;;
*) echo '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prow"}}' ;;
esac
`
const NODE = { kind: 'Node', metadata: { name: 'node' } }

describe('without checkconfig on PATH', () => {
  const { PATH, LC_ALL } = process.env
  let bin = ''
  const prepare = (files: Record<string, string> = {}) => {
    bin = folder({
      kubectl: KUBECTL,
      nodes: JSON.stringify({ kind: 'List', items: [NODE] }),
      pod: '',
      stderr: '',
      code: '0',
      ...files,
    })
    chmodSync(join(bin, 'kubectl'), 0o755)
    process.env.PATH = `${bin}:/usr/bin:/bin`
  }
  const begin = (values: Record<string, string> = {}, plan = false) => {
    setRun(newRun(settings({ ...LOCAL, ...values }), { plan }))
    currentRun().target = { kubeconfig: 'k', context: 'c', server: 's' }
    currentRun().steps.push({
      step: '',
      title: '',
      outcome: 'done',
      results: [],
      problems: [],
      seconds: 0,
      wrote: false,
    })
  }
  const run = () => runCheckconfig(currentRun().settings, PROW, 'cluster')
  /** Why it did not run although it was to. */
  const failedBecause = async () => {
    const found = await run()
    assert.ok(!found.ran && found.remedy)
    return found.reason
  }
  const asked = () => readFileSync(join(bin, 'asked'), 'utf8')

  after(() => {
    process.env.PATH = PATH
    if (LC_ALL === undefined) delete process.env.LC_ALL
    else process.env.LC_ALL = LC_ALL
    setRun()
  })

  test('it is skipped under --plan, in a Chinese locale too', async () => {
    process.env.LC_ALL = 'zh_CN.UTF-8'
    prepare()
    begin({}, true)
    assert.deepEqual(await run(), { ran: false, reason: 'not on PATH, and a plan starts no pod' })
  })

  test('it is skipped with CHECKCONFIG=off, and where no pod can run', async () => {
    prepare()
    begin({ CHECKCONFIG: 'off' })
    assert.deepEqual(await run(), { ran: false, reason: 'CHECKCONFIG=off' })
    const simulated = { ...NODE, metadata: { name: 'node', annotations: { 'kwok.x-k8s.io/node': 'fake' } } }
    for (const [items, reason] of [
      [[], 'not on PATH, and the cluster has no nodes'],
      [[simulated], 'not on PATH, and the nodes are simulated: no program runs there'],
    ] as const) {
      prepare({ nodes: JSON.stringify({ kind: 'List', items }) })
      begin()
      assert.deepEqual(await run(), { ran: false, reason })
    }
  })

  test('it runs in a pod that gets the configuration on its stdin, and that is removed', async () => {
    prepare()
    begin()
    assert.deepEqual(await run(), {
      ran: true,
      program: 'checkconfig in the cluster',
      errors: [],
      loads: true,
      unmade: [],
    })
    const path = join(folder(), 'c')
    const input = readFileSync(join(bin, 'input'), 'utf8').replaceAll('/tmp/c', path)
    execFileSync('sh', ['-c', 'eval "$(cat)"'], { input })
    assert.equal(readFileSync(join(path, 'jobs/job.yaml'), 'utf8'), 'c: 1\n')
    assert.match(asked(), /delete pod -n prow --ignore-not-found --wait=false checkconfig-/)
    assert.match(asked(), /"automountServiceAccountToken":false/)
  })

  test('what it refuses there is refused', async () => {
    begin()
    const error = 'error unmarshalling /tmp/c/jobs/job.yaml: bad name'
    prepare({ code: '1', stderr: log('fatal', 'Validation failed', error) })
    const found = await run()
    assert.deepEqual(found.ran && found.errors, ['error unmarshalling config/jobs/job.yaml: bad name'])
  })

  const status = (status: object) => JSON.stringify({ kind: 'Pod', metadata: { name: 'x' }, status })
  const cases: [name: string, files: Record<string, string>, reason: string][] = [
    [
      'a lack of permission',
      { stderr: 'Error from server (Forbidden): pods is forbidden: User "me" cannot create resource "pods"' },
      'Error from server (Forbidden): pods is forbidden: User "me" cannot create resource "pods"',
    ],
    [
      'a quota',
      { stderr: 'Error from server (Forbidden): pods "x" is forbidden: exceeded quota: prow, requested: pods=1' },
      'Error from server (Forbidden): pods "x" is forbidden: exceeded quota: prow, requested: pods=1',
    ],
    [
      'Pod Security',
      { stderr: 'Error from server (Forbidden): pods "x" is forbidden: violates PodSecurity "restricted:latest"' },
      'Error from server (Forbidden): pods "x" is forbidden: violates PodSecurity "restricted:latest"',
    ],
    [
      'an image that cannot be pulled',
      {
        stderr: 'error: timed out waiting for the condition',
        pod: status({
          containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'no such tag' } } }],
        }),
      },
      'its pod shows ImagePullBackOff: no such tag',
    ],
    [
      'a pod that no node takes',
      {
        stderr: 'error: timed out waiting for the condition',
        pod: status({ conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }] }),
      },
      'its pod shows 0/1 nodes are available',
    ],
    [
      'a lack of memory',
      { code: '137', pod: status({ containerStatuses: [{ state: { terminated: { reason: 'OOMKilled' } } }] }) },
      'its pod shows OOMKilled',
    ],
    [
      'input that was cut off',
      {
        stderr: 'sh: syntax error: unexpected end of file',
        pod: status({ containerStatuses: [{ state: { terminated: { reason: 'Error' } } }] }),
      },
      'sh: syntax error: unexpected end of file',
    ],
  ]
  for (const [name, files, reason] of cases) {
    test(`${name} does not refuse the configuration`, async () => {
      prepare({ code: '1', ...files })
      begin()
      assert.equal(await failedBecause(), reason)
    })
  }

  test('a cluster that does not let its nodes be listed does not refuse it either', async () => {
    prepare()
    begin()
    write(bin, { kubectl: '#!/bin/sh\necho "Error from server (Forbidden): nodes is forbidden" >&2\nexit 1\n' })
    assert.equal(await failedBecause(), 'Error from server (Forbidden): nodes is forbidden')
  })
})
