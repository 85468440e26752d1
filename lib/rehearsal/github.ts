import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import { run } from '../base/shell.ts'
import { GO, places, type TaskResult } from './folder.ts'
import { GITHUB, HOST, LETTERS, MIRROR, make, ORG, text } from './inputs.ts'
import { daemon, space } from './namespaces.ts'

export function namesOf(dir: string): Record<string, string> {
  const { node, github } = space(dir)!
  return { [HOST]: node, [GITHUB]: github }
}

const githubFolder = (dir: string) => join(dir, 'node', 'github')

// People with tokens, an organisation and a repository with jobs: enough to see Prow at work.
export async function startGithub(dir: string): Promise<[undefined, TaskResult]> {
  const folder = githubFolder(dir)
  const { github } = space(dir)!
  const note = `http://${github}, tokens of its people in ${join(folder, 'tokens.json')}`
  if (await answers(`http://${github}/meta`)) return [undefined, { outcome: 'unchanged', note }]
  await authority(dir)
  const seed = join(folder, 'seed.json')
  if (!existsSync(seed)) {
    const people = Object.fromEntries(['alice', 'bob', 'carol'].map((login) => [login, `ghp_${text(36, LETTERS)}`]))
    make(join(folder, 'tokens.json'), `${JSON.stringify(people, null, 2)}\n`)
    const bot = readFileSync(join(places(dir).secrets, 'oauth-token'), 'utf8').trim()
    make(seed, JSON.stringify(seedOf({ ...people, 'prow-bot': bot }), null, 2))
  }
  const program = join(import.meta.dirname, 'fakes/github/rehearsal.ts')
  const line = [process.execPath, '--import', import.meta.resolve('tsx'), program]
  const child = daemon(dir, space(dir)!, 'github', [
    ...line,
    ...['--folder', folder, '--address', github, '--name', GITHUB],
  ])
  for (let tries = 0; !(await answers(`http://${github}/meta`)); tries++) {
    if (tries > 150 || child.exitCode !== null) {
      throw new Problem(
        'The local GitHub does not start',
        `Its log is ${join(dir, 'node/logs/github.log')}. Run the same line again.`,
      )
    }
    await sleep(100)
  }
  return [undefined, { outcome: 'created', note }]
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(address, { signal: AbortSignal.timeout(2000) })).ok
  } catch {
    return false
  }
}

function seedOf(tokens: Record<string, string>) {
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
    // Its certificate is its own, and GitHub would look at it.
    reach: { [`https://${HOST}`]: `http://${HOST}` },
  }
}

// An authority of this rehearsal alone, which its images trust, and the certificate of its GitHub. Answers its file.
export async function authority(dir: string): Promise<string> {
  const folder = githubFolder(dir)
  const at = (name: string) => join(folder, name)
  if (existsSync(at('github.crt'))) return at('ca.crt')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650']
  const openssl = (...args: string[]) => run('openssl', args)
  await openssl('req', '-x509', ...key, '-subj', '/CN=rehearsal', '-keyout', at('ca.key'), '-out', at('ca.crt'))
  await openssl('req', ...key.slice(0, -2), '-subj', `/CN=${GITHUB}`, '-keyout', at('github.key'), '-out', at('csr'))
  writeFileSync(at('names'), `subjectAltName=DNS:${GITHUB}\n`)
  const signed = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '3650']
  await openssl('x509', '-req', '-in', at('csr'), ...signed, '-extfile', at('names'), '-out', at('github.crt'))
  return at('ca.crt')
}
