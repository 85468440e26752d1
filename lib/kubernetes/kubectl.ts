import { join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { type Completed, quote, type RunOptions, tryRun } from '../base/shell.ts'
import { explainKubectl } from './errors.ts'

let target: { kubeconfig: string; context: string } | undefined

/** Says which cluster every kubectl of this process talks to. The current context is never used. */
export function useCluster(kubeconfig: string, context: string): void {
  target = { kubeconfig, context }
}

/** The kubeconfig and context that every kubectl of this process has, for programs that take them too. */
export function kubectlTarget(): { kubeconfig: string; context: string } {
  if (!target) throw new Error('useCluster was not called')
  return target
}

export function targeted(args: string[]): string[] {
  if (!target) throw new Error('useCluster was not called')
  return ['--kubeconfig', target.kubeconfig, '--context', target.context, ...args]
}

// Discovery is cached in a folder of our own, and a person's kubectl preferences stay out of it.
export const ENVIRONMENT = {
  KUBERC: 'off',
  KUBECACHEDIR: process.env.KUBECACHEDIR ?? join(cacheFolder(), 'kubectl'),
}

/** A kubectl line for the reader that works as typed. */
export function kubectlLine(...args: string[]): string {
  return ['kubectl', ...targeted(args)].map(quote).join(' ')
}

/** Runs kubectl against the cluster of the settings. Throws a Problem that says what the API server's words mean. */
export async function kubectl(args: string[], options: RunOptions = {}): Promise<string> {
  const ended = await tryKubectl(args, options)
  if (ended.exitCode !== 0) throw explainKubectl(ended.stderr)
  return ended.stdout
}

/** Runs kubectl and gives back how it ended. */
export function tryKubectl(args: string[], options: RunOptions = {}): Promise<Completed> {
  return tryRun('kubectl', targeted(args), { ...options, env: ENVIRONMENT })
}

/** Texts and objects as one input for `kubectl -f -`. It begins with ---: kubectl takes what begins with { for JSON alone. */
export function inputStream(documents: (string | object)[]): string {
  return documents.map((one) => `---\n${typeof one === 'string' ? one : JSON.stringify(one)}\n`).join('')
}

let asked: Promise<{ client: string; server: string }> | undefined

/** The versions of kubectl and of the API server, such as `v1.36.3`. */
export function versions(): Promise<{ client: string; server: string }> {
  asked ??= kubectl(['version', '-o', 'json']).then((text) => {
    const { clientVersion, serverVersion } = JSON.parse(text)
    return { client: clientVersion.gitVersion, server: serverVersion.gitVersion }
  })
  return asked
}
