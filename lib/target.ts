import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { relativeName, type Settings, settingsPath } from './config.ts'
import { useCluster } from './kubectl.ts'
import { EXIT, Problem } from './problem.ts'

interface Kubeconfig {
  contexts?: { name: string; context: { cluster: string } }[]
  clusters?: { name: string; cluster: { server: string } }[]
}

/** The Problem of a target that is not the one in the settings. */
function wrongTarget(wrong: string, remedy: string): Problem {
  return new Problem(wrong, remedy, { exitCode: EXIT.wrongTarget })
}

let server = ''

/** The address of the API server that this run talks to. */
export function serverAddress(): string {
  return server
}

/**
 * Makes sure that what is at hand is what the settings name, before anything is looked at or written; every kubectl
 * of this process goes there. Throws a Problem with exit code 3 otherwise.
 */
export async function lockTarget(settings: Settings): Promise<void> {
  if (settings.TARGET === 'eks') {
    throw new Problem('TARGET=eks cannot be installed with this version yet', 'Use TARGET=local, or a later version.', {
      exitCode: EXIT.failed,
    })
  }
  const file = settingsPath(settings, settings.KUBECONFIG_FILE)
  let config: Kubeconfig
  try {
    config = load(readFileSync(file, 'utf8'), { filename: file }) as Kubeconfig
    if (!Array.isArray(config?.contexts) || !Array.isArray(config.clusters)) throw new Error('it has no contexts')
  } catch (cause) {
    throw wrongTarget(
      `KUBECONFIG_FILE: ${relativeName(file)} cannot be read as a kubeconfig (${(cause as Error).message.split('\n')[0]})`,
      'Name the kubeconfig of the cluster to install on.',
    )
  }
  const names = config.contexts?.map((one) => one?.name) ?? []
  const context = config.contexts?.find((one) => one?.name === settings.KUBE_CONTEXT)
  if (!context) {
    throw wrongTarget(
      `${relativeName(file)} has no context ${settings.KUBE_CONTEXT}`,
      names.length ? `Set KUBE_CONTEXT to one that it has: ${names.join(', ')}.` : 'It has no contexts at all.',
    )
  }
  server = config.clusters?.find((one) => one?.name === context.context?.cluster)?.cluster?.server ?? ''
  useCluster(file, settings.KUBE_CONTEXT)
}
