import { quote } from '../base/shell.ts'

let how = { all: false, env: '', plan: false }

/** Says how this run was started, so that lines for typing are right for it. */
export function rerunWith(started: typeof how): void {
  how = started
}

/** The line that runs a script as this run was started; with `goOn`, the one that goes on from there. */
export function rerunLine(script: string, goOn = false): string {
  const options = [how.env && `--env ${quote(how.env)}`, goOn && how.plan && '--plan'].filter(Boolean)
  if (goOn && how.all) return ['npm run install:all --', `--from ${script.slice(0, 2)}`, ...options].join(' ')
  return [`npx tsx scripts/${script}.ts`, ...options].join(' ')
}
