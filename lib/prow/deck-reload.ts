import { type Finding, passed, warning } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { withSpinner } from '../base/terminal.ts'
import { explainKubectl } from '../kubernetes/errors.ts'
import { tryKubectl } from '../kubernetes/kubectl.ts'
import { getObjects, snapshot } from '../kubernetes/snapshot.ts'
import { isReady } from '../kubernetes/wait.ts'
import { currentRun } from '../run/context.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import type { Result } from '../run/result.ts'
import { skipped } from '../run/task.ts'
import { inspectNodes } from './simulation.ts'

/** How long the kubelet may take to update a mounted ConfigMap and Deck to read it, in seconds. */
const LIMIT = 150
/** How many times in a row a pod may fail to answer, such as one that is being replaced. */
const ATTEMPTS = 5
/** The pause between two questions, in milliseconds. */
const PAUSE = 3000

/**
 * Waits until every pod of Deck has read the configuration that was changed by `results`; nothing to do when none was
 * changed. Prow needs no restart for it, so a Deck that has not is a warning.
 */
export async function verifyDeckReload(results: Result[]): Promise<Finding[]> {
  if (!results.some(({ outcome }) => outcome === 'changed')) return []
  const now = await snapshot()
  const deck = now.get('Deployment', 'deck', 'prow')
  const version = (now.get('ConfigMap', 'config', 'prow')?.data as Record<string, string> | undefined)?.VERSION
  if (!deck || !isReady(deck)) return skip('Deck does not run yet')
  if (!version) return skip('this configuration has no VERSION')
  if ((await inspectNodes()).simulated) return skip('the nodes are simulated: no program runs there')
  return [
    await withSpinner('waiting for Deck to read the configuration', (progress) => waitForVersion(version, progress)),
  ]
}

function skip(reason: string): Finding[] {
  skipped('Deck reload', reason)
  return []
}

async function waitForVersion(version: string, progress: (text: string) => void): Promise<Finding> {
  const limit = Math.min(currentRun().settings.WAIT_SECONDS, LIMIT)
  const until = Date.now() + limit * 1000
  const pods = await getObjects('pods', '-n', 'prow', '-l', 'app=deck', '--field-selector=status.phase=Running')
  const waiting = new Set(pods.map(({ metadata }) => metadata.name))
  const remedy = `Check its log: ${kubectlLine('-n', 'prow', 'logs', 'deployment/deck')}`
  let failures = 0
  for (;;) {
    for (const pod of waiting) {
      const path = `/api/v1/namespaces/prow/pods/${pod}:8080/proxy/config`
      const { stdout, stderr, exitCode } = await tryKubectl(['get', '--raw', path])
      if (exitCode !== 0) {
        const { message, code } = explainKubectl(stderr)
        failures += 1
        // The pod may have been replaced meanwhile; a lack of permission lasts.
        if (code === 'denied' || failures >= ATTEMPTS)
          return warning(`Deck does not answer through the API server: ${message.split('\n').at(-1)}`, remedy)
      } else {
        failures = 0
        if (hasVersion(stdout, version)) waiting.delete(pod)
      }
    }
    if (waiting.size === 0) return passed('Deck has read the configuration')
    if (Date.now() > until)
      return warning(`${[...waiting].join(', ')} has not read the configuration after ${limit} s`, remedy)
    progress('waiting for Deck to read the configuration; the kubelet updates a ConfigMap within two minutes')
    await sleep(PAUSE)
  }
}

/** Whether what Deck shows at /config is of that version. */
export function hasVersion(page: string, version: string): boolean {
  return new RegExp(`config_version_sha: ["']?${version}`).test(page)
}
