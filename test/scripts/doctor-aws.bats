# Faults of AWS and of the way to Prow, one after the other on one installation on EKS: the doctor must name exactly that
# one, and nothing once it is undone.
load helpers
load aws
load doctor
setup_file() {
  setup_eks
  setup_account
  runbook install-all
}
setup() {
  enter_world
  MINE="$BATS_FILE_TMPDIR"
  . "$CLUSTER/aws/env.sh"
}

B=rehearsal-prow-logs
C=rehearsal-prow-controllers
J=rehearsal-prow-jobs
HOOK=k8s-prow-prow-hook-0123456789.us-west-2.elb.amazonaws.com
CERTIFICATE() { json .certificate <"$MINE/made"; }
ZONE() { json .zone <"$MINE/made"; }
record() {
  aws route53 change-resource-record-sets --hosted-zone-id "$(ZONE)" --change-batch \
    "{\"Changes\":[{\"Action\":\"$1\",\"ResourceRecordSet\":{\"Name\":\"prow.rehearsal.example\",\"Type\":\"CNAME\",\"TTL\":300,\"ResourceRecords\":[{\"Value\":\"$2\"}]}}]}" >/dev/null
}

@test "a healthy installation has no finding, and nothing is written" {
  forget_writes
  expect_healthy
  same '' "$(writes)"
  runbook doctor --json 2>/dev/null >"$WORLD/healthy"
  echo "# processes of a doctor: aws $(json .processes.aws <"$WORLD/healthy"), kubectl $(json .processes.kubectl <"$WORLD/healthy")" >&3
  [ "$(json .processes.kubectl <"$WORLD/healthy")" -le 3 ]
  [ "$(json .processes.aws <"$WORLD/healthy")" -le 21 ]
}

@test "a role: a Deny in another policy, a boundary, another trust policy, no role at all" {
  aws iam put-role-policy --role-name $J --policy-name guard --policy-document \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:Put*","Resource":"*"}]}'
  expect_finding PRW-AWS-013
  finds 'inline policy guard' 'denies s3:PutObject' 'aws iam delete-role-policy --role-name rehearsal-prow-jobs --policy-name guard'
  # The line works as printed.
  aws iam delete-role-policy --role-name $J --policy-name guard

  arn="$(ask iam create-policy --policy-name guard --policy-document \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::rehearsal-prow-logs/logs/*"}]}' -- .Policy.Arn)"
  aws iam attach-role-policy --role-name $C --policy-arn "$arn"
  expect_finding PRW-AWS-013
  aws iam detach-role-policy --role-name $C --policy-arn "$arn"
  aws iam put-role-permissions-boundary --role-name $C --permissions-boundary "$arn"
  expect_finding PRW-AWS-014
  aws iam delete-role-permissions-boundary --role-name $C

  aws iam get-role --role-name $J --query Role.AssumeRolePolicyDocument --output json >"$WORLD/trust"
  sed 's/oidc\.eks\.us-west-2/oidc.us-west-2.eks/g' "$WORLD/trust" >"$WORLD/other"
  aws iam update-assume-role-policy --role-name $J --policy-document "file://$WORLD/other"
  expect_finding PRW-AWS-012
  finds 'does not admit test-pods:prow-jobs' '05-service-accounts'
  runbook 05-service-accounts

  aws iam delete-role-policy --role-name $J --policy-name prow-logs
  expect_finding PRW-AWS-015
  aws iam delete-role --role-name $J
  expect_finding PRW-AWS-011
  runbook 05-service-accounts
  expect_healthy
}

@test "the bucket: public, with a policy that denies, with a key, in another region, deleted" {
  aws s3api delete-public-access-block --bucket $B
  expect_finding PRW-AWS-003
  aws s3api put-bucket-policy --bucket $B --policy \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::$B/*\"}]}"
  # Two causes are told apart.
  expect_finding PRW-AWS-004 PRW-AWS-003
  aws s3api delete-bucket-policy --bucket $B
  runbook 05-service-accounts
  key="$(ask kms create-key -- .KeyMetadata.Arn)"
  aws s3api put-bucket-encryption --bucket $B --server-side-encryption-configuration \
    "{\"Rules\":[{\"ApplyServerSideEncryptionByDefault\":{\"SSEAlgorithm\":\"aws:kms\",\"KMSMasterKeyID\":\"$key\"}}]}"
  expect_finding PRW-AWS-016
  finds 'may not use the KMS key' "$key"
  runbook 05-service-accounts
  expect_healthy
  aws s3api delete-bucket --bucket $B
  expect_finding PRW-AWS-001
  aws s3api create-bucket --bucket $B --region eu-west-1 --create-bucket-configuration LocationConstraint=eu-west-1 >/dev/null
  expect_finding PRW-AWS-002
  aws s3api delete-bucket --bucket $B --region eu-west-1
  runbook 05-service-accounts
  expect_healthy
}

@test "the OIDC provider, the annotation of a ServiceAccount, pods without its role" {
  aws iam delete-open-id-connect-provider --open-id-connect-provider-arn "$(PROVIDER)"
  expect_finding PRW-AWS-010
  runbook 01-cluster
  kube annotate serviceaccount prow-jobs -n test-pods eks.amazonaws.com/role-arn-
  expect_finding PRW-AWS-020
  finds 'ServiceAccount test-pods/prow-jobs names no role' 'job pods cannot upload their logs'
  runbook 05-service-accounts
  emulator knobs '{"irsa": false}' >/dev/null
  kube delete pod -n prow -l app=crier
  kube rollout status deployment/crier -n prow --timeout=60s
  expect_finding PRW-AWS-021
  emulator knobs '{"irsa": true}' >/dev/null
  runbook 08-prow
  expect_healthy
}

@test "the add-on: DEGRADED with its issue, and removed" {
  emulator addon "{\"cluster\": \"rehearsal\", \"addonName\": \"aws-ebs-csi-driver\", \"addonVersion\": \"v1\", \"status\": \"DEGRADED\",
    \"serviceAccountRoleArn\": \"arn:aws:iam::123456789012:role/rehearsal-ebs-csi-driver\",
    \"health\": {\"issues\": [{\"code\": \"AccessDenied\", \"message\": \"not authorized to perform sts:AssumeRoleWithWebIdentity\"}]}}" >/dev/null
  expect_finding PRW-AWS-030
  finds 'is DEGRADED' 'AccessDenied: not authorized to perform sts:AssumeRoleWithWebIdentity' 'rollout restart deployment/ebs-csi-controller'
  aws iam detach-role-policy --role-name rehearsal-ebs-csi-driver --policy-arn arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2
  expect_finding PRW-AWS-030
  finds 'role rehearsal-ebs-csi-driver has no AmazonEBSCSIDriverPolicyV2' '07-ebs-csi'
  aws eks delete-addon --cluster-name rehearsal --addon-name aws-ebs-csi-driver >/dev/null
  expect_finding PRW-AWS-030
  runbook 07-ebs-csi
  expect_healthy
}

@test "the Ingress: /hook elsewhere, no address with events, no controller, deleted" {
  kube patch ingress prow-hook -n prow --type=json -p '[{"op": "replace", "path": "/spec/rules/0/http/paths/0/backend/service/name", "value": "deck"}]'
  expect_finding PRW-ING-002
  kube delete ingress prow-hook -n prow
  expect_finding PRW-ING-001
  stage="$(kube get stage eks-ingress-address -o json)"
  kube delete stage eks-ingress-address
  setting WAIT_SECONDS=5
  run -1 runbook 11-ingress
  says 'Ingress prow-hook has no load balancer after 5 seconds'
  setting WAIT_SECONDS=120
  expect_finding PRW-ING-019
  note_event 'Failed build model due to couldn'"'"'t auto-discover subnets: unable to resolve at least one subnet'
  expect_finding PRW-ING-013
  note_event 'Failed build model due to couldn'"'"'t auto-discover subnets: NoCredentialProviders: no valid providers in chain'
  expect_finding PRW-ING-010
  kube scale deployment aws-load-balancer-controller -n kube-system --replicas=0
  expect_finding PRW-ING-017
  kube scale deployment aws-load-balancer-controller -n kube-system --replicas=1
  kube rollout status deployment/aws-load-balancer-controller -n kube-system --timeout=60s
  kube delete events -n prow --field-selector involvedObject.name=prow-hook
  kube create -f - <<<"$stage" >/dev/null
  runbook 11-ingress
  expect_healthy
}

note_event() {
  kube create -f - >/dev/null <<JSON
{"apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "prow-hook.", "namespace": "prow"}, "type": "Warning",
 "involvedObject": {"kind": "Ingress", "name": "prow-hook", "namespace": "prow"}, "reason": "FailedBuildModel",
 "message": "$1", "lastTimestamp": "$(date -u +%Y-%m-%dT%H:%M:%SZ)"}
JSON
}

@test "certificate, record and targets" {
  record DELETE $HOOK
  expect_finding PRW-ING-030
  record CREATE old.us-west-2.elb.amazonaws.com
  expect_finding PRW-ING-031
  finds 'points to old.us-west-2.elb.amazonaws.com in Route 53' "$HOOK"
  runbook 11-ingress
  kube apply -f - >/dev/null <<'YAML'
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: k8s-prow-hook, namespace: prow}
spec: {targetGroupARN: "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/k8s-prow-hook/1", serviceRef: {name: hook, port: 8888}}
YAML
  targets() { emulator knobs "{\"targets\": {\"k8s-prow-hook\": [{\"Target\": {\"Id\": \"10.0.0.1\", \"Port\": 8888}, \"TargetHealth\": $1}]}}" >/dev/null; }
  targets '{"State": "healthy"}'
  expect_healthy
  targets '{"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch", "Description": "Health checks failed with these codes: [405]"}'
  expect_finding PRW-ING-040
  finds 'another status code' 'codes: [405]'
  kube delete targetgroupbinding k8s-prow-hook -n prow
  # One that Prow's Ingresses still name.
  aws acm delete-certificate --certificate-arn "$(CERTIFICATE)"
  expect_finding PRW-ING-020
  finds 'ACM no longer has the certificate' 'aws acm request-certificate --domain-name prow.rehearsal.example'
}

@test "what may not be read hides nothing else" {
  refuse iam:GetRole AccessDenied 'User is not authorized to perform: iam:GetRole'
  aws s3api delete-public-access-block --bucket $B
  ids
  finds 'PRW-SRC-001' 'roles in IAM could not be read' 'iam:GetRole' 'PRW-AWS-003'
  emulator knobs '{"faults": []}' >/dev/null
}
