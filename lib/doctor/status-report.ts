import { fit, paint, printLine, symbol } from '../base/terminal.ts'
import { idAndPage } from '../base/troubleshooting.ts'
import { npmLine } from '../run/rerun.ts'
import { findingOf } from './report.ts'
import type { State, Status } from './status.ts'

/** How many findings fit on a screen beside the lines. */
const SHOWN = 6

const MARKS: Record<State, [mark: string, colour: Parameters<typeof paint>[0]]> = {
  good: ['✔', 'green'],
  warning: ['!', 'yellow'],
  bad: ['✖', 'red'],
  unknown: ['–', 'dim'],
}

/** Prints the status: a screen of 80 columns and 24 lines. */
export function printStatus({ time, target, lines, findings }: Status): void {
  printLine(`${paint('bold', 'Prow')}  ${target}  ${paint('dim', time.toISOString().slice(11, 19))}`)
  for (const { name, value, state } of lines) {
    const [mark, colour] = MARKS[state]
    printLine(`  ${paint(colour, symbol(mark))} ${name.padEnd(16)}${fit(value, 20)}`)
  }
  if (findings.length === 0) return
  printLine()
  for (const { outcome, message } of findings.slice(0, SHOWN)) {
    const failed = outcome === 'failed'
    const mark = paint(failed ? 'red' : 'yellow', symbol(failed ? '✖' : '!'))
    printLine(`  ${mark} ${fit(message.split('\n')[0]!, 4)}`)
  }
  if (findings.length > SHOWN) printLine(`    and ${findings.length - SHOWN} more`)
  printLine(paint('dim', `    causes and remedies: ${npmLine('doctor')}`))
}

const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** The status as one page without any other file, for a browser. */
export function statusPage({ time, target, lines, findings }: Status): string {
  const rows = lines.map(
    ({ name, value, state }) =>
      `<tr class="${state}"><th>${escapeHtml(name)}</th><td><span>${MARKS[state][0]}</span>${escapeHtml(value)}</td></tr>`,
  )
  const list = findings.map(findingOf).map(({ outcome, message, remedy, details = [], id = '' }) => {
    const [first = '', ...more] = message.split('\n')
    const text = [...more, ...details].map((line) => `<p>${escapeHtml(line)}</p>`).join('')
    return `<article class="${outcome === 'failed' ? 'bad' : 'warning'}" id="${id}"><h3>${escapeHtml(first)}</h3><p class="remedy">${escapeHtml(remedy)}</p>${text}<p class="id">${idAndPage(id)}</p></article>`
  })
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Prow: ${escapeHtml(target)}</title>
<style>
:root { color-scheme: light dark; --line: #d8dee4; --text: #1f2328; --dim: #59636e; --back: #fff; --good: #1a7f37; --warning: #9a6700; --bad: #cf222e }
@media (prefers-color-scheme: dark) {
  :root { --line: #3d444d; --text: #f0f6fc; --dim: #9198a1; --back: #0d1117; --good: #3fb950; --warning: #d29922; --bad: #f85149 }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; margin-bottom: 0 }
h1 + p, .id, th { color: var(--dim) }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-top: 1px solid var(--line); font-weight: normal; overflow-wrap: anywhere }
th { width: 7rem }
td span { display: inline-block; width: 1.5rem }
.good span { color: var(--good) } .warning span { color: var(--warning) } .bad span { color: var(--bad) }
article { border-left: 4px solid; padding: .1rem 1rem; margin: 1rem 0 }
article.bad { border-color: var(--bad) } article.warning { border-color: var(--warning) }
article h3 { font-size: 1rem; margin: .4rem 0 }
article p { margin: .3rem 0; overflow-wrap: anywhere; white-space: pre-wrap }
.remedy { font-family: ui-monospace, monospace; font-size: .9rem }
.id { font-size: .85rem }
</style>
<h1>Prow</h1>
<p>${escapeHtml(target)}, ${time.toISOString().slice(0, 19).replace('T', ' ')} UTC</p>
<table>
${rows.join('\n')}
</table>
${list.length > 0 ? `<h2>What is wrong</h2>\n${list.join('\n')}` : '<p>Nothing is wrong.</p>'}
</html>
`
}
