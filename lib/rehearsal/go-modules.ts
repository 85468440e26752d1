import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of the Go modules and of the manifests that belong to what they build. */
export const GO = join(import.meta.dirname, 'go')

/** The version of Kubernetes; go/cluster/go.mod has the same. */
export const KUBE = '1.36.3'

/** The programs of the rehearsal cluster, and the Go package each is built from. */
export const PACKAGES = {
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  etcd: 'go.etcd.io/etcd/server/v3',
  kwok: 'sigs.k8s.io/kwok/cmd/kwok',
  kwokctl: 'sigs.k8s.io/kwok/cmd/kwokctl',
} as const

export type ProgramName = keyof typeof PACKAGES

export const PROGRAM_NAMES = Object.keys(PACKAGES) as ProgramName[]

/** A Go module in go/, and the package of each program that it builds. */
export interface GoModule {
  folder: string
  packages: Record<string, string>
  ldflags?: string[]
}

export const CLUSTER: GoModule = {
  folder: join(GO, 'cluster'),
  packages: PACKAGES,
  // Without these the Kubernetes programs report v0.0.0, and kwokctl picks arguments by version.
  ldflags: [
    `-X k8s.io/component-base/version.gitVersion=v${KUBE}`,
    `-X k8s.io/component-base/version.gitMajor=1`,
    `-X k8s.io/component-base/version.gitMinor=${KUBE.split('.')[1]}`,
  ],
}

/** Prow's own programs; each is the last part of its package and the name of its image. */
export const PROW_PROGRAMS = [
  ...['checkconfig', 'clonerefs', 'crier', 'deck', 'entrypoint', 'ghproxy', 'hook', 'horologium', 'initupload'],
  ...['prow-controller-manager', 'sidecar', 'sinker', 'status-reconciler', 'tide'],
]

export const PROW: GoModule = {
  folder: join(GO, 'prow'),
  packages: Object.fromEntries(PROW_PROGRAMS.map((name) => [name, `sigs.k8s.io/prow/cmd/${name}`])),
}

/** What a real node runs, Prow's own programs, and the replacement for ingress-nginx, whose image cannot be built here. */
export const NODE: GoModule[] = [
  {
    ...CLUSTER,
    packages: { kubelet: 'k8s.io/kubernetes/cmd/kubelet', 'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy' },
  },
  {
    folder: join(GO, 'node'),
    packages: {
      coredns: 'github.com/coredns/coredns',
      versitygw: 'github.com/versity/versitygw/cmd/versitygw',
      'nginx-ingress-controller': 'prow-runbook/node/ingress',
    },
  },
  PROW,
]

/** The text of a module's go.mod or go.sum. */
export function readModule({ folder }: GoModule, file: 'go.mod' | 'go.sum'): string {
  return readFileSync(join(folder, file), 'utf8')
}
