import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { run, sleep } from '../base/shell.ts'
import { paths } from './folder.ts'
import { GO } from './go-modules.ts'
import { createFile, GITHUB, HOST, LETTERS, MIRROR, ORG, randomText } from './inputs.ts'
import { findNamespaces, startDaemon } from './namespaces.ts'
import { nodePaths } from './node-processes.ts'
import type { TaskResult } from './task.ts'

const PEOPLE = ['alice', 'bob', 'carol']

/** The host names that resolve to the node in `dir`, and their addresses. */
export function hostNames(dir: string): Record<string, string> {
  const { node, github } = findNamespaces(dir)!
  return { [HOST]: node, [GITHUB]: github }
}

/**
 * Starts the local GitHub in the node's namespaces, or finds it running: people with tokens, an organization and a
 * repository with jobs, enough to see Prow at work.
 */
export async function ensureGithub(dir: string): Promise<[undefined, TaskResult]> {
  const { github: folder, logs } = nodePaths(dir)
  const namespaces = findNamespaces(dir)!
  const url = `http://${namespaces.github}`
  const note = `${url}, tokens of its users in ${join(folder, 'tokens.json')}`
  if (await isRunning(url)) return [undefined, { outcome: 'unchanged', note }]
  await ensureCertificates(dir)
  const seed = join(folder, 'seed.json')
  if (!existsSync(seed)) {
    const people = Object.fromEntries(PEOPLE.map((login) => [login, `ghp_${randomText(36, LETTERS)}`]))
    createFile(join(folder, 'tokens.json'), `${JSON.stringify(people, null, 2)}\n`)
    const bot = readFileSync(join(paths(dir).secrets, 'oauth-token'), 'utf8').trim()
    createFile(seed, JSON.stringify(githubSeed({ ...people, 'prow-bot': bot }), null, 2))
  }
  const program = join(import.meta.dirname, 'fakes/github/rehearsal.ts')
  const child = startDaemon(dir, namespaces, 'github', [
    ...[process.execPath, '--import', import.meta.resolve('tsx'), program],
    ...['--folder', folder, '--address', namespaces.github, '--name', GITHUB],
  ])
  for (let tries = 0; !(await isRunning(url)); tries++) {
    if (tries > 150 || child.exitCode !== null) {
      throw new Problem(
        'the local GitHub did not start',
        `Its log is ${join(logs, 'github.log')}. Run the same line again.`,
      )
    }
    await sleep(100)
  }
  return [undefined, { outcome: 'created', note }]
}

async function isRunning(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/meta`, { signal: AbortSignal.timeout(2000) })).ok
  } catch {
    return false
  }
}

/** What the local GitHub starts with; `tokens` are those of its users, by login. */
export function githubSeed(tokens: Record<string, string>) {
  const image = `${MIRROR}/library/busybox:1.37`
  return {
    tokens: Object.fromEntries(
      Object.entries(tokens).map(([login, token]) => [
        token,
        { kind: 'classic', login, scopes: ['repo', 'read:org', 'admin:repo_hook', 'admin:org_hook'] },
      ]),
    ),
    orgs: [
      {
        login: ORG,
        base: 'write',
        members: { alice: 'admin', bob: 'member', 'prow-bot': 'admin' },
      },
    ],
    users: ['carol'],
    repos: [
      {
        owner: ORG,
        name: 'website',
        files: {
          'README.md': '# A website\n',
          OWNERS: 'approvers:\n  - alice\nreviewers:\n  - bob\n',
          '.prow.yaml': readFileSync(join(GO, 'node/prow.yaml'), 'utf8').replaceAll('${HELLO_IMAGE}', image),
        },
      },
    ],
    // Prow's certificate is self-signed, and GitHub would verify it.
    reach: { [`https://${HOST}`]: `http://${HOST}` },
  }
}

/**
 * A certificate authority of this rehearsal alone, which its images trust, and the certificate of its GitHub. Answers
 * the file of the authority's certificate.
 */
export async function ensureCertificates(dir: string): Promise<string> {
  const { github: folder } = nodePaths(dir)
  const at = (name: string) => join(folder, name)
  if (existsSync(at('github.crt'))) return at('ca.crt')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650']
  const openssl = (...args: string[]) => run('openssl', args)
  await openssl('req', '-x509', ...key, '-subj', '/CN=rehearsal', '-keyout', at('ca.key'), '-out', at('ca.crt'))
  await openssl('req', ...key.slice(0, -2), '-subj', `/CN=${GITHUB}`, '-keyout', at('github.key'), '-out', at('csr'))
  writeFileSync(at('names'), `subjectAltName=DNS:${GITHUB}\n`)
  const signing = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '3650']
  await openssl('x509', '-req', '-in', at('csr'), ...signing, '-extfile', at('names'), '-out', at('github.crt'))
  return at('ca.crt')
}
