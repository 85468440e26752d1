import { homedir } from 'node:os'
import { delimiter, dirname, relative } from 'node:path'
import { quote } from '../base/shell.ts'
import { paint } from '../base/terminal.ts'
import { emulatorPaths } from './aws-seed.ts'
import { defaultDir, paths, type Rehearsal } from './folder.ts'

/** A path as short as a shell takes it. */
export function shellPath(path: string): string {
  const below = relative(homedir(), path)
  return below.startsWith('..') || below === '' ? quote(path) : `~/${quote(below)}`
}

/** The lines that end `npm run rehearse`: what is there, and how to work with it. */
export function nextSteps(rehearsal: Rehearsal, clusterOnly: boolean): string[] {
  const { dir, kind, kubeconfig, context, env, kubectl, kubectlOnPath, aws, hosts } = rehearsal
  const isDefault = dir === defaultDir(kind, Boolean(aws))
  const options = [kind !== 'kwok' && `--${kind}`, aws && '--eks', !isDefault && `--dir ${shellPath(dir)}`]
  const envOption = `--env ${shellPath(env)}`
  const rows: [string, string][] = [
    ...(hosts && !clusterOnly ? [['open', `https://${Object.keys(hosts)[0]}/`] as [string, string]] : []),
    ['inspect', `kubectl --kubeconfig ${shellPath(kubeconfig)} get pods -A`],
    clusterOnly
      ? ['install', `npm run install:all -- ${envOption}`]
      : ['run one step again', `npx tsx scripts/03-secrets.ts ${envOption}`],
    ['plan', `npm run install:all -- ${envOption} --plan`],
    ['remove', ['npm run rehearse -- --down', ...options.filter(Boolean)].join(' ')],
  ]
  const facts: [string, string][] = [
    ['cluster', `context ${context} in ${shellPath(kubeconfig)}`],
    ['settings', `${shellPath(env)}, with ${shellPath(paths(dir).secrets)}`],
  ]
  const row = ([name, text]: [string, string]) => `  ${paint('dim', name.padEnd(18))}  ${text}`
  const simulated = kind === 'kwok' ? '; its objects are real, its pods simulated' : ''
  return [
    clusterOnly ? 'The cluster is up.' : `Prow is installed on the rehearsal cluster${simulated}.`,
    '',
    ...(kubectlOnPath
      ? []
      : [
          '  kubectl is not on PATH. The lines below need:',
          `    export PATH=${shellPath(dirname(kubectl))}${delimiter}$PATH`,
          '',
        ]),
    ...(hosts && !clusterOnly
      ? [
          '  To open Prow in a browser, add these lines to /etc/hosts. Its certificate is self-signed.',
          ...Object.entries(hosts).map(([name, address]) => `    ${address} ${name}`),
          '',
        ]
      : []),
    ...(aws
      ? [
          '  AWS is an emulator. aws and the lines below need:',
          `    . ${shellPath(emulatorPaths(paths(dir).aws).env)}`,
          '',
        ]
      : []),
    ...rows.map(row),
    '',
    ...facts.map(row),
  ]
}
