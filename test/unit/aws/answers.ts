import { expiryRules } from '../../../lib/aws/bucket.ts'
import type { Answers } from './fake.ts'

export const PRIVATE = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
}

/** What S3 answers about a bucket that is as the runbook wants it. */
export const ANSWERS: Answers = {
  'get-bucket-location': { LocationConstraint: 'eu-central-1' },
  'get-public-access-block': { PublicAccessBlockConfiguration: PRIVATE },
  'get-bucket-encryption': {
    ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
  },
  'get-bucket-ownership-controls': { OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] } },
  'get-bucket-lifecycle-configuration': { Rules: expiryRules(90) },
  'get-bucket-tagging': { TagSet: [{ Key: 'app.kubernetes.io/managed-by', Value: 'prow-runbook' }] },
}
