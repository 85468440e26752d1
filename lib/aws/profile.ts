import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The sections of an INI file of aws, by name without `profile `; none when there is no such file. */
function sections(file: string): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>()
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return found
  }
  let section = new Map<string, string>()
  for (const line of text.split('\n')) {
    const name = /^\s*\[\s*(?:profile\s+)?["']?([^\]"']+?)["']?\s*\]/.exec(line)?.[1]
    const [, key, value] = /^([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name) section = new Map()
    if (name) found.set(name, section)
    if (key) section.set(key, value!)
  }
  return found
}

/**
 * Whether aws may ask for an MFA code: the profile in use, or one that it takes its credentials from, names an MFA
 * device. Read from the files of aws: asking aws itself would start it.
 */
export function usesMfa(env: NodeJS.ProcessEnv = process.env): boolean {
  const config = sections(env.AWS_CONFIG_FILE || join(homedir(), '.aws/config'))
  const credentials = sections(env.AWS_SHARED_CREDENTIALS_FILE || join(homedir(), '.aws/credentials'))
  const seen = new Set<string>()
  let name: string | undefined = env.AWS_PROFILE || env.AWS_DEFAULT_PROFILE || 'default'
  while (name && !seen.has(name)) {
    seen.add(name)
    const value: (key: string) => string | undefined = (key) =>
      config.get(name!)?.get(key) ?? credentials.get(name!)?.get(key)
    if (value('mfa_serial')) return true
    name = value('source_profile')
  }
  return false
}
