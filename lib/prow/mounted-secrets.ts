import type { Check } from '../kubernetes/check.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import type { Snapshot } from '../kubernetes/snapshot.ts'
import type { Settings } from '../settings/table.ts'
import { contentProblem, type FileName, secretFiles } from './secret-files.ts'

/** A Secret that Prow mounts. */
export interface MountedSecret {
  namespace: string
  secret: string
  /** The file that its value comes from. */
  file: FileName
  /** Its keys and values, given the text of the file. */
  data: (text: string) => Record<string, string>
  /** Whether it repeats the Secret of the file in another namespace or form. */
  isCopy: boolean
}

/** The Secrets that the settings want. */
export function mountedSecrets(settings: Settings): MountedSecret[] {
  return allSecrets(settings).filter(({ wanted }) => wanted)
}

/** The Secrets that other settings want and these do not: nothing mounts them. */
export function unwantedSecrets(settings: Settings): MountedSecret[] {
  return allSecrets(settings).filter(({ wanted }) => !wanted)
}

function allSecrets(settings: Settings): (MountedSecret & { wanted: boolean })[] {
  return (Object.keys(secretFiles) as FileName[]).flatMap((file) => {
    const row = secretFiles[file]
    const wanted = row.wanted(settings)
    const sameText = (text: string) => ({ [row.key]: text })
    const own = {
      namespace: row.namespace,
      secret: row.secret,
      file,
      data: (text: string) => ({ ...sameText(text), ...row.moreKeys?.(settings) }),
      isCopy: false,
      wanted,
    }
    const copies = (row.copies ?? []).map((copy) => ({
      namespace: copy.namespace,
      secret: copy.secret,
      file,
      data: copy.data ?? sameText,
      isCopy: true,
      wanted: wanted && copy.wanted(settings),
    }))
    return [own, ...copies]
  })
}

/** The names of the Secrets in prow that components read only when they start, whether the settings want them or not. */
export function startupSecrets(): string[] {
  return Object.values(secretFiles).flatMap(({ copies = [], ...own }) =>
    [own, ...copies]
      .filter(({ namespace, readAtStart }) => namespace === 'prow' && readAtStart)
      .map(({ secret }) => secret),
  )
}

/** The values of a Secret by key, trimmed. */
export function secretData(secret: KubeObject | undefined): Record<string, string> {
  const data = Object.entries((secret?.data ?? {}) as Record<string, string>)
  return Object.fromEntries(data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString().trim()]))
}

/** Checks that each Secret that Prow mounts is in the cluster, with a content that its components accept. */
export function secretChecks(settings: Settings): Check[] {
  return mountedSecrets(settings).map((mounted) => {
    const shown = `Secret ${mounted.namespace}/${mounted.secret}`
    return {
      fact: `${shown} is valid`,
      step: '03-secrets',
      inspect: (snapshot) => {
        const problem = secretProblem(mounted, snapshot, settings)
        return problem === undefined || `${shown} ${problem}`
      },
    }
  })
}

/** What is wrong with a Secret in the cluster, as the rest of the sentence "Secret NAMESPACE/NAME …". */
function secretProblem(mounted: MountedSecret, snapshot: Snapshot, settings: Settings): string | undefined {
  const { namespace, secret, file, data, isCopy } = mounted
  const found = snapshot.get('Secret', secret, namespace)
  if (!found) return 'does not exist'
  const values = secretData(found)
  const row = secretFiles[file]
  const source = `Secret ${row.namespace}/${row.secret}`
  const text = (isCopy ? secretData(snapshot.get('Secret', row.secret, row.namespace)) : values)[row.key]
  if (text === undefined)
    return isCopy ? `is a copy of ${source}, which has no key ${row.key}` : `has no key ${row.key}`
  const problem = contentProblem(file, text, settings)
  if (problem) return isCopy ? `is a copy of ${source}, which ${problem}` : problem
  const expected = data(text)
  const missing = Object.keys(expected).filter((key) => values[key] === undefined)
  if (missing.length > 0) return `has no key ${missing.join(', ')}`
  const different = Object.keys(expected).filter((key) => values[key] !== expected[key])
  if (different.length === 0) return undefined
  return `differs from ${isCopy ? source : 'the settings'} in ${different.join(', ')}`
}
