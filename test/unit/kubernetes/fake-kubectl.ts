import { chmodSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach } from 'node:test'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { newRun, readOnce, setRun } from '../../../lib/run/context.ts'
import { folder, LOCAL, settings } from '../world.ts'

/**
 * For the tests of a describe: each begins a run that has read nothing of the cluster. Gives a function that puts a bash
 * script in front of PATH as kubectl, until the test ends, and answers its folder.
 */
export function fakeKubectl(): (script: string) => string {
  const path = process.env.PATH
  beforeEach(() => {
    const run = newRun(settings(LOCAL))
    run.target = { kubeconfig: 'x', context: 'x', server: 'x' }
    setRun(run)
    readOnce('kubectl get snapshot', async () => new Snapshot())
  })
  afterEach(() => {
    process.env.PATH = path
  })
  return (script) => {
    const home = folder({ kubectl: `#!/bin/bash\n${script}\n` })
    chmodSync(join(home, 'kubectl'), 0o755)
    process.env.PATH = [home, path].join(delimiter)
    return home
  }
}
