// How the cost of validating a configuration grows: 10, 1,000 and 10,000 jobs over up to 500 files, by our rules, and
// relative to checkconfig on the same files.  npx tsx test/bench/config.ts [--checkconfig PROGRAM] [--rounds 3]
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { validateConfig } from '../../lib/prow/validate-config.ts'
import { readSettings } from '../../lib/settings/settings.ts'

const { checkconfig = 'checkconfig', rounds = '3' } = parseArgs({
  options: { checkconfig: { type: 'string' }, rounds: { type: 'string' } },
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
  const settings = readSettings(join(folder, '.env'), {
    TARGET: 'local',
    KUBECONFIG_FILE: 'k',
    KUBE_CONTEXT: 'c',
    PROW_HOST: 'prow.example.com',
    GITHUB_ORG: 'org',
    LOG_BUCKET: 'logs',
    IDENTITY: 'keys',
    INGRESS: 'none',
  })
  return { folder, config, bytes, settings }
}

const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

let before: { jobs: number; seconds: number } | undefined
for (const [jobs, files] of [
  [10, 10],
  [1000, 500],
  [10_000, 500],
] as const) {
  const { folder, config, bytes, settings } = writeConfig(jobs, files)
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < Number(rounds); round++) {
    let began = performance.now()
    await validateConfig(settings)
    ours.push((performance.now() - began) / 1000)
    began = performance.now()
    const ended = spawnSync(checkconfig, [
      `--config-path=${config}/config.yaml`,
      `--plugin-config=${config}/plugins.yaml`,
      `--job-config-path=${config}/jobs`,
      '--strict',
    ])
    if (ended.status !== 0) throw new Error(`${checkconfig}: ${ended.error ?? ended.stderr}`)
    theirs.push((performance.now() - began) / 1000)
  }
  const [mine, other] = [median(ours), median(theirs)]
  const grown = before ? `, ${(mine / before.seconds).toFixed(1)} times that of ${before.jobs} jobs` : ''
  console.log(
    `${String(jobs).padStart(6)} jobs, ${files} files, ${(bytes / 1024).toFixed(0)} KiB: ours ${mine.toFixed(2)} s${grown}; checkconfig ${other.toFixed(2)} s; ratio ${(mine / other).toFixed(2)}`,
  )
  before = { jobs, seconds: mine }
  rmSync(folder, { recursive: true })
}
