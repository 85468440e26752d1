// How the cost of validating a configuration grows: 10, 1,000 and 10,000 jobs over up to 500 files, by our rules, and
// relative to checkconfig on the same files, each time in a new process. A folder of your own is measured instead with
// --config: npx tsx test/bench/config.ts [--checkconfig PROGRAM] [--rounds 5] [--config FOLDER]
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { validateConfig } from '../../lib/prow/validate-config.ts'
import { readSettings } from '../../lib/settings/settings.ts'

const {
  checkconfig = 'checkconfig',
  rounds = '5',
  config: own,
  once,
} = parseArgs({
  options: {
    checkconfig: { type: 'string' },
    rounds: { type: 'string' },
    config: { type: 'string' },
    /** Only measures our rules once on a folder, and prints the seconds of wall and CPU time. */
    once: { type: 'string' },
  },
}).values

const CONFIG = `prowjob_namespace: prow
pod_namespace: test-pods
decorate_all_jobs: true
plank:
  default_decoration_config_entries:
    - config:
        utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}
        gcs_configuration: {bucket: s3://logs, path_strategy: explicit}
        s3_credentials_secret: s3-credentials
`

/** One job as people write them; every tenth is a periodic, and 50 of them share a repository. */
function job(number: number): { kind: string; text: string } {
  const spec = `      labels:
        team: team-${number % 40}
      annotations:
        description: Job number ${number} does what job number ${number} has to do.
      spec:
        containers:
          - image: registry.example.com/builder:1.${number % 100}
            command:
              - make
            args:
              - test-${number}
            env:
              - name: TARGET
                value: "${number}"
            resources:
              requests: {cpu: 100m, memory: 256Mi}
              limits: {memory: 1Gi}
`
  if (number % 10 === 0)
    return {
      kind: 'periodics',
      text: `    - name: periodic-${number}\n      cron: "${number % 60} 3 * * 1-5"\n${spec}`,
    }
  return {
    kind: `org/repo-${Math.floor(number / 50)}`,
    text: `    - name: job-${number}\n      run_if_changed: ^dir-${number}/\n      branches: [^main$]\n${spec}`,
  }
}

/** Writes so many jobs to so many files, and gives back the settings that point to them. */
function writeConfig(jobs: number, files: number) {
  const folder = mkdtempSync(join(tmpdir(), 'prow-bench-config-'))
  const config = join(folder, 'config')
  mkdirSync(join(config, 'jobs'), { recursive: true })
  writeFileSync(join(config, 'config.yaml'), CONFIG)
  writeFileSync(join(config, 'plugins.yaml'), 'plugins:\n  org:\n    plugins: [trigger]\n')
  writeFileSync(join(config, 'labels.yaml'), 'default: {labels: []}\n')
  let bytes = 0
  for (let file = 0; file < files; file++) {
    const mine = Array.from({ length: jobs }, (_, number) => number)
      .filter((number) => number % files === file)
      .map(job)
    const periodics = mine.filter(({ kind }) => kind === 'periodics')
    const repos = [...new Set(mine.map(({ kind }) => kind))].filter((kind) => kind !== 'periodics')
    const text = [
      periodics.length > 0 ? `periodics:\n${periodics.map((one) => one.text).join('')}` : '',
      repos.length > 0 ? 'presubmits:\n' : '',
      ...repos.map(
        (repo) =>
          `  ${repo}:\n${mine
            .filter(({ kind }) => kind === repo)
            .map((one) => one.text)
            .join('')}`,
      ),
    ].join('')
    bytes += text.length
    writeFileSync(join(config, 'jobs', `file-${file}.yaml`), text)
  }
  return { folder, config, bytes }
}

/** Seconds of wall and CPU time. */
interface Cost {
  wall: number
  cpu: number
}

async function measureOnce(config: string): Promise<Cost> {
  const settings = readSettings(join(config, '../.env'), {
    TARGET: 'local',
    KUBECONFIG_FILE: 'k',
    KUBE_CONTEXT: 'c',
    PROW_HOST: 'prow.example.com',
    GITHUB_ORG: 'org',
    LOG_BUCKET: 'logs',
    IDENTITY: 'keys',
    INGRESS: 'none',
    CONFIG_DIR: config,
  })
  // The installed runbook has them compiled.
  await import('../../lib/prow/rules/index.ts')
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  await validateConfig(settings)
  const { user, system } = process.cpuUsage(cpu)
  return { wall: (performance.now() - began) / 1000, cpu: (user + system) / 1e6 }
}

function ours(config: string): Cost {
  const { stdout, stderr } = spawnSync('npx', ['tsx', import.meta.filename, '--once', config], { encoding: 'utf8' })
  if (!stdout) throw new Error(stderr)
  return JSON.parse(stdout)
}

function theirs(config: string): Cost {
  const flags = [
    `--config-path=${config}/config.yaml`,
    `--plugin-config=${config}/plugins.yaml`,
    `--job-config-path=${config}/jobs`,
    '--strict',
  ]
  const began = performance.now()
  // The last line of times is the user and system time of what the shell ran.
  const args = ['-c', '"$@" >/dev/null 2>&1; echo $?; times', 'sh', checkconfig, ...flags]
  const lines = spawnSync('sh', args, { encoding: 'utf8' }).stdout.trim().split('\n')
  const wall = (performance.now() - began) / 1000
  if (Number(lines[0]) > 1) throw new Error(`${checkconfig} ended with ${lines[0]}`)
  const seconds = [...lines.at(-1)!.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => Number(minutes) * 60 + Number(rest),
  )
  return { wall, cpu: seconds[0]! + seconds[1]! }
}

const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

/** Measures both in turn, and prints the medians and their ratio; answers our CPU time. */
function compare(title: string, config: string): number {
  const costs = Array.from({ length: Number(rounds) }, () => ({ ours: ours(config), theirs: theirs(config) }))
  const row = (['cpu', 'wall'] as const).map((kind) => {
    const [mine, other] = [median(costs.map((one) => one.ours[kind])), median(costs.map((one) => one.theirs[kind]))]
    return `${kind} ${mine.toFixed(2)} s, checkconfig ${other.toFixed(2)} s, ratio ${(mine / other).toFixed(2)}`
  })
  console.log(`${title}: ${row.join('; ')}`)
  return median(costs.map((one) => one.ours.cpu))
}

if (once) console.log(JSON.stringify(await measureOnce(once)))
else if (own) compare(own, resolve(own))
else {
  let before: { jobs: number; cpu: number } | undefined
  for (const [jobs, files] of [
    [10, 10],
    [1000, 500],
    [10_000, 500],
  ] as const) {
    const { folder, config, bytes } = writeConfig(jobs, files)
    const cpu = compare(`${String(jobs).padStart(6)} jobs, ${files} files, ${(bytes / 1024).toFixed(0)} KiB`, config)
    if (before) console.log(`       ${(cpu / before.cpu).toFixed(1)} times the CPU time of ${before.jobs} jobs`)
    before = { jobs, cpu }
    rmSync(folder, { recursive: true })
  }
}
