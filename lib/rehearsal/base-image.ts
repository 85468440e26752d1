import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { failed, Problem } from '../base/problem.ts'
import { onPath, run } from '../base/shell.ts'
import { copyPrograms } from './host-programs.ts'
import { cachedLayer, fileStamp, type Layer } from './oci.ts'

// What every image holds besides its program: a shell with the usual commands, and git as Prow uses it.
const COMMANDS = (
  'sh base64 bash cat chmod cp curl cut date dd echo env false find git grep gzip head id ls mkdir mv printf rm sed ' +
  'seq sleep sort tail tar tee test timeout touch tr true uname wc yes'
).split(' ')

// busybox's nc as far as the manifests use it: nc -z -w SECONDS HOST PORT
const NC = `#!/bin/bash
exec timeout "$3" bash -c ': <"/dev/tcp/$0/$1"' "$4" "$5"
`

const CA_BUNDLE = 'etc/ssl/certs/ca-certificates.crt'

/** The layer with the commands. Throws a Problem with those that this machine lacks. */
export async function commandsLayer(): Promise<Layer> {
  const gitFolder = (await run('git', ['--exec-path'])).trim()
  const missing = COMMANDS.filter((name) => !onPath(name))
  if (missing.length > 0) {
    throw Problem.all(
      missing.map((name) =>
        failed(`${name} is not installed, and the images of the rehearsal contain it`, `Install ${name}.`),
      ),
    )
  }
  const found = COMMANDS.map((name) => [name, realpathSync(onPath(name)!)] as const)
  const remote = realpathSync(join(gitFolder, 'git-remote-https'))
  return cachedLayer(
    ['system 2', NC, ...found.map(([, file]) => fileStamp(file)), fileStamp(remote)],
    async (stage) => {
      await copyPrograms(stage, {
        ...Object.fromEntries(found.map(([name, file]) => [`usr/bin/${name}`, file])),
        [join(gitFolder, 'git-remote-https')]: remote,
      })
      writeFileSync(join(stage, 'usr/bin/nc'), NC, { mode: 0o755 })
      for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
        mkdirSync(join(stage, 'usr', name), { recursive: true })
        symlinkSync(`usr/${name}`, join(stage, name))
      }
      symlinkSync('git-remote-https', join(stage, gitFolder, 'git-remote-http'))
      for (const name of ['git-upload-pack', 'git-receive-pack']) symlinkSync('git', join(stage, 'usr/bin', name))
      for (const name of ['git-submodule', 'git-sh-setup', 'git-sh-i18n']) {
        if (existsSync(join(gitFolder, name))) copyFileSync(join(gitFolder, name), join(stage, gitFolder, name))
      }
      const templates = '/usr/share/git-core/templates'
      if (existsSync(templates)) cpSync(templates, join(stage, templates), { recursive: true })
      mkdirSync(join(stage, 'etc'))
      writeFileSync(
        join(stage, 'etc/passwd'),
        'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
      )
      writeFileSync(join(stage, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
      for (const name of ['root', 'tmp', 'var/tmp']) mkdirSync(join(stage, name), { recursive: true })
      for (const name of ['tmp', 'var/tmp']) chmodSync(join(stage, name), 0o1777)
    },
  )
}

/** The layer with the certificates that Go's programs and git trust, the rehearsal's own authority among them. */
export function trustLayer(githubHost: string, authority: string): Promise<Layer> {
  const own = readFileSync(authority, 'utf8')
  const system = existsSync(`/${CA_BUNDLE}`) ? readFileSync(`/${CA_BUNDLE}`, 'utf8') : ''
  const config = gitConfig(githubHost)
  return cachedLayer(['trust', own, system, config], (stage) => {
    mkdirSync(join(stage, 'etc/ssl/certs'), { recursive: true })
    writeFileSync(join(stage, CA_BUNDLE), `${system}\n${own}`)
    writeFileSync(join(stage, 'etc/gitconfig'), config)
  })
}

/** git's configuration: Prow of June 2024 clones from github.com, whatever its settings, for a retest or a batch. */
export function gitConfig(githubHost: string): string {
  return githubHost === 'github.com' ? '' : `[url "https://${githubHost}/"]\n\tinsteadOf = https://github.com/\n`
}
