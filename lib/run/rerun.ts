import { quote } from '../base/shell.ts'
import { maybeRun } from './context.ts'

/** The line that runs a script with the settings of this run; with `resume`, the one that continues the run there. */
export function rerunLine(script: string, resume = false): string {
  const { all, env, plan } = maybeRun()?.started ?? { all: false, env: '', plan: false }
  const options = [env && `--env ${quote(env)}`, resume && plan && '--plan'].filter(Boolean)
  if (resume && all) return ['npm run install:all --', `--from ${script.slice(0, 2)}`, ...options].join(' ')
  return [`npx tsx scripts/${script}.ts`, ...options].join(' ')
}

/** The line that runs a script of package.json, such as `install:all`, with the settings of this run. */
export function npmLine(script: string): string {
  const { env = '' } = maybeRun()?.started ?? {}
  return `npm run ${script}${env ? ` -- --env ${quote(env)}` : ''}`
}
