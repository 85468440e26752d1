import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeObject } from '../kubernetes/manifests.ts'

/** What stands where a secret was. */
export const REDACTED = '(redacted)'

/** A value that is shorter is a word of the text rather than a secret. */
const SHORTEST = 6

/** What looks like a secret wherever it stands; the first group, where there is one, stays. */
const PATTERNS: RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\bgithub_pat_\w+|\bgh[opsur]_\w{10,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  /\bxox[a-z]-[\w-]+/g,
  /https:\/\/hooks\.slack\.com\/\S+/g,
  /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g,
  /(:\/\/)[^\s/:@"']+:[^\s/@"']+(?=@)/g,
  /((?:authorization|proxy-authorization)["']?\s*[:=]\s*["']?(?:(?:bearer|token|basic)\s+)?)[^\s"',]+/gi,
  /(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}/gi,
  /([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|access_token|token|sig|code)=)[^&\s"']+/gi,
  /((?:^|[^a-z])[\w.-]*(?:password|passwd|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key|hmac|cookie)[\w.-]*["']?\s*[:=]\s*["']?)(?!["'\s]|\(redacted\))[^\s"',;}]+/gim,
]

/** Removes secrets from texts: the values that are known to be secret, however they are encoded, and what looks like one. */
export class Redactor {
  readonly #values: string[]

  constructor(secrets: Iterable<string>) {
    const values = new Set<string>()
    for (const secret of secrets) {
      for (const value of [secret, secret.trim(), ...partsOf(secret)]) {
        if (value.length < SHORTEST) continue
        for (const form of formsOf(value)) values.add(form)
      }
    }
    // A longer one first: a part of it may be a secret too.
    this.#values = [...values].sort((a, b) => b.length - a.length)
  }

  /** A value of JSON with every text in it redacted, in names too. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map((one) => this.value(one))
    if (value === null || typeof value !== 'object' || value instanceof Date) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [this.text(name), this.value(one)]))
  }

  text(text: string): string {
    let clean = text
    for (const value of this.#values) if (clean.includes(value)) clean = clean.replaceAll(value, REDACTED)
    for (const pattern of PATTERNS)
      clean = clean.replace(pattern, (_, kept) => `${typeof kept === 'string' ? kept : ''}${REDACTED}`)
    return clean
  }
}

/** The lines and the quoted or assigned values of a secret file: a log may hold one of them. */
function partsOf(secret: string): string[] {
  return secret.split(/[\n"',{}]|:\s|=(?=\S)/).map((part) => part.trim())
}

/** A value as it may stand in a text: plain, in JSON, in a URL, in base64. */
function formsOf(value: string): string[] {
  const base64 = Buffer.from(value).toString('base64')
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), base64, base64.replace(/=+$/, '')]
}

/** The values of Secrets of the cluster, and of the files in a folder of secrets. */
export function knownSecrets(objects: KubeObject[], folder: string): string[] {
  const inCluster = objects
    .filter(({ kind }) => kind === 'Secret')
    .flatMap(({ data = {} }) => Object.values(data as Record<string, string>))
    .map((value) => Buffer.from(value, 'base64').toString())
  return [...inCluster, ...filesOf(folder), ...fromEnvironment()]
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => {
      const path = join(folder, name)
      return statSync(path).isFile() ? [readFileSync(path, 'utf8')] : []
    })
  } catch {
    return []
  }
}

/** Credentials that this process was given. */
function fromEnvironment(): string[] {
  return Object.entries(process.env).flatMap(([name, value = '']) =>
    /TOKEN|SECRET|PASSWORD|ACCESS_KEY|CREDENTIAL/.test(name) ? [value] : [],
  )
}

/** The annotations whose values are of use, and are no place for a secret. */
const ANNOTATIONS =
  /^(?:prow\.k8s\.io|app\.kubernetes\.io|deployment\.kubernetes\.io|pv\.kubernetes\.io|volume\.(?:beta\.)?kubernetes\.io|storageclass\.kubernetes\.io|eks\.amazonaws\.com|alb\.ingress\.kubernetes\.io|prow-runbook)[\w.-]*\//

/** Where a name says that its value is one to keep out. */
const SECRET_NAME =
  /password|passwd|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key|cookie|hmac|webhook|slack/i

/**
 * An object without what may be secret: of a Secret only the sizes, of a ConfigMap that is not Prow's only the sizes, no
 * values of environment variables, no commands of jobs, no annotations that are not known.
 */
export function publicObject(object: KubeObject): unknown {
  const {
    managedFields: _,
    annotations = {},
    ...metadata
  } = object.metadata as KubeObject['metadata'] & {
    managedFields?: unknown
    annotations?: Record<string, string>
  }
  const known = Object.entries(annotations).filter(([name]) => ANNOTATIONS.test(name))
  const shown = {
    ...object,
    metadata: { ...metadata, ...(known.length > 0 ? { annotations: Object.fromEntries(known) } : {}) },
  }
  const {
    kind,
    metadata: { namespace = '' },
  } = object
  if (kind === 'Secret') return { ...shown, data: sizes(object.data) }
  if (kind === 'ConfigMap') {
    const ofProw = PROW_MAPS.includes(object.metadata.name)
    return { ...shown, data: ofProw ? object.data : sizes(object.data, 'utf8'), binaryData: sizes(object.binaryData) }
  }
  const ofJob = kind === 'ProwJob' || (kind === 'Pod' && namespace === 'test-pods')
  return publicValue(shown, ofJob)
}

const PROW_MAPS = ['config', 'plugins', 'job-config', 'label-config']

function sizes(data: unknown, encoding: BufferEncoding = 'base64'): Record<string, string> | undefined {
  if (!data) return undefined
  const size = (text: string) => `${Buffer.byteLength(text, encoding)} bytes`
  return Object.fromEntries(Object.entries(data as Record<string, string>).map(([key, text]) => [key, size(text)]))
}

/** A value of an object without values of environment variables and, of a job, without what it runs. */
function publicValue(value: unknown, ofJob: boolean, name = ''): unknown {
  if (Array.isArray(value)) {
    if (name === 'env')
      return value.map(({ name, valueFrom }) => ({ name, ...(valueFrom ? { valueFrom } : { value: REDACTED }) }))
    if (ofJob && (name === 'command' || name === 'args')) return [REDACTED]
    return value.map((one) => publicValue(one, ofJob))
  }
  if (value === null || typeof value !== 'object')
    return typeof value === 'string' && SECRET_NAME.test(name) && !/name|ref$/i.test(name) ? REDACTED : value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, publicValue(one, ofJob, key)]))
}
