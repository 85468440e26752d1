// What the guide never says: everything that a later step will stumble over, looked at before anything is made.

import { type Finding, Problem } from '../lib/base/problem.ts'
import { onPath } from '../lib/base/shell.ts'
import { reportChecks } from '../lib/kubernetes/check.ts'
import { nodeChecks, permissionChecks, storageClassCheck } from '../lib/kubernetes/cluster.ts'
import { versions } from '../lib/kubernetes/kubectl.ts'
import { type Snapshot, snapshot } from '../lib/kubernetes/snapshot.ts'
import { preflightAws } from '../lib/prow/aws-checks.ts'
import { validateConfig } from '../lib/prow/config.ts'
import { checkPublicDeck } from '../lib/prow/public-deck.ts'
import { exposedFiles, inspectSecrets } from '../lib/prow/secrets.ts'
import { checkCredentials } from '../lib/prow/sign-in.ts'
import { note, skipped } from '../lib/run/task.ts'
import { prowUrl } from '../lib/settings/derived.ts'
import { step } from '../lib/step.ts'
import { serverAddress } from '../lib/target.ts'

await step(
  import.meta,
  {
    title: 'Look at everything that the steps need',
    reads: 'the settings, secrets/, config/, the tools on this machine, the cluster',
    creates: 'nothing',
    needs: 'nothing',
  },
  async (settings) => {
    const faults: Finding[] = []
    // A fault does not keep the others from being found.
    const also = async <T>(look: () => T | Promise<T>): Promise<T | undefined> => {
      try {
        return await look()
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        for (const fault of error.findings) {
          // A cluster that is out of reach is one fault, however many questions it leaves open.
          if (faults.some(({ message }) => message === fault.message)) continue
          faults.push(fault)
          note('failed', fault.message.split('\n')[0] ?? '')
        }
        return undefined
      }
    }

    note('holds', `settings: TARGET=${settings.TARGET}, ${prowUrl(settings)}/, organisation ${settings.GITHUB_ORG}`)
    if (settings.fromEnvironment.length > 0)
      note('warning', `from the environment, not from the file: ${settings.fromEnvironment.join(', ')}`)

    const openssl = onPath('openssl')
    if (!openssl) await also(() => Promise.reject(new Problem('openssl is not on PATH', 'Install openssl.')))
    // All that the cluster is asked, at once; told in order below.
    const asked = Promise.all([
      also(() => nodeChecks(settings)),
      // What a later step makes is no fault now.
      also(async () => [await storageClassCheck(settings)].filter((row) => !row.step)),
      also(permissionChecks),
    ])
    const ahead = settings.TARGET === 'eks' ? preflightAws(settings) : undefined
    const [found, now] = await Promise.all([also(versions), also<Snapshot>(snapshot)])
    if (found) note('holds', `tools: kubectl ${found.client}, openssl`)

    const secrets = inspectSecrets(settings, now)
    for (const { message } of secrets.faults) note('failed', message)
    for (const { message, remedy } of secrets.warnings) note('warning', message, remedy)
    faults.push(...secrets.faults)
    if (secrets.faults.length === 0) {
      const told = [...secrets.values].map(([name, { from }]) =>
        from === 'cluster' ? `${name} (from the cluster)` : name,
      )
      note('holds', `secrets: ${[...told, ...secrets.missing.map((name) => `${name} (to be made)`)].join(', ')}`)
    }
    const github = await checkCredentials(settings, secrets.values)
    if (settings.GITHUB_CHECKS === 'off') skipped('what GitHub says', 'GITHUB_CHECKS=off')
    if (github?.summary && github.faults.length === 0) note('holds', github.summary)
    for (const { message } of github?.faults ?? []) note('failed', message)
    for (const { message, remedy } of github?.warnings ?? []) note('warning', message, remedy)
    faults.push(...(github?.faults ?? []))
    for (const file of exposedFiles(settings))
      note('warning', `${file} can be read by others on this machine`, `chmod 600 ${file}`)

    const config = await also(async () => {
      const { prow, hints } = await validateConfig(settings)
      for (const { message, remedy } of hints) note('warning', message, remedy)
      return prow
    })
    if (config)
      note(
        'holds',
        `configuration: ${config.from}, ${config.jobs.size} ${config.jobs.size === 1 ? 'file' : 'files'} of jobs`,
      )
    if (config && now)
      await also(async () => {
        const deck = await checkPublicDeck(settings, config)
        for (const { message, remedy } of deck.warnings) note('warning', message, remedy)
        if (deck.faults.length > 0) throw Problem.all(deck.faults)
      })

    // Awaited also when nothing is told of it: an answer must not come when the run is over.
    const rows = await asked
    if (now) {
      note('holds', `cluster: ${serverAddress()} answers`)
      for (const row of rows.flatMap((some) => some ?? [])) faults.push(...(await reportChecks('cluster', row)))
    }
    for (const { outcome, message: says, finding: fault } of (await ahead) ?? []) {
      note(outcome, says, outcome === 'warning' ? fault?.remedy.split('\n')[0] : undefined)
      if (outcome === 'failed' && fault) faults.push(fault)
    }
    if (faults.length > 0) throw Problem.all(faults)
  },
)
