import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import { forgetAws, readAws } from './cli.ts'

/** Whether a certificate for these names is one for the host: a star stands for one label. */
export function matchesHost(host: string, names: string[]): boolean {
  return names.some(
    (name) => name === host || (name.startsWith('*.') && name.slice(1) === host.slice(host.indexOf('.'))),
  )
}

/** The certificate for PROW_HOST: the one that is named, or one that ACM has. Throws a Problem that says how to get one. */
export async function findCertificate(settings: Settings): Promise<{ arn: string; status: string; validate?: string }> {
  const { CERTIFICATE_ARN: named, PROW_HOST: host, AWS_REGION: region } = settings
  // One of IAM, as some have in China: there is nothing to wait for.
  if (named && named.split(':')[2] === 'iam') return { arn: named, status: 'ISSUED' }
  if (named && named.split(':')[3] !== region) {
    throw new Problem(
      `CERTIFICATE_ARN is of ${named.split(':')[3]}, and a load balancer in ${region} takes one of ${region} only`,
      `Request one there: ${requestLine(settings)}`,
    )
  }
  if (named) {
    const one = await describe(named)
    const names = [...new Set([one.DomainName, ...(one.SubjectAlternativeNames ?? [])])]
    if (matchesHost(host, names)) return toCertificate(one)
    throw new Problem(
      `the certificate in CERTIFICATE_ARN is for ${names.join(', ')}, not for ${host}`,
      `Name another, or request one: ${requestLine(settings)}`,
    )
  }
  // Without the kinds of keys ACM lists RSA of 2048 bits alone.
  const listed = await readAws<{
    CertificateSummaryList: (Certificate & { SubjectAlternativeNameSummaries?: string[] })[]
  }>(['acm', 'list-certificates', '--includes', `keyTypes=${KEYS}`])
  const fitting = (listed?.CertificateSummaryList ?? []).filter((one) =>
    matchesHost(host, [one.DomainName, ...(one.SubjectAlternativeNameSummaries ?? [])]),
  )
  const found =
    fitting.find((one) => one.Status === 'ISSUED') ?? fitting.find((one) => one.Status === 'PENDING_VALIDATION')
  if (!found)
    throw new Problem(
      `ACM has no certificate for ${host} in ${region}`,
      `Request one, make the record that it asks for, then run the same line:\n${requestLine(settings)}`,
    )
  return found.Status === 'ISSUED'
    ? { arn: found.CertificateArn, status: 'ISSUED' }
    : toCertificate(await describe(found.CertificateArn))
}

function requestLine({ PROW_HOST: host, AWS_REGION: region }: Settings): string {
  return `aws acm request-certificate --domain-name ${host} --validation-method DNS --region ${region}`
}

async function describe(arn: string): Promise<Certificate> {
  const found = await readAws<{ Certificate: Certificate }>(
    ['acm', 'describe-certificate', '--certificate-arn', arn],
    /^ResourceNotFoundException/,
  )
  if (!found)
    throw new Problem(
      `ACM has no certificate ${arn}`,
      'Correct CERTIFICATE_ARN, or leave it empty: it is then looked for.',
    )
  return found.Certificate
}

function toCertificate(one: Certificate): { arn: string; status: string; validate?: string } {
  if (one.Status !== 'ISSUED' && one.Status !== 'PENDING_VALIDATION') {
    throw new Problem(`the certificate ${one.CertificateArn} is ${one.Status}`, 'Request another one.')
  }
  const record = one.DomainValidationOptions?.map((option) => option.ResourceRecord).find(Boolean)
  const validate = record && `${record.Name} ${record.Type} ${record.Value}`
  return { arn: one.CertificateArn, status: one.Status, validate }
}

/** The ARN of the certificate once it is ISSUED, waited for within WAIT_SECONDS. */
export async function waitForCertificate(settings: Settings, say: (text: string) => void): Promise<string> {
  const until = Date.now() + settings.WAIT_SECONDS * 1000
  for (;;) {
    const { arn, status, validate } = await findCertificate(settings)
    if (status === 'ISSUED') return arn
    say(`the certificate is ${status}; it waits for the record ${validate}`)
    if (Date.now() > until) {
      throw new Problem(
        `the certificate ${arn} is not issued: ACM waits for a record`,
        `Make this record in the DNS of ${settings.PROW_HOST}, then run the same line:\n${validate}`,
      )
    }
    await sleep(settings.POLL_SECONDS * 1000)
    forgetAws('acm')
  }
}

// ---- The certificate --------------------------------------------------------------------------------------------

export interface Certificate {
  CertificateArn: string
  DomainName: string
  Status: string
  SubjectAlternativeNames?: string[]
  DomainValidationOptions?: { ResourceRecord?: { Name: string; Type: string; Value: string } }[]
}

export const KEYS = 'RSA_1024,RSA_2048,RSA_3072,RSA_4096,EC_prime256v1,EC_secp384r1,EC_secp521r1'
