import { always, onEks, settingRows } from './table.ts'

/**
 * The text of `.env.example`, made of the table of settings: what must be set stands open, what has a default is a
 * comment that shows it. `given` fills in values; `npm run init` takes them from its arguments.
 */
export function envExample(given: Record<string, string> = {}): string {
  const lines = [
    '# Settings of the runbook. npm run init copies this file to .env; fill in what stands open there.',
    '# A line that begins with # is not in force: it shows the default, or an example. The environment wins over the file.',
  ]
  let group = ''
  for (const [name, row] of Object.entries(settingRows)) {
    if (row.group !== group) {
      group = row.group
      lines.push('', `# ---- ${group} ----`)
    }
    const open = row.required === always || row.required === onEks
    lines.push('', `# ${row.description}`)
    if (open && row.example) lines.push(`# Example: ${row.example}`)
    if (given[name] !== undefined) lines.push(`${name}=${given[name]}`)
    else if (open) lines.push(`${name}=`)
    else lines.push(`# ${name}=${row.default ?? row.example ?? ''}`)
  }
  return `${lines.join('\n')}\n`
}
