// All steps of the guide in order, in one process. npm run install:all
import { installAll } from '../lib/step.ts'
import preflight from './00-preflight.ts'
import cluster from './01-cluster.ts'
import namespaces from './02-namespaces.ts'
import secrets from './03-secrets.ts'
import crd from './04-crd.ts'
import serviceAccounts from './05-service-accounts.ts'
import config from './06-config.ts'
import volumes from './07-ebs-csi.ts'
import components from './08-prow.ts'
import pushgateway from './09-pushgateway.ts'
import labels from './10-labels.ts'
import ingress from './11-ingress.ts'
import webhook from './12-webhook.ts'
import verification from './13-verify.ts'

await installAll([
  preflight,
  cluster,
  namespaces,
  secrets,
  crd,
  serviceAccounts,
  config,
  volumes,
  components,
  pushgateway,
  labels,
  ingress,
  webhook,
  verification,
])
