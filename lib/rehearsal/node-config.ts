import { join } from 'node:path'
import type { Addresses } from './node-link.ts'
import { nodePaths, nodeTag } from './node-processes.ts'
import { PAUSE } from './oci.ts'

/** Where Debian puts the CNI plugins. */
export const PLUGINS = '/usr/lib/cni'

/** The addresses of pods. */
export const POD_CIDR = '10.244.0.0/16'

/** The CNI configuration: one bridge, and ports of the node. */
export function cniConfig() {
  return {
    cniVersion: '1.0.0',
    name: 'rehearsal',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: POD_CIDR }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
}

export function containerdConfig(dir: string): string {
  return `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}"
  # This machine may itself be a container without the right to change these; no pod would start.
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  # The default of newer versions: every user may bind ports below 1024 in the pod's own network.
  enable_unprivileged_ports = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${PLUGINS}"
    conf_dir = "${join(nodePaths(dir).node, 'cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`
}

/** The cluster's DNS: Services, and `hosts` by name and address beside them. */
export function corefile(dir: string, { node }: Addresses, hosts: Record<string, string>): string {
  const lines = Object.entries(hosts).map(([name, address]) => `    ${address} ${name}`)
  // One zone each: in one block the template would answer before the others, whatever their order in the file.
  return `cluster.local {
  bind ${node}
  errors
  kubernetes {
    kubeconfig ${nodePaths(dir).kubeconfig}
    ttl 2
  }
}
rehearsal.example {
  bind ${node}
  hosts {
${lines.join('\n')}
  }
}
. {
  bind ${node}
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`
}

/** The kubelet's configuration; `ca` is the file of the cluster's certificate authority. */
export function kubeletConfig(dir: string, { node }: Addresses, ca: string) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: ca } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${nodeTag(dir)}`,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    enforceNodeAllocatable: [],
    clusterDNS: [node],
    clusterDomain: 'cluster.local',
    resolvConf: nodePaths(dir).resolv,
    // How soon a change of a ConfigMap reaches a pod.
    syncFrequency: '10s',
    // The disk is shared with the rest of this machine, and an image that is garbage collected cannot be pulled again.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
  }
}
