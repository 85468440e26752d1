import { quote } from '../base/shell.ts'
import { maybeRun } from './context.ts'

/** A kubectl line for the reader that works as typed: the target lock's environment is not theirs. */
export function kubectlLine(...args: string[]): string {
  const target = maybeRun()?.target
  const options = target ? ['--kubeconfig', target.kubeconfig, '--context', target.context] : []
  return ['kubectl', ...options, ...args].map(quote).join(' ')
}
