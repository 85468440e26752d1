import { Problem, passed, warning } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { withSpinner } from '../base/terminal.ts'
import { currentRun, forget } from '../run/context.ts'
import { findings } from '../run/findings.ts'
import type { Settings } from '../settings/table.ts'
import { readAws } from './cli.ts'

/** A certificate that a load balancer can use, or will be able to once it is ISSUED. */
export interface Certificate {
  arn: string
  status: string
  /** The DNS record that ACM waits for, as `name type value`. */
  validation?: string
}

/** A certificate as ACM answers it: the fields that the runbook reads. */
export interface AcmCertificate {
  CertificateArn: string
  DomainName: string
  Status: string
  SubjectAlternativeNames?: string[]
  /** The same in a list. */
  SubjectAlternativeNameSummaries?: string[]
  DomainValidationOptions?: ValidationOption[]
  /** AMAZON_ISSUED ones are renewed by ACM while their DNS record exists; IMPORTED ones by whoever imported them. */
  Type?: string
  NotAfter?: string | number
  /** The renewal that is under way, or was last. */
  RenewalSummary?: { RenewalStatus: string; RenewalStatusReason?: string; DomainValidationOptions?: ValidationOption[] }
}

interface ValidationOption {
  ResourceRecord?: { Name: string; Type: string; Value: string }
}

/** Without these ACM lists certificates with RSA keys of 1024 and 2048 bits only. */
const KEY_TYPES = 'RSA_1024,RSA_2048,RSA_3072,RSA_4096,EC_prime256v1,EC_secp384r1,EC_secp521r1'

/** Whether a certificate for these names is valid for the host: a wildcard stands for one label. */
export function matchesHost(host: string, names: string[]): boolean {
  const parent = `*${host.slice(host.indexOf('.'))}`
  return names.some((name) => name === host || name === parent)
}

/** The names that a certificate is for. */
export function namesOf(one: AcmCertificate): string[] {
  const others = one.SubjectAlternativeNames ?? one.SubjectAlternativeNameSummaries ?? []
  return [...new Set([one.DomainName, ...others])]
}

/**
 * The certificate for PROW_HOST: that of CERTIFICATE_ARN, else one that ACM has. Throws a Problem that explains how to
 * get one when there is none, or the one that is named is for another host or region.
 */
export async function findCertificate(settings: Settings): Promise<Certificate> {
  const { CERTIFICATE_ARN: named, PROW_HOST: host, AWS_REGION: region } = settings
  const [, , service, at] = named.split(':')
  // One of IAM, as some have in China, is always issued.
  if (service === 'iam') return { arn: named, status: 'ISSUED' }
  if (named && at !== region) {
    throw new Problem(
      `CERTIFICATE_ARN is in ${at}, and a load balancer in ${region} needs a certificate in ${region}`,
      `Request one there: ${requestLine(settings)}`,
    )
  }
  if (named) {
    const found = await describe(named)
    if (matchesHost(host, namesOf(found))) return toCertificate(found)
    throw new Problem(
      `the certificate in CERTIFICATE_ARN is for ${namesOf(found).join(', ')}, not for ${host}`,
      `Name another one, or request one: ${requestLine(settings)}`,
    )
  }
  const args = ['acm', 'list-certificates', '--includes', `keyTypes=${KEY_TYPES}`]
  const listed = await readAws<{ CertificateSummaryList: AcmCertificate[] }>(args)
  const found = bestCertificate(host, listed?.CertificateSummaryList ?? [])
  if (!found) {
    throw new Problem(
      `ACM has no certificate for ${host} in ${region}`,
      `Request one, create the DNS record that it asks for, then run the same line:\n${requestLine(settings)}`,
    )
  }
  // The record that it waits for is not in the list.
  return toCertificate(found.Status === 'ISSUED' ? found : await describe(found.CertificateArn))
}

/** Of the certificates that match the host, one that is issued, else one that can be. */
export function bestCertificate(host: string, listed: AcmCertificate[]): AcmCertificate | undefined {
  const matching = listed.filter((one) => matchesHost(host, namesOf(one)))
  return (
    matching.find(({ Status }) => Status === 'ISSUED') ?? matching.find(({ Status }) => Status === 'PENDING_VALIDATION')
  )
}

/** The line that requests a certificate for PROW_HOST. */
export function requestLine({ PROW_HOST: host, AWS_REGION: region }: Settings): string {
  return `aws acm request-certificate --domain-name ${host} --validation-method DNS --region ${region}`
}

/** A certificate in ACM; undefined when it has none of that ARN. */
export async function readCertificate(arn: string): Promise<AcmCertificate | undefined> {
  const args = ['acm', 'describe-certificate', '--certificate-arn', arn]
  return (await readAws<{ Certificate: AcmCertificate }>(args, /^ResourceNotFoundException/))?.Certificate
}

async function describe(arn: string): Promise<AcmCertificate> {
  const found = await readCertificate(arn)
  if (found) return found
  throw new Problem(
    `ACM has no certificate ${arn}`,
    'Correct CERTIFICATE_ARN, or leave it empty to use the one that matches PROW_HOST.',
  )
}

/** Throws a Problem for a certificate that will never be issued. */
function toCertificate(one: AcmCertificate): Certificate {
  if (one.Status !== 'ISSUED' && one.Status !== 'PENDING_VALIDATION') {
    throw new Problem(`the certificate ${one.CertificateArn} is ${one.Status}`, 'Request another one.')
  }
  return { arn: one.CertificateArn, status: one.Status, validation: validationRecord(one) }
}

/** The DNS record by which ACM validates a certificate, now or for its renewal, as `name type value`. */
export function validationRecord({ DomainValidationOptions, RenewalSummary }: AcmCertificate): string | undefined {
  const options = [...(RenewalSummary?.DomainValidationOptions ?? []), ...(DomainValidationOptions ?? [])]
  const record = options.map((option) => option.ResourceRecord).find(Boolean)
  return record && `${record.Name} ${record.Type} ${record.Value}`
}

/**
 * Waits within WAIT_SECONDS until the certificate is ISSUED, and answers its ARN. Under --plan it does not wait, and
 * a certificate that does not exist yet is a warning, so that the rest is planned as well.
 */
export async function waitForCertificate(settings: Settings): Promise<string> {
  if (currentRun().plan) return plannedCertificate(settings)
  const arn = await withSpinner('looking for the certificate', async (progress) => {
    const until = Date.now() + settings.WAIT_SECONDS * 1000
    for (;;) {
      const { arn, status, validation } = await findCertificate(settings)
      if (status === 'ISSUED') return arn
      progress(`the certificate is ${status} until DNS has ${validation ?? 'its record'}`)
      if (Date.now() > until) throw notIssued(settings, { arn, status, validation })
      await sleep(settings.POLL_SECONDS * 1000)
      forget('aws acm')
    }
  })
  await findings(passed(`certificate ${arn} is issued`))
  return arn
}

/** The Problem of a certificate that is not issued yet. */
export function notIssued({ PROW_HOST: host }: Settings, { arn, status, validation }: Certificate): Problem {
  const record = validation ?? `aws acm describe-certificate --certificate-arn ${arn} shows it.`
  return new Problem(
    `the certificate ${arn} is ${status}: ACM waits for a DNS record`,
    `Create this record in the DNS of ${host}, then run the same line:\n${record}`,
    { code: 'timeout' },
  )
}

async function plannedCertificate(settings: Settings): Promise<string> {
  try {
    return (await findCertificate(settings)).arn
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'interrupted') throw error
    const [{ message, remedy } = { message: '', remedy: '' }] = error.findings
    await findings(warning(message, remedy.replaceAll('\n', ' ')))
    return 'arn:to-be-found'
  }
}
