import type { Settings } from '../settings/table.ts'

/** What a registry or container runtime answered, and what to do about it. The first row that fits counts. */
const ANSWERS: {
  id: string
  pattern: RegExp
  meaning: string
  remedy: (settings: Settings) => string
  lasting?: true
}[] = [
  {
    id: 'PRW-IMG-001',
    pattern: /InvalidImageName|couldn't parse image|invalid reference format/,
    meaning: 'it is no image name',
    remedy: () => 'Correct PROW_IMAGE_REGISTRY, PROW_IMAGE_TAG or IMAGE_MIRROR, then run 08-prow.',
    lasting: true,
  },
  {
    id: 'PRW-IMG-002',
    pattern: /no match(?:ing manifest)? for platform|no matching manifest|exec format error/,
    meaning: 'there is none for the architecture of the node',
    remedy: ({ NODE_ARCH }) =>
      `Prow's own images are for amd64. Set NODE_ARCH to an architecture that the images have (now ${NODE_ARCH}), and add such nodes.`,
    lasting: true,
  },
  {
    id: 'PRW-IMG-003',
    pattern: /toomanyrequests|429|rate limit|pull QPS exceeded/i,
    meaning: 'the registry limits the number of pulls',
    remedy: () =>
      'Wait, or copy the images to a registry of your own and set IMAGE_MIRROR (npm run images lists them).',
  },
  {
    id: 'PRW-IMG-004',
    pattern: /no basic auth credentials|unauthorized|authentication required|403 Forbidden|access denied|denied:/i,
    meaning: 'the registry denies access',
    remedy: () =>
      'The role of the nodes may not pull there (ECR: AmazonEC2ContainerRegistryReadOnly), the repository is private, or it does not exist. PROW_IMAGE_REGISTRY and IMAGE_MIRROR name the registries.',
  },
  {
    id: 'PRW-IMG-005',
    pattern: /not found|manifest unknown|name unknown|repository does not exist/i,
    meaning: 'the registry has no such image or tag',
    remedy: ({ PROW_IMAGE_TAG }) =>
      `Correct PROW_IMAGE_TAG (${PROW_IMAGE_TAG}), PROW_IMAGE_REGISTRY or IMAGE_MIRROR; a mirror needs the image copied first (npm run images).`,
    lasting: true,
  },
  {
    id: 'PRW-IMG-006',
    pattern: /x509|certificate/i,
    meaning: 'the node does not trust the certificate of the registry',
    remedy: () => 'Give the nodes the CA of the registry, or set IMAGE_MIRROR to one that they trust.',
  },
  {
    id: 'PRW-IMG-007',
    pattern:
      /i\/o timeout|no such host|connection refused|dial tcp|deadline exceeded|TLS handshake timeout|network is unreachable/,
    meaning: 'the nodes do not reach the registry',
    remedy: () =>
      'Check their way to the internet (NAT gateway, route, security group, proxy); or set PROW_IMAGE_REGISTRY and IMAGE_MIRROR to a registry that they reach.',
  },
  {
    id: 'PRW-IMG-008',
    pattern: /no space left/,
    meaning: 'the disk of the node is full',
    remedy: () => 'Give the nodes larger disks, or replace the node.',
  },
]

/** What a failed pull means: by the answer of the registry, which may stand in an event while the status only repeats that it backs off. */
export function imagePullCause(
  text: string,
  settings: Settings,
): { id: string; meaning: string; remedy: string; lasting: boolean } {
  const row = ANSWERS.find(({ pattern }) => pattern.test(text))
  if (!row) {
    return {
      id: 'PRW-IMG-099',
      meaning: '',
      remedy:
        'Check that the nodes reach the registry and that the tag exists. A mirror is set by PROW_IMAGE_REGISTRY (Prow) and IMAGE_MIRROR (the rest).',
      lasting: false,
    }
  }
  return { id: row.id, meaning: row.meaning, remedy: row.remedy(settings), lasting: Boolean(row.lasting) }
}
