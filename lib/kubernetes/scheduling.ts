import { kubectlLine } from '../run/kubectl-line.ts'
import type { Settings } from '../settings/table.ts'

/** A reason of the scheduler, and for how many nodes it holds. */
export interface Reason {
  nodes: number
  text: string
}

/** Why nodes cannot run a pod, as the scheduler counts it. */
interface Kind {
  id: string
  pattern: RegExp
  remedy: (reason: Reason, settings: Settings, claims: string[]) => string
}

const listNodes = () => kubectlLine('get', 'nodes')

/**
 * The reasons of the scheduler, by what is to be done first. What a node is for (its architecture, its zone, a taint of
 * its owners) rules it out for good, so that the reasons of the remaining nodes are those to remedy: these rows stand
 * last. kube-scheduler's plugins have the wording.
 */
const KINDS: Kind[] = [
  {
    id: 'PRW-SCH-001',
    pattern: /taint.*node\.kubernetes\.io\/(?:disk|memory|pid)-pressure/,
    remedy: ({ text }) =>
      `The node has too little ${/(disk|memory|pid)-pressure/.exec(text)?.[1]} left; Kubernetes removes the taint when that has passed. Free some or add a node, and do not remove the taint: ${kubectlLine('describe', 'nodes')}`,
  },
  {
    id: 'PRW-SCH-002',
    pattern:
      /taint.*node\.kubernetes\.io\/(?:not-ready|unreachable|network-unavailable)|taint.*cloudprovider.*uninitialized/,
    remedy: () => `The node is not ready: its kubelet or its network. Replace the node: ${listNodes()}`,
  },
  {
    id: 'PRW-SCH-003',
    pattern: /unschedulable/,
    remedy: () =>
      `The node is cordoned (kubectl get nodes shows which). Uncordon it: ${kubectlLine('uncordon', 'NODE')}`,
  },
  {
    id: 'PRW-SCH-004',
    pattern: /Insufficient/,
    remedy: ({ text, nodes }) =>
      `${nodes === 1 ? 'The node that fits has' : `The ${nodes} nodes that fit have`} too little ${text.replace(/.*Insufficient /, '')} left. Add a node, or larger ones.`,
  },
  {
    id: 'PRW-SCH-005',
    pattern: /^Too many pods/,
    remedy: () =>
      'The nodes that fit run as many pods as they can. Add a node; on EKS prefix delegation of the VPC CNI allows more pods on each.',
  },
  {
    id: 'PRW-SCH-006',
    pattern: /max volume count/,
    remedy: () => 'The nodes that fit have as many volumes as they can attach. Add a node.',
  },
  {
    id: 'PRW-SCH-007',
    pattern: /anti-affinity|topology spread|free ports/,
    remedy: () => 'Another pod of the same kind occupies each node that fits. Add a node.',
  },
  {
    id: 'PRW-SCH-008',
    pattern: /PersistentVolume's node affinity|volume node affinity conflict/,
    remedy: (_reason, _settings, claims) => {
      const [claim = 'CLAIM'] = claims
      const cache =
        claim === 'ghproxy'
          ? ` The volume holds only a cache: a new PVC is created where nodes are by ${kubectlLine('-n', 'prow', 'delete', 'pvc', claim)} and 08-prow.`
          : ''
      return `The volume of PVC ${claim} is in a zone in which no node is. Add a node in that zone, which its PersistentVolume names under nodeAffinity: ${kubectlLine('get', 'pv', '-o', 'yaml')}.${cache}`
    },
  },
  {
    id: 'PRW-SCH-009',
    pattern: /taint/,
    remedy: ({ text }) => {
      const taint = /\{([^:=}]+)[:=]/.exec(text)?.[1] ?? ''
      return `Add nodes without the taint ${taint}, or remove it: ${kubectlLine('taint', 'nodes', 'NODE', `${taint || 'KEY'}-`)}`
    },
  },
  {
    id: 'PRW-SCH-010',
    pattern: /affinity|selector/,
    remedy: (_reason, { NODE_ARCH }) =>
      `It needs a Linux node of architecture ${NODE_ARCH} (NODE_ARCH). Add such nodes; those at hand: ${kubectlLine('get', 'nodes', '-L', 'kubernetes.io/arch')}`,
  },
]

/** Nodes that are not for such pods by design: no pod of Prow tolerates the taint of a control plane. */
const BY_DESIGN = /taint.*node-role\.kubernetes\.io/

/** What the scheduler answers, without what it says about preemption, which is of no use here. */
export function withoutPreemption(message: string): string {
  return message.replace(/[.,;]? *(?:no new claims to deallocate|preemption:).*/s, '')
}

/** The reasons in the scheduler's message: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had …`. */
export function schedulerReasons(message: string): Reason[] {
  const essential = withoutPreemption(message)
  const list = /available: ?(.*)/s.exec(essential)?.[1]
  if (list === undefined) return [{ nodes: 1, text: essential.trim() }]
  return list
    .split(/, (?=\d+ )/)
    .map((part) => /^(\d+) (.*?)\.?$/s.exec(part.trim()))
    .filter((match) => match !== null)
    .map(([, nodes, text]) => ({ nodes: Number(nodes), text: text!.replace(/^node\(s\) /, '') }))
}

/**
 * Why the scheduler finds no node, with all its reasons weighed, and what to do about those that can be remedied. Newer
 * schedulers keep the taints to themselves: `taints` are those of the nodes, where these were read.
 */
export function schedulingCause(
  message: string,
  settings: Settings,
  claims: string[],
  taints: string[] = [],
): { id: string; cause: string; remedy: string } {
  const essential = withoutPreemption(message)
  const cause = `no node can run it: ${essential}`
  const missing = /persistentvolumeclaim "([^"]+)" not found/.exec(message)?.[1]
  if (missing)
    return { id: 'PRW-SCH-011', cause: `PVC ${missing}, which it mounts, does not exist`, remedy: 'Run 08-prow again.' }
  if (/no nodes available/.test(message))
    return { id: 'PRW-SCH-012', cause: 'the cluster has no nodes', remedy: 'Add nodes to the cluster.' }
  const reasons = schedulerReasons(message)
    .map((reason) => (/taint/.test(reason.text) && !/\{/.test(reason.text) ? withTaints(reason, taints) : reason))
    .filter(({ text }) => !BY_DESIGN.test(text))
  const found = KINDS.flatMap((kind) => {
    const reason = reasons.find(({ text }) => kind.pattern.test(text) && KINDS.find(matches(text)) === kind)
    return reason ? [{ kind, reason }] : []
  })
  const [first, ...more] = found
  if (!first) return { id: 'PRW-SCH-099', cause, remedy: `Check ${kubectlLine('describe', 'nodes')}` }
  // Reasons of the same rank are all for nodes that could run it: each of them is a way.
  const ways = [first, ...more.filter(({ kind }) => rank(kind) < PERMANENT && rank(first.kind) < PERMANENT)]
  return {
    id: first.kind.id,
    cause,
    remedy: ways.map(({ kind, reason }) => kind.remedy(reason, settings, claims)).join('\n'),
  }
}

function withTaints({ nodes, text }: Reason, taints: string[]): Reason {
  const known = taints.filter((taint) => !/node-role\.kubernetes\.io/.test(taint) && !/:PreferNoSchedule$/.test(taint))
  return { nodes, text: known.length > 0 ? `${text} {${known.join(', ')}}` : text }
}

const matches = (text: string) => (kind: Kind) => kind.pattern.test(text)
const rank = (kind: Kind) => KINDS.indexOf(kind)
const PERMANENT = KINDS.findIndex(({ id }) => id === 'PRW-SCH-008')
