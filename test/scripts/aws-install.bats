load helpers
load aws
setup_file() { setup_eks; }
setup() { setup_account; }

@test "an empty account: a plan prints it all and writes nothing; then everything is created, and again nothing changes: 30 calls of aws, and 18, with what 13-verify reads" {
  run -2 runbook install-all --plan
  says 'would create' 'after 02-namespaces' 'after 08-prow'
  same '' "$(writes)"
  untouched_but_class
  # By the aws of PATH as it is: all else has its start shared, and this sees that nothing depends on it.
  PATH="${PLAIN_PATH:-$PATH}" run -0 runbook install-all -v
  says 'OIDC provider: will be created' 'role in the pods' 'AWS' 'done: 14 steps'
  lacks 'k8s-aws-v1.'
  [ "$(grep -c '^  \$ aws ' <<<"$output")" -le 30 ]
  for name in crier deck statusreconciler tide; do
    same arn:aws:iam::123456789012:role/rehearsal-prow-controllers \
      "$(kube get pods -n prow -l "app=$name" -o jsonpath='{.items[0].spec.containers[0].env[?(@.name=="AWS_ROLE_ARN")].value}')"
  done
  before="$(snapshot)"
  forget_writes
  runbook install-all --json >"$WORLD/again"
  same '' "$(writes)"
  same "$before" "$(snapshot)"
  same undefined "$(json '.counts.changed+""' <"$WORLD/again")"
  calls="$(json .processes.aws <"$WORLD/again")"
  echo "# calls of a second run: aws $calls, kubectl $(json .processes.kubectl <"$WORLD/again")" >&3
  [ "$calls" -le 18 ]
  runbook 13-verify --json >"$WORLD/verified"
  same '' "$(writes)"
  calls="$(json .processes.aws <"$WORLD/verified")"
  echo "# calls of 13-verify: aws $calls, kubectl $(json .processes.kubectl <"$WORLD/verified")" >&3
  [ "$calls" -le 22 ]
  run -0 runbook install-all --plan
  same '' "$(writes)"

  # Pods that were created while EKS's webhook was away act as their node: 13-verify reports it, 08-prow corrects it.
  emulator knobs '{"irsa": false}' >/dev/null
  kube delete pod -n prow -l app=crier
  kube wait pod -n prow -l app=crier --for=condition=Ready --timeout=60s
  run -1 runbook 13-verify
  says 'the pods of crier have no AWS_ROLE_ARN of their ServiceAccount: they use the bucket with the role of their node' '08-prow'
  setting WAIT_SECONDS=5
  run -1 runbook 08-prow
  says 'the pods of crier have no AWS_ROLE_ARN of their ServiceAccount' 'mutatingwebhookconfiguration pod-identity-webhook'
  # Before the webhook is back.
  kube rollout status deployment/crier -n prow --timeout=60s
  emulator knobs '{"irsa": true}' >/dev/null
  setting WAIT_SECONDS=120
  run -0 runbook 08-prow
  says 'role in the pods                  changed       crier restarted'
  run -0 runbook 13-verify

  # 13-verify reports what somebody changed in AWS.
  aws iam delete-role-policy --role-name rehearsal-prow-jobs --policy-name prow-logs
  run -1 runbook 13-verify
  says 'role rehearsal-prow-jobs lacks s3:PutObject, s3:AbortMultipartUpload: job pods cannot upload their logs'
}

@test "the aws whose start is shared answers as that of PATH does: output, errors, exit code, files" {
  echo '{"RoleName": "from-a-file"}' >role.json
  for line in 'iam list-roles' 'iam get-role --role-name nobody' 'iam get-role' 'eks describe-cluster --name rehearsal' \
    'iam get-role --cli-input-json file://role.json' '--version' '--profile nobody sts get-caller-identity'; do
    PATH="${PLAIN_PATH:-$PATH}" run aws $line
    expected="$status $output"
    run aws $line
    same "$expected" "$status $output"
  done
}

@test "an account is put back as it was saved: what it held, what it was asked, and how it answers" {
  aws iam create-role --role-name kept --assume-role-policy-document '{"Version":"2012-10-17","Statement":[]}' >/dev/null
  aws iam attach-role-policy --role-name kept --policy-arn arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2
  emulator knobs '{"addon": ["DEGRADED"]}' >/dev/null
  mkdir -p "$CLUSTER/states"
  save_account of-this-test
  account() {
    ask iam list-roles -- '.Roles.map(r=>r.RoleName+r.RoleId).join()'
    ask iam list-attached-role-policies --role-name kept -- .AttachedPolicies.length
    ask s3api list-buckets -- .Buckets.length
    ask route53 list-hosted-zones -- '.HostedZones.map(z=>z.Id).join()'
  }
  before="$(account)"
  for _ in once again; do
    aws iam detach-role-policy --role-name kept --policy-arn arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2
    aws iam delete-role --role-name kept
    aws s3api create-bucket --bucket another --create-bucket-configuration LocationConstraint=us-west-2 >/dev/null
    fresh
    [ "$before" != "$(account)" ]
    restore_account of-this-test
    same 'iam:CreateRole iam:AttachRolePolicy' "$(writes | xargs)"
    same DEGRADED "$(emulator knobs '{}' | json '.addon.join()')"
    same "$before" "$(account)"
    same "$(json .zone <"$MINE/made")" "$(ask route53 list-hosted-zones -- '.HostedZones[0].Id')"
  done
  run ! restore_account never-saved
}

untouched_but_class() {
  local found
  found="$(kube get namespaces prow test-pods --ignore-not-found -o name)$(kube get storageclass gp3 --ignore-not-found -o name)"
  [ -z "$found" ] || { echo "not untouched: $found"; return 1; }
}
