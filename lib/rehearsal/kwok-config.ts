import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { paths } from './folder.ts'
import type { ProgramName } from './go-modules.ts'
import { downloadFolder, type Program } from './programs.ts'

/** The ports on loopback that the programs of a cluster listen on. */
export interface ClusterPorts {
  etcd: number
  peer: number
  apiServer: number
  controllerManager: number
  scheduler: number
  kwok: number
}

interface Input {
  programs: Record<ProgramName, Program>
  ports: ClusterPorts
  /** With a real node: its address, at which the API server listens too. */
  node?: string
  /** With AWS beside it: the file by which the API server asks who a token belongs to. */
  tokenWebhook?: string
}

/**
 * Ports that are free now. kwokctl's own choice counts down from one number, so two clusters that are created at the
 * same time get the same ports; and below 32768 no outgoing connection takes a port while its program is down.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(20_000, 32_000)
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (free) ports.add(port)
  }
  return [...ports]
}

/** The configuration of kwokctl for the cluster in `dir`. */
export function kwokConfig(dir: string, { programs, ports, node, tokenWebhook }: Input) {
  const pki = join(paths(dir).cluster, 'pki')
  return {
    apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
    kind: 'KwokctlConfiguration',
    options: {
      runtime: 'binary',
      // By default everything listens on all addresses, etcd without any credential.
      bindAddress: '127.0.0.1',
      cacheDir: downloadFolder(),
      quietPull: true,
      kubeVersion: `v${programs['kube-apiserver'].version}`,
      kubeApiserverBinary: programs['kube-apiserver'].path,
      kubeControllerManagerBinary: programs['kube-controller-manager'].path,
      kubeSchedulerBinary: programs['kube-scheduler'].path,
      kwokControllerBinary: programs.kwok.path,
      etcdBinary: programs.etcd.path,
      kubectlBinary: programs.kubectl.path,
      etcdPort: ports.etcd,
      etcdPeerPort: ports.peer,
      kubeApiserverPort: ports.apiServer,
      kubeControllerManagerPort: ports.controllerManager,
      kubeSchedulerPort: ports.scheduler,
      kwokControllerPort: ports.kwok,
      // Stages are objects of the cluster then, and tests can add their own.
      enableCRDs: ['Stage'],
      // The API server's address as a Service, for clients in pods that really run.
      kubeApiserverCertSANs: ['10.0.0.1', ...(node ? [node] : [])],
    },
    componentsPatches: [
      {
        name: 'kube-apiserver',
        extraArgs: [
          // How `kubectl logs` and `kubectl exec` authenticate with a kubelet.
          { key: 'kubelet-client-certificate', value: join(pki, 'admin.crt') },
          { key: 'kubelet-client-key', value: join(pki, 'admin.key') },
          { key: 'kubelet-preferred-address-types', value: 'InternalIP,Hostname' },
          // Pods of a real node reach it in the network that the two share with nobody else.
          ...(node
            ? [
                { key: 'bind-address', value: '0.0.0.0', override: true },
                { key: 'advertise-address', value: node, override: true },
              ]
            : []),
          ...(tokenWebhook
            ? [
                { key: 'authentication-token-webhook-config-file', value: tokenWebhook },
                // Tests take somebody's access away and check at once.
                { key: 'authentication-token-webhook-cache-ttl', value: '1s' },
              ]
            : []),
        ],
      },
      // A throw-away cluster need not survive a power cut, and a busy disk makes it slow.
      { name: 'etcd', extraArgs: [{ key: 'unsafe-no-fsync', value: 'true' }] },
      {
        name: 'kwok-controller',
        extraArgs: [
          // Real nodes can join then.
          { key: 'manage-all-nodes', value: 'false', override: true },
          { key: 'manage-nodes-with-annotation-selector', value: 'kwok.x-k8s.io/node=fake' },
          // Its default is the range of the Services.
          { key: 'cidr', value: '10.244.0.1/16' },
        ],
      },
    ],
  }
}
