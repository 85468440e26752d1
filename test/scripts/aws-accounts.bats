load helpers
load aws
setup_file() {
  setup_eks
  # The namespaces stay; the account is an empty one in every test.
  setup_account && runbook 02-namespaces
}
setup() { setup_account; }

C=rehearsal-prow-controllers
J=rehearsal-prow-jobs
B=rehearsal-prow-logs

@test "an empty account: a plan prints all that would be created and creates nothing; then it is created, and again nothing changes" {
  run -2 steps 01,05 --plan
  says 'OIDC provider                     would create' "bucket $B        would create" "role $C   would create" \
    "role $J          would create" 'after 01-cluster'
  same '' "$(writes)"
  run -0 steps 01,05
  says "bucket $B        created" "role $C   created"
  same 'iam:CreateOpenIDConnectProvider iam:CreateRole iam:CreateRole iam:PutRolePolicy iam:PutRolePolicy' \
    "$(writes | grep iam: | sort | xargs)"

  # The issuer as EKS reports it, with the audience.
  same sts.amazonaws.com "$(ask iam get-open-id-connect-provider --open-id-connect-provider-arn "$(PROVIDER)" -- .ClientIDList[0])"
  # Private, encrypted, with no owner but the account, and logs that expire.
  same '[true,true,true,true]' "$(ask s3api get-public-access-block --bucket $B -- '.PublicAccessBlockConfiguration&&Object.values(it.PublicAccessBlockConfiguration)')"
  same AES256 "$(ask s3api get-bucket-encryption --bucket $B -- .ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm)"
  same BucketOwnerEnforced "$(ask s3api get-bucket-ownership-controls --bucket $B -- .OwnershipControls.Rules[0].ObjectOwnership)"
  same us-west-2 "$(ask s3api get-bucket-location --bucket $B -- .LocationConstraint)"
  same '["logs/",90,"pr-logs/",90]' "$(ask s3api get-bucket-lifecycle-configuration --bucket $B -- '.Rules.filter(r=>r.Expiration).flatMap(r=>[r.Filter.Prefix,r.Expiration.Days])')"
  same 7 "$(ask s3api get-bucket-lifecycle-configuration --bucket $B -- '.Rules.find(r=>r.AbortIncompleteMultipartUpload).AbortIncompleteMultipartUpload.DaysAfterInitiation')"
  # Who can assume the roles, and what they allow: jobs write logs and read nothing.
  same '["system:serviceaccount:prow:crier","system:serviceaccount:prow:deck","system:serviceaccount:prow:tide","system:serviceaccount:prow:statusreconciler"]' \
    "$(ask iam get-role --role-name $C -- ".Role.AssumeRolePolicyDocument.Statement[0].Condition.StringEquals['$(ISSUER | sed 's|https://||'):sub']")"
  same '["system:serviceaccount:test-pods:prow-jobs"]' \
    "$(ask iam get-role --role-name $J -- ".Role.AssumeRolePolicyDocument.Statement[0].Condition.StringEquals['$(ISSUER | sed 's|https://||'):sub']")"
  same '["s3:PutObject","s3:AbortMultipartUpload"]' \
    "$(ask iam get-role-policy --role-name $J --policy-name prow-logs -- '.PolicyDocument.Statement.flatMap(s=>s.Action)')"
  same "[\"arn:aws:s3:::$B\",\"arn:aws:s3:::$B/*\"]" \
    "$(ask iam get-role-policy --role-name $C --policy-name prow-logs -- '.PolicyDocument.Statement.flatMap(s=>s.Resource)')"
  same "arn:aws:iam::123456789012:role/$J" "$(kube get sa prow-jobs -n test-pods -o jsonpath='{.metadata.annotations.eks\.amazonaws\.com/role-arn}')"

  forget_writes
  run -0 steps 01,05
  lacks ' created ' ' changed '
  run -0 steps 01,05 --plan
  same '' "$(writes)"
}

@test "what is missing is created, and only that" {
  after_steps 01,02,05
  aws iam delete-role-policy --role-name $J --policy-name prow-logs
  aws s3api delete-public-access-block --bucket $B
  forget_writes
  run -2 runbook 05-service-accounts --plan
  says "bucket $B        would change" "role $J          would change" '"s3:PutObject"'
  run -0 runbook 05-service-accounts
  same "iam:PutRolePolicy s3:PUT /$B?publicAccessBlock" "$(writes | sort | xargs)"
  aws iam delete-open-id-connect-provider --open-id-connect-provider-arn "$(PROVIDER)"
  run -1 runbook 05-service-accounts
  says 'IAM has no OIDC provider for the cluster' 'npx tsx scripts/01-cluster.ts'
  run -0 runbook 01-cluster
  says 'OIDC provider                     created'
}

@test "what differs is corrected, with the differing lines; what others wrote is kept" {
  after_steps 01,02,05
  policy="$(aws iam get-role-policy --role-name $C --policy-name prow-logs --output json | json '.PolicyDocument')"
  wider="$(node -e 'const p = JSON.parse(process.argv[1]); p.Statement.push({ Effect: "Allow", Action: "s3:DeleteObject", Resource: "*" }); console.log(JSON.stringify(p))' "$policy")"
  aws iam put-role-policy --role-name $C --policy-name prow-logs --policy-document "$wider"
  trust="$(aws iam get-role --role-name $C --output json | json '.Role.AssumeRolePolicyDocument')"
  # Somebody let in a machine, and removed the audience from the statement of the runbook.
  changed="$(node -e 'const p = JSON.parse(process.argv[1]); const c = p.Statement[0].Condition.StringEquals;
    delete c[Object.keys(c).find((k) => k.endsWith(":aud"))];
    p.Statement.push({ Sid: "Theirs", Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }); console.log(JSON.stringify(p))' "$trust")"
  aws iam update-assume-role-policy --role-name $C --policy-document "$changed"
  aws s3api put-bucket-lifecycle-configuration --bucket $B --lifecycle-configuration \
    '{"Rules":[{"ID":"theirs","Status":"Enabled","Filter":{"Prefix":"tmp/"},"Expiration":{"Days":1}},{"ID":"prow-runbook-logs","Status":"Enabled","Filter":{"Prefix":"logs/"},"Expiration":{"Days":1}}]}'
  forget_writes
  run -2 runbook 05-service-accounts --plan
  says '"Action": "s3:DeleteObject"' ':aud": "sts.amazonaws.com"' 'rule prow-runbook-logs'
  same '' "$(writes)"
  run -0 runbook 05-service-accounts
  says "role $C   changed" "bucket $B        changed" "role $J          unchanged"
  same "$policy" "$(aws iam get-role-policy --role-name $C --policy-name prow-logs --output json | json '.PolicyDocument')"
  same '["ProwRunbook","Theirs"]' "$(ask iam get-role --role-name $C -- '.Role.AssumeRolePolicyDocument.Statement.map(s=>s.Sid)')"
  same '["prow-runbook-logs","prow-runbook-pr-logs","prow-runbook-unfinished","theirs"]' "$(ask s3api get-bucket-lifecycle-configuration --bucket $B -- '.Rules.map(r=>r.ID).sort()')"
  forget_writes
  run -0 runbook 05-service-accounts
  same '' "$(writes)"
}

@test "lists in another order and single values instead of lists are no difference" {
  after_steps 01,02,05
  trust="$(aws iam get-role --role-name $C --output json | json '.Role.AssumeRolePolicyDocument')"
  other="$(node -e 'const p = JSON.parse(process.argv[1]); const c = p.Statement[0].Condition.StringEquals;
    for (const k in c) c[k] = Array.isArray(c[k]) ? c[k].reverse() : [c[k]]; p.Statement[0].Action = [p.Statement[0].Action]; console.log(JSON.stringify(p))' "$trust")"
  aws iam update-assume-role-policy --role-name $C --policy-document "$other"
  forget_writes
  run -0 runbook 05-service-accounts
  same '' "$(writes)"
}

@test "a role of the guide by that name is adopted, its statements kept, and marked as adopted" {
  after_steps 01,02
  aws iam create-role --role-name $C --assume-role-policy-document \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}' >/dev/null
  run -0 runbook 05-service-accounts
  says "role $C   changed" 'existed, adopted'
  same 2 "$(ask iam get-role --role-name $C -- .Role.AssumeRolePolicyDocument.Statement.length)"
  same true "$(ask iam list-role-tags --role-name $C -- ".Tags.find(t=>t.Key==='prow-runbook/adopted').Value")"
  run -0 runbook 05-service-accounts
  lacks ' changed '
}

@test "a role of another cluster with the same name is refused, and a prefix gives it another name" {
  after_steps 01,02
  aws iam create-role --role-name $C --assume-role-policy-document '{"Version":"2012-10-17","Statement":[]}' \
    --tags Key=app.kubernetes.io/managed-by,Value=prow-runbook Key=prow-runbook/cluster,Value=arn:aws:eks:eu-central-1:123456789012:cluster/rehearsal >/dev/null
  forget_writes
  run -1 runbook 05-service-accounts
  says "role $C belongs to another cluster, arn:aws:eks:eu-central-1" 'Set ROLE_PREFIX'
  run ! grep Role <(writes)
  setting ROLE_PREFIX=west
  run -0 runbook 05-service-accounts
  says 'role west-prow-controllers' 'created'
  same arn:aws:iam::123456789012:role/west-prow-controllers "$(kube get sa crier -n prow -o jsonpath='{.metadata.annotations.eks\.amazonaws\.com/role-arn}')"
}

@test "a recreated cluster has another issuer: the trust policy follows it" {
  after_steps 01,02,05
  old="$(PROVIDER)"
  # The account stays, the cluster is another one.
  emulator cluster "$(node -e 'const t = require("fs").readFileSync(process.argv[1], "utf8"); console.log(JSON.stringify({ name: "rehearsal", region: "us-west-2", born: "second", endpoint: /server: (\S+)/.exec(t)[1], ca: /certificate-authority-data: (\S+)/.exec(t)[1] }))' "$CLUSTER/kubeconfig")" >"$MINE/made"
  [ "$old" != "$(PROVIDER)" ]
  run -0 steps 01,05
  says 'OIDC provider                     created' "role $C   changed"
  same "$(PROVIDER)" "$(ask iam get-role --role-name $C -- '.Role.AssumeRolePolicyDocument.Statement[0].Principal.Federated')"
  same 1 "$(ask iam get-role --role-name $C -- .Role.AssumeRolePolicyDocument.Statement.length)"
}

@test "a plan shows that a provider lacks the audience" {
  aws iam create-open-id-connect-provider --url "$(ISSUER)" --client-id-list something-else >/dev/null
  run -2 runbook 01-cluster --plan
  says 'OIDC provider                     would change' '+ sts.amazonaws.com'
}

@test "a bucket of this account is adopted with its tags, one in another region or of another account is refused" {
  after_steps 01,02
  aws s3api create-bucket --bucket $B --create-bucket-configuration LocationConstraint=us-west-2 >/dev/null
  aws s3api put-bucket-tagging --bucket $B --tagging 'TagSet=[{Key=team,Value=ci}]'
  run -0 runbook 05-service-accounts
  says "bucket $B        changed" 'existed, adopted'
  same ci "$(ask s3api get-bucket-tagging --bucket $B -- ".TagSet.find(t=>t.Key==='team').Value")"

  setting LOG_BUCKET=far-away
  aws --region eu-central-1 s3api create-bucket --bucket far-away --create-bucket-configuration LocationConstraint=eu-central-1 >/dev/null
  forget_writes
  run -1 runbook 05-service-accounts
  says 'bucket far-away is in eu-central-1, not in us-west-2'
  setting LOG_BUCKET=somebodys
  refuse 's3:GET /somebodys' AccessDenied 'Access Denied'
  run -1 runbook 05-service-accounts
  says 'bucket somebodys belongs to another account than 123456789012'
  same '' "$(writes)"
}

@test "LOG_DAYS that changed arrives; another LOG_BUCKET is created and the roles follow" {
  after_steps 01,02,05
  setting LOG_DAYS=30
  run -0 runbook 05-service-accounts
  says "bucket $B        changed"
  same 30 "$(ask s3api get-bucket-lifecycle-configuration --bucket $B -- ".Rules.find(r=>r.ID==='prow-runbook-logs').Expiration.Days")"
  setting LOG_BUCKET=another-one
  run -0 runbook 05-service-accounts
  says 'bucket another-one                created' "role $C   changed"
  same '["arn:aws:s3:::another-one/logs/*","arn:aws:s3:::another-one/pr-logs/*"]' \
    "$(ask iam get-role-policy --role-name $J --policy-name prow-logs -- '.PolicyDocument.Statement[0].Resource')"
}

@test "a bucket whose KMS key is named by an alias: the roles get that one key, never all of the account" {
  after_steps 01,02
  key="$(ask kms create-key -- .KeyMetadata.Arn)"
  aws kms create-alias --alias-name alias/logs --target-key-id "$key"
  aws s3api create-bucket --bucket $B --create-bucket-configuration LocationConstraint=us-west-2 >/dev/null
  aws s3api put-bucket-encryption --bucket $B --server-side-encryption-configuration \
    '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"alias/logs"}}]}'
  run -0 runbook 05-service-accounts
  for role in $C $J; do
    same "[\"$key\"]" "$(ask iam get-role-policy --role-name $role --policy-name prow-logs -- ".PolicyDocument.Statement.find(s=>s.Sid==='Encryption').Resource")"
  done
  aws kms delete-alias --alias-name alias/logs
  aws iam delete-role-policy --role-name $J --policy-name prow-logs
  forget_writes
  run -1 runbook 05-service-accounts
  says "bucket $B is encrypted with alias/logs" 'kms:DescribeKey'
  same '' "$(writes)"
}

@test "a run that was ended between two writes is finished by running it again" {
  after_steps 01,02
  refuse iam:PutRolePolicy ServiceFailure 'try again' 1
  run -1 runbook 05-service-accounts
  says 'Then resume with:' 'ServiceFailure'
  run -0 runbook 05-service-accounts
  says "role $C   changed"
  same 2 "$(ask iam get-role-policy --role-name $C --policy-name prow-logs -- .PolicyDocument.Statement.length)"
}

@test "a write to a role that IAM does not know everywhere yet is retried" {
  after_steps 01,02
  refuse iam:PutRolePolicy NoSuchEntity 'The role with name x cannot be found.' 1
  run -0 runbook 05-service-accounts
  says "role $C   created"
}

@test "IDENTITY=keys: a bucket and no roles" {
  printf '{"region":"us-west-2","access_key":"AKIAX","secret_key":"y"}' >secrets/s3-credentials
  setting IDENTITY=keys
  run -0 steps 01,05
  says 'IDENTITY=keys: access keys' "bucket $B        created"
  run ! grep CreateRole <(writes)
  run ! grep role-arn <(kube get sa -n prow -o json)
}

@test "IDENTITY=irsa: access keys in secrets/ are refused, and those in the cluster are replaced by the region" {
  runbook 02-namespaces
  printf '{"region":"us-west-2","access_key":"AKIAX","secret_key":"y"}' >secrets/s3-credentials
  run -1 runbook 03-secrets
  says 's3-credentials has access keys, which IDENTITY=irsa does not use' 'Remove the keys, or set IDENTITY=keys.'
  run ! kube get secret s3-credentials -n test-pods
  for namespace in prow test-pods; do
    kube create secret generic s3-credentials -n "$namespace" --from-file=service-account.json=secrets/s3-credentials
  done
  rm secrets/s3-credentials
  run -0 runbook 03-secrets
  for namespace in prow test-pods; do
    same '{"region":"us-west-2"}' "$(secret "$namespace" s3-credentials service-account.json)"
  done
}

@test "us-east-1 takes no LocationConstraint, and a second run leaves the bucket alone" {
  setting AWS_REGION=us-east-1
  AWS_DEFAULT_REGION=us-east-1 fresh
  run -0 steps 01,05
  says "bucket $B        created"
  forget_writes
  run -0 runbook 05-service-accounts
  same '' "$(writes)"
}

@test "China: its partition in every ARN, its issuer, and the audience without .cn" {
  setting AWS_REGION=cn-north-1
  AWS_DEFAULT_REGION=cn-north-1 fresh
  run -0 steps 01,05
  export AWS_DEFAULT_REGION=cn-north-1
  provider="arn:aws-cn:iam::123456789012:oidc-provider/$(ISSUER | sed 's|https://||')"
  [[ "$(ISSUER)" == *.amazonaws.com.cn/id/* ]]
  same sts.amazonaws.com "$(ask iam get-open-id-connect-provider --open-id-connect-provider-arn "$provider" -- .ClientIDList[0])"
  same "$provider" "$(ask iam get-role --role-name $C -- .Role.AssumeRolePolicyDocument.Statement[0].Principal.Federated)"
  same "arn:aws-cn:s3:::$B" "$(ask iam get-role-policy --role-name $C --policy-name prow-logs -- .PolicyDocument.Statement[0].Resource[0])"
  same arn:aws-cn:iam::123456789012:role/$C "$(kube get sa crier -n prow -o jsonpath='{.metadata.annotations.eks\.amazonaws\.com/role-arn}')"
  run ! grep -r '"arn:aws:' <(aws iam get-role --role-name $C; aws iam get-role-policy --role-name $J --policy-name prow-logs)
  forget_writes
  run -0 steps 01,05
  same '' "$(writes)"
}
