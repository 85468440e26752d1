# What install-all has created in AWS is removed, what existed before stays.
load helpers
load aws
setup_file() { setup_eks; }
setup() { setup_account; }

# What the account holds that Prow could have to do with, by name and tags.
account() {
  ask iam list-roles -- '.Roles.map(r=>r.RoleName).sort().join(" ")'
  ask s3api list-buckets -- '.Buckets.map(b=>b.Name).sort().join(" ")'
  ask eks list-addons --cluster-name rehearsal -- '.addons.sort().join(" ")'
  ask route53 list-hosted-zones -- '.HostedZones.map(z=>z.Name+z.ResourceRecordSetCount).sort().join(" ")'
  kube get namespaces,crd,storageclasses,ingressclasses,clusterroles -o name | grep -Ev 'system:|stages.kwok' | sort
}

@test "the roles, the add-on, the record and the objects are removed; the bucket when asked for; the provider stays" {
  before="$(account)"
  after_steps all
  [ "$before" != "$(account)" ]
  aws s3api put-object --bucket "$(sed -n 's/^LOG_BUCKET=//p' .env)" --key logs/a/1/build-log.txt >/dev/null
  made="$(account)"
  forget_writes
  run -2 runbook uninstall --plan --delete-logs --delete-secrets --delete-claims
  says 'would remove' 'role rehearsal-prow-jobs'
  same '' "$(writes)"
  same "$made" "$(account)"

  run -0 runbook uninstall --yes --delete-secrets --delete-claims
  says 'removed' 'kept; --delete-logs removes it' 'OIDC provider'
  run -0 ask s3api list-buckets -- '.Buckets.length'
  same 1 "$output"
  run -0 runbook uninstall --yes --delete-logs
  same "$before" "$(account)"
  aws iam get-open-id-connect-provider --open-id-connect-provider-arn "$(PROVIDER)" >/dev/null
}

@test "a bucket and a role that existed before are kept" {
  bucket="$(sed -n 's/^LOG_BUCKET=//p' .env)"
  aws s3api create-bucket --bucket "$bucket" --create-bucket-configuration "LocationConstraint=$AWS_DEFAULT_REGION" >/dev/null
  aws iam create-role --role-name rehearsal-prow-jobs --assume-role-policy-document '{"Version":"2012-10-17","Statement":[]}' >/dev/null
  run -0 runbook install-all
  says 'existed, adopted'
  run -0 runbook uninstall --yes --delete-logs --delete-secrets --delete-claims
  says 'existed before the runbook: kept'
  aws s3api head-bucket --bucket "$bucket"
  aws iam get-role --role-name rehearsal-prow-jobs >/dev/null
  run ! aws iam get-role --role-name rehearsal-prow-controllers
}

@test "killed after AWS was touched and run again it completes" {
  before="$(account)"
  after_steps all
  refuse iam:DeleteRole AccessDenied 'User is not authorized to perform: iam:DeleteRole' 1
  run -1 runbook uninstall --yes --delete-logs --delete-secrets --delete-claims
  says 'iam:DeleteRole'
  emulator knobs '{}' >/dev/null
  run -0 runbook uninstall --yes --delete-logs --delete-secrets --delete-claims
  same "$before" "$(account)"
}
