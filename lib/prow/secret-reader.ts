import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { displayPath } from '../base/paths.ts'
import { type Finding, failures, Problem } from '../base/problem.ts'
import { type Resource, secret } from '../kubernetes/manifests.ts'
import { snapshot } from '../kubernetes/snapshot.ts'
import { usageProblem } from '../run/command-line.ts'
import { currentRun } from '../run/context.ts'
import { settle } from '../run/findings.ts'
import type { Settings } from '../settings/table.ts'
import { mountedSecrets } from './mounted-secrets.ts'
import { type FileName, inspectContent, secretFiles } from './secret-files.ts'
import { inspectSecrets, type Preference, type SecretValue, secretFile, secretValue } from './secrets.ts'

/** The secrets of a run of 03-secrets. */
export interface SecretReader {
  /** The values so far, by file. */
  values: Map<FileName, SecretValue>
  /** The failures and warnings about secrets/ and the Secrets in the cluster, for `findings()`. */
  findings: Finding[]
  /** The value of a secret; undefined when the settings do not want it, or when there is a failure in `findings`. */
  read: (name: FileName) => SecretValue | undefined
  /** The same for one that is generated when neither secrets/ nor the cluster has it. Under --plan its text is empty. */
  readOrGenerate: (name: FileName, generate: () => Promise<string>) => Promise<SecretValue | undefined>
  /** Saves in secrets/ what was generated or taken from the cluster. To be called when the cluster has the Secrets. */
  save: () => void
}

/** Reads the secrets that the settings want. Throws a usage Problem for another `prefer` than file or cluster. */
export async function readSecrets(settings: Settings, prefer: unknown = 'file'): Promise<SecretReader> {
  if (!isPreference(prefer)) {
    throw usageProblem(`--prefer ${prefer} is neither file nor cluster`, 'Use --prefer file or --prefer cluster.')
  }
  const { values, missing, findings } = inspectSecrets(settings, await snapshot(), prefer)
  const { plan } = currentRun()
  const read = (name: FileName) => values.get(name)
  const readOrGenerate = async (name: FileName, generate: () => Promise<string>): Promise<SecretValue | undefined> => {
    if (!missing.includes(name)) return read(name)
    const source = `generated, kept in ${displayPath(secretFile(settings, name))}`
    if (plan) return secretValue(name, '', 'generated', 'to be generated')
    // The step stops when it reports them.
    if (failures(findings).length > 0) return undefined
    const problems = await settle(
      generate().then((text) => {
        values.set(name, secretValue(name, text, 'generated', source))
        return inspectContent(name, text, settings, `the generated ${name}`)
      }),
    )
    findings.push(...problems)
    return read(name)
  }
  const save = () => {
    if (!plan) for (const value of values.values()) saveValue(secretFile(settings, value.name), value)
  }
  return { values, findings, read, readOrGenerate, save }
}

function isPreference(text: unknown): text is Preference {
  return text === 'file' || text === 'cluster'
}

/** The Secrets that values become, as resources for `apply`, in the order of the values. */
export function secretResources(settings: Settings, ...values: (SecretValue | undefined)[]): Resource[] {
  return values.flatMap((value) => {
    if (!value) return []
    const { key } = secretFiles[value.name]
    return mountedSecrets(settings)
      .filter(({ file }) => file === value.name)
      .map(({ namespace, secret: name, data }) => {
        const content = data(value.text)
        const keys = Object.keys(content)
        const note = keys.includes(key) ? value.note : `keys ${keys.join(', ')}  from ${value.name}`
        return { name: `${name} in ${namespace}`, manifests: [secret(namespace, name, content)], note }
      })
  })
}

/** Saves a value that can be generated, or that replaces the text of a file; not the token of another operator. */
function saveValue(file: string, { name, from, text, replaced }: SecretValue): void {
  const created = from === 'generated' || (from === 'cluster' && secretFiles[name].generated)
  if (!created && !replaced) return
  // A file is complete as soon as it has its name, and readable only by its owner.
  const aside = join(dirname(file), `.${basename(file)}.${process.pid}`)
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(aside, `${text}\n`, { mode: 0o600, flag: 'wx' })
    if (replaced) {
      linkSync(file, replaced)
      renameSync(aside, file)
    } else linkSync(aside, file)
  } catch (cause) {
    throw new Problem(
      `${displayPath(file)} cannot be written (${(cause as Error).message.split(',')[0]})`,
      `Make ${displayPath(dirname(file))} writable and run the step again: it then takes the value from the cluster.`,
      { cause },
    )
  } finally {
    rmSync(aside, { force: true })
  }
}
