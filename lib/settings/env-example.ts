import { always, onEks, settingRows } from './table.ts'

/**
 * The text of `.env.example`, made of the table of settings: a setting that must be set is an empty line to fill in,
 * any other a comment with its default. `given` has values by name; `npm run init` takes them from its arguments.
 */
export function envExample(given: Record<string, string> = {}): string {
  const lines = [
    '# Settings of the runbook. npm run init copies this file to .env; fill in the empty ones there.',
    '# A line that begins with # has no effect: it shows the default, or an example.',
    '# Environment variables override this file. Only those of the target must not differ from it.',
  ]
  let group = ''
  for (const [name, row] of Object.entries(settingRows)) {
    if (row.group !== group) {
      group = row.group
      lines.push('', `# ---- ${group} ----`)
    }
    const mustBeSet = row.required === always || row.required === onEks
    lines.push('', `# ${row.description}`)
    if (mustBeSet && row.example) lines.push(`# Example: ${row.example}`)
    if (given[name] !== undefined) lines.push(`${name}=${given[name]}`)
    else if (mustBeSet) lines.push(`${name}=`)
    else lines.push(`# ${name}=${row.default ?? row.example ?? ''}`)
  }
  return `${lines.join('\n')}\n`
}
