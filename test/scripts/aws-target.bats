load helpers
load aws
setup_file() { setup_eks; }
teardown_file() { teardown_eks; }
setup() { setup_account; }

kept() { find "$WORLD/home/.cache/prow-runbook/eks" -type f 2>/dev/null; }

@test "its own kubeconfig is for nobody else to read, keeps the token, and asks for it once" {
  run -0 runbook 02-namespaces -v
  lacks 'k8s-aws-v1.'
  [ -n "$(kept)" ]
  [ -z "$(find "$WORLD/home/.cache/prow-runbook/eks" -perm /077)" ]
  run ! grep -r k8s-aws-v1 "$WORLD/home" --include=kubeconfig
  # A line that is typed works as well, and takes the kept token.
  config="$(kept | grep 'kubeconfig$')"
  : >"$WORLD/started"
  mkdir "$WORLD/bin"
  printf '#!/bin/sh\necho "$*" >>%s\nexec %s "$@"\n' "$WORLD/started" "$(command -v aws)" >"$WORLD/bin/aws"
  chmod +x "$WORLD/bin/aws"
  PATH="$WORLD/bin:$PATH" run -0 kubectl --kubeconfig "$config" get namespace prow
  [ ! -s "$WORLD/started" ]
  # Once it is old, a new one is asked for.
  find "$WORLD/home" -name 'token-*.json' -exec touch -d '-20 minutes' {} +
  PATH="$WORLD/bin:$PATH" run -0 kubectl --kubeconfig "$config" get namespace prow
  grep -q 'eks get-token' "$WORLD/started"
  run -0 runbook 02-namespaces -v
  lacks 'update-kubeconfig' 'get-token'
}

@test "another account, another region, another partition, another cluster: exit 3, and nothing is written" {
  setting AWS_ACCOUNT_ID=999999999999
  run -3 runbook install-all
  says 'the credentials are of account 123456789012, AWS_ACCOUNT_ID is 999999999999'
  setting AWS_ACCOUNT_ID=123456789012 AWS_REGION=eu-central-1
  run -3 runbook install-all
  says 'has no EKS cluster rehearsal in eu-central-1'
  setting AWS_REGION=us-west-2 CLUSTER_NAME=other
  run -3 runbook 05-service-accounts
  says 'has no EKS cluster other'
  [ -z "$(kept)" ]
  same '' "$(writes)"
}

@test "a cluster that is not ACTIVE is told, with the line that waits for it" {
  fresh '{"status": "CREATING"}'
  run -1 runbook 01-cluster
  says 'cluster rehearsal is CREATING' 'aws eks wait cluster-active'
}

@test "401 and 403 are told apart: who is meant, and the lines that let them in" {
  fresh '{"access": "none"}'
  run -1 runbook 02-namespaces
  says 'does not know you (401)' 'aws eks create-access-entry --cluster-name rehearsal' 'AmazonEKSClusterAdminPolicy'
  lacks '    at '
  # The lines work as typed.
  while read -r line; do eval "$line" >/dev/null; done < <(grep -E '^ *aws eks (create|associate)' <<<"$output")
  run -0 runbook 02-namespaces
  fresh '{"access": "entry"}'
  # The API server remembers for ten seconds whose a token is: another one is asked about.
  kept | grep 'token-.*json' | xargs rm -f
  run -1 runbook 02-namespaces
  says 'lack the right (403)' 'aws eks associate-access-policy'
}

@test "a cluster made anew under the same name gets another kubeconfig" {
  run -0 runbook 02-namespaces
  # As when EKS gave it another authority.
  sed -i 's/"certificate-authority-data": "[^"]*"/"certificate-authority-data": "b3RoZXI="/' "$(kept | grep 'kubeconfig$')"
  run -0 runbook 02-namespaces -v
  says 'update-kubeconfig'
}

@test "expired, unknown, missing credentials: one sentence and what to do, no stack, nothing written" {
  refuse sts:GetCallerIdentity ExpiredToken 'The security token included in the request is expired'
  run -1 runbook 05-service-accounts
  says 'the AWS credentials have expired' 'aws sso login'
  lacks '    at '
  refuse sts:GetCallerIdentity InvalidClientTokenId 'The security token included in the request is invalid.'
  run -1 runbook 05-service-accounts
  says 'AWS does not know these credentials'
  emulator knobs '{"faults": []}' >/dev/null
  AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' run -1 runbook 05-service-accounts
  says 'aws has no credentials'
  AWS_PROFILE=nobody run -1 runbook 05-service-accounts
  says 'aws has no profile nobody'
  AWS_ENDPOINT_URL=http://127.0.0.1:1 run -1 runbook 05-service-accounts
  says 'AWS cannot be reached'
  same '' "$(writes)"
}

@test "no region in a person's own settings does not matter: it is the one of AWS_REGION" {
  unset AWS_DEFAULT_REGION
  run -0 runbook 01-cluster
}

@test "a right that is lacking is named, and throttling is told as what it is" {
  run -0 steps 01,02
  refuse iam:CreateRole AccessDenied 'User: arn:aws:iam::123456789012:user/moto is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::123456789012:role/x because no identity-based policy allows the iam:CreateRole action'
  run -1 runbook 05-service-accounts
  says 'you may not iam:CreateRole on arn:aws:iam::123456789012:role/x' 'npx tsx scripts/05-service-accounts.ts'
  refuse iam:GetRole Throttling 'Rate exceeded'
  run -1 runbook 05-service-accounts
  says 'AWS asks for fewer calls'
  # Run again, it goes on from there.
  emulator knobs '{"faults": []}' >/dev/null
  run -0 runbook 05-service-accounts
  says 'unchanged' 'created'
}

@test "aws version 2 says it with other codes and other words around it" {
  mkdir "$WORLD/bin"
  cat >"$WORLD/bin/aws" <<SH
#!/bin/bash
err="\$(mktemp)"
"$(command -v aws)" "\$@" 2>"\$err"
code=\$?
if grep -q 'An error occurred' "\$err"; then
  sed 's/^An error occurred/aws: [ERROR]: An error occurred/' "\$err" >&2
  printf '\nAdditional error details:\nType: Sender\n' >&2
  code=254
elif [ \$code -ne 0 ]; then
  sed '/./s/^/aws: [ERROR]: /' "\$err" >&2
  grep -q 'locate credentials' "\$err" && code=253
fi
rm -f "\$err"
exit \$code
SH
  chmod +x "$WORLD/bin/aws"
  export PATH="$WORLD/bin:$PATH"
  run -0 steps 01,02,05
  run -0 runbook 05-service-accounts
  lacks ' created ' ' changed '
  refuse iam:GetRole AccessDenied 'User: x is not authorized to perform: iam:GetRole on resource: y'
  run -1 runbook 05-service-accounts
  says 'you may not iam:GetRole on y'
  lacks 'Additional error details'
  AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' run -1 runbook 05-service-accounts
  says 'aws has no credentials'
}

@test "EKS's word on the version is told, and its silence is no fault" {
  fresh '{"version": "1.34"}'
  run -0 runbook 01-cluster
  says 'standard support until 2026-12-02'
  fresh '{"version": "1.31"}'
  run -0 runbook 01-cluster
  says 'extended support, at a price, until 2026-11-26'
  refuse 'eks:GET /cluster-versions' AccessDeniedException 'no'
  run -0 runbook 01-cluster
  lacks 'support until'
}

@test "images: nodes in China that would have to reach registries abroad are told, and each repository that ECR lacks" {
  setting AWS_REGION=cn-north-1 GITHUB_CHECKS=off
  AWS_DEFAULT_REGION=cn-north-1 fresh
  run runbook 00-preflight
  says 'nodes in China seldom reach us-docker.pkg.dev' 'npx tsx scripts/images.ts'
  setting PROW_IMAGE_REGISTRY=123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/prow \
    IMAGE_MIRROR=123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/mirror
  run -1 runbook 00-preflight
  says '✖ ECR has no repository prow/hook, prow/sinker' 'mirror/library/busybox' 'npx tsx scripts/images.ts'
  lacks 'seldom'
  # The line of the guide makes them; there is no crane here that could copy.
  export AWS_DEFAULT_REGION=cn-north-1
  runbook images >images
  while read -r from to; do
    repository="${to#*/}"
    aws ecr create-repository --repository-name "${repository%:*}" >/dev/null
  done <images
  run runbook 00-preflight
  says "images: each of $(wc -l <images) has its repository in ECR"
  refuse ecr:DescribeRepositories AccessDeniedException 'User: x is not authorized to perform: ecr:DescribeRepositories on resource: *'
  run runbook 00-preflight
  says 'images in ECR were not looked for: you may not ecr:DescribeRepositories'
}
