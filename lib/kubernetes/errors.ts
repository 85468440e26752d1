import { Problem } from '../base/problem.ts'

let denied: (stderr: string) => Problem | undefined = () => undefined

/** Says what "unknown" and "not allowed" mean on this cluster, where more is known than the API server says. */
export function explainDenied(explain: typeof denied): void {
  denied = explain
}

/** What an answer of the API server means to the reader. */
export function explainKubectl(stderr: string): Problem {
  const known = denied(stderr)
  if (known) return known
  const text = stderr
    .split('\n')
    .filter((line) => line.trim() && !/^(Warning:|[EIW]\d{4} )/.test(line))
    .join('\n')
    .trim()
  const told = text || stderr.trim()
  const meanings: [RegExp, string][] = [
    // First: why a webhook does not answer sounds like the cluster's own certificate or connection.
    [
      /failed calling webhook "validate\.nginx/,
      'The admission webhook of ingress-nginx does not answer. See its pods in ingress-nginx, or set NGINX_ADMISSION=off.',
    ],
    [
      /failed calling webhook "\w+\.elbv2\.k8s\.aws/,
      'The AWS Load Balancer Controller does not answer. See its pods in kube-system, and that the security group of the nodes lets the control plane in on port 9443.',
    ],
    [
      /failed calling webhook/,
      'An admission webhook of the cluster does not answer. Bring it back, then run the step again.',
    ],
    [
      /connection refused|Unable to connect|i\/o timeout|no such host|was refused|no route to host/,
      'See that the cluster is up and reached from here: 01-cluster looks at it.',
    ],
    [
      /Unauthorized|must be logged in/,
      'The credentials of the kubeconfig are not known to this cluster, or expired. Make them anew.',
    ],
    [/certificate|x509/, 'The kubeconfig belongs to another cluster, or its certificates expired. Make it anew.'],
    [/[Ff]orbidden/, 'Your user lacks this right in the cluster. docs/permissions.md lists what the runbook needs.'],
    [/no matches for kind "ProwJob"/, 'Run npx tsx scripts/04-crd.ts first.'],
    [/namespaces? "(.+?)" not found/, 'Run npx tsx scripts/02-namespaces.ts first.'],
    [
      /field is immutable|is immutable/,
      'This field cannot be changed in place. Remove the object by hand when that is safe, then run the step again.',
    ],
    [
      /the object has been modified|Operation cannot be fulfilled/,
      'Somebody else changed it at the same moment. Run the step again.',
    ],
    [/already exists/, 'Somebody else made it at the same moment. Run the step again: it takes what is there.'],
    [/exceeded quota/, 'Raise the quota of the namespace.'],
  ]
  const remedy = meanings.find(([pattern]) => pattern.test(told))?.[1]
  return new Problem(told, remedy ?? 'Run the step again with --verbose to see the command.')
}
