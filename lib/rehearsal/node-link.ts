import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { onPath, run, tryRun } from '../base/shell.ts'
import { nodePaths, nodeTag } from './node-processes.ts'

/** The addresses on the link between this machine and the node's network. */
export interface Addresses {
  /** This machine's end. */
  host: string
  /** The node's end. */
  node: string
  /** A second address of the node's end, for the local GitHub. */
  github: string
}

/**
 * The subnet of a folder, by its hash, and the addresses in it: eight out of 198.18.0.0/16, which is set aside for
 * benchmarks and routed by no network. Another `attempt` gives another subnet.
 */
export function subnetOf(dir: string, attempt = 0): Addresses & { prefix: string } {
  const number = (createHash('sha256').update(dir).digest().readUInt16BE() + attempt * 257) % 8192
  const at = (last: number) => `198.18.${number >> 5}.${((number & 31) << 3) + last}`
  return { prefix: `${at(0)}/29`, host: at(1), node: at(2), github: at(3) }
}

/** The first subnet of a folder that the routing table does not have yet. */
export function chooseSubnet(dir: string, routes: string): Addresses {
  const attempts = Array.from({ length: 20 }, (_, attempt) => subnetOf(dir, attempt))
  const free = attempts.find(({ prefix }) => !routes.includes(prefix.split('/')[0]!))
  const { host, node, github } = free ?? attempts.at(-1)!
  return { host, node, github }
}

/** Creates the link into the network of process `pid`, and has that resolve names at the node. */
export async function createLink(dir: string, pid: number): Promise<Addresses> {
  const addresses = chooseSubnet(dir, await run('ip', ['-4', 'route', 'show', 'table', 'all']))
  const { host, node, github } = addresses
  const name = nodeTag(dir)
  await removeLink(dir)
  await run('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`])
  await run('ip', ['addr', 'add', `${host}/29`, 'dev', name])
  await run('ip', ['link', 'set', name, 'up'])
  const inside = (...args: string[]) => run('nsenter', ['-t', `${pid}`, '-a', ...args])
  await inside('ip', 'addr', 'add', `${node}/29`, 'dev', 'eth0')
  await inside('ip', 'addr', 'add', `${github}/29`, 'dev', 'eth0')
  await inside('ip', 'link', 'set', 'eth0', 'up')
  // The kubelet refuses a node without a default route; nothing at its other end forwards.
  await inside('ip', 'route', 'add', 'default', 'via', host)
  const { resolv } = nodePaths(dir)
  writeFileSync(resolv, `nameserver ${node}\n`)
  const mount =
    'at=$(realpath -m /etc/resolv.conf); mkdir -p "${at%/*}"; [ -e "$at" ] || : >"$at"; mount --bind "$0" "$at"'
  await inside('sh', '-c', mount, resolv)
  return addresses
}

/** Removes the link of the node in `dir`, if there is one. */
export async function removeLink(dir: string): Promise<void> {
  if (onPath('ip')) await tryRun('ip', ['link', 'delete', nodeTag(dir)])
}
