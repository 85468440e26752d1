load helpers
load aws
setup_file() { setup_eks; }
setup() { setup_account; }

kept() { find "$WORLD/home/.cache/prow-runbook/eks" -type f 2>/dev/null; }

# An aws in front of PATH that notes how it is started.
note_starts() {
  mkdir "$WORLD/bin"
  printf '#!/bin/sh\necho "$*" >>%s\nexec %s "$@"\n' "$WORLD/started" "$(command -v aws)" >"$WORLD/bin/aws"
  chmod +x "$WORLD/bin/aws"
  PATH="$WORLD/bin:$PATH"
}

@test "its own kubeconfig is for nobody else to read, keeps the token, and asks for it once" {
  run -0 runbook 02-namespaces -v
  lacks 'k8s-aws-v1.'
  [ -n "$(kept)" ]
  [ -z "$(find "$WORLD/home/.cache/prow-runbook/eks" -perm /077)" ]
  run ! grep -r k8s-aws-v1 "$WORLD/home" --include=kubeconfig
  # The next run takes the kept token, until that is old.
  note_starts
  run -0 runbook 02-namespaces
  run ! grep get-token "$WORLD/started"
  find "$WORLD/home" -name 'token-*.json' -exec touch -d '-20 minutes' {} +
  run -0 runbook 02-namespaces
  grep -q 'eks get-token' "$WORLD/started"
  # A line that is typed works as well, with a token of whoever types it.
  : >"$WORLD/started"
  run -0 kubectl --kubeconfig "$(kept | grep 'kubeconfig$')" get namespace prow
  grep -q 'eks get-token' "$WORLD/started"
}

@test "another profile has a token of its own: kubectl acts as the identity that was checked" {
  export AWS_SHARED_CREDENTIALS_FILE="$WORLD/credentials"
  printf '[%s]\naws_access_key_id=%s\naws_secret_access_key=x\n' admin AKIAADMIN00000000000 reader AKIAREADER0000000000 >"$WORLD/credentials"
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  AWS_PROFILE=admin run -0 runbook 02-namespaces
  AWS_PROFILE=reader run -0 runbook 02-namespaces
  same 2 "$(kept | grep -c 'token-.*json')"
  # Who a token is for is in the signed URL that it encodes.
  for key in AKIAADMIN AKIAREADER; do
    same 1 "$(kept | grep 'token-.*json' | while read -r file; do
      json .status.token <"$file" | sed 's/^k8s-aws-v1\.//' | tr '_-' '/+' | base64 -d 2>/dev/null | grep -o "$key" | head -n 1
    done | wc -l)"
  done
  run ! grep -r AWS_PROFILE "$WORLD/home/.cache/prow-runbook/eks"
}

@test "another account, another region, another partition, another cluster: exit 3, and nothing is written" {
  setting AWS_ACCOUNT_ID=999999999999
  run -3 runbook install-all
  says 'the credentials belong to account 123456789012, AWS_ACCOUNT_ID is 999999999999'
  setting AWS_ACCOUNT_ID=123456789012 AWS_REGION=eu-central-1
  run -3 runbook install-all
  says 'has no EKS cluster rehearsal in eu-central-1'
  setting AWS_REGION=us-west-2 CLUSTER_NAME=other
  run -3 runbook 05-service-accounts
  says 'has no EKS cluster other'
  [ -z "$(kept)" ]
  same '' "$(writes)"
}

@test "a cluster that is not ACTIVE is a problem, with the line that waits for it" {
  fresh '{"status": "CREATING"}'
  run -1 runbook 01-cluster
  says 'cluster rehearsal is CREATING' 'aws eks wait cluster-active'
}

@test "401 and 403 are distinguished: who is denied, and the lines that grant access" {
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
  says 'knows you, but denies this (403)' 'aws eks associate-access-policy'
  # Whoever has been given access meanwhile, or has logged in as somebody else, gets a new token.
  run ! grep 'token-.*json' <(kept)
}

@test "a recreated cluster of the same name gets another kubeconfig" {
  run -0 runbook 02-namespaces
  # As when EKS gave it another authority.
  sed -i 's/"certificate-authority-data": "[^"]*"/"certificate-authority-data": "b3RoZXI="/' "$(kept | grep 'kubeconfig$')"
  run -0 runbook 02-namespaces
  run ! grep b3RoZXI "$(kept | grep 'kubeconfig$')"
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

@test "a missing permission is named, and throttling is reported as such" {
  run -0 steps 01,02
  refuse iam:CreateRole AccessDenied 'User: arn:aws:iam::123456789012:user/moto is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::123456789012:role/x because no identity-based policy allows the iam:CreateRole action'
  run -1 runbook 05-service-accounts
  says 'you are not authorized to perform iam:CreateRole on arn:aws:iam::123456789012:role/x' 'npx tsx scripts/05-service-accounts.ts'
  refuse iam:GetRole Throttling 'Rate exceeded'
  run -1 runbook 05-service-accounts
  says 'AWS throttles the requests of this account'
  # Run again, it continues from there.
  emulator knobs '{"faults": []}' >/dev/null
  run -0 runbook 05-service-accounts
  says 'unchanged' 'created'
}

@test "aws version 2 has other exit codes and another prefix" {
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
  says 'you are not authorized to perform iam:GetRole on y'
  lacks 'Additional error details'
  AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' run -1 runbook 05-service-accounts
  says 'aws has no credentials'
}

@test "the end of support is printed when EKS answers it" {
  fresh '{"version": "1.34"}'
  run -0 runbook 01-cluster
  says 'standard support until 2026-12-02'
  fresh '{"version": "1.31"}'
  run -0 runbook 01-cluster
  says 'in extended support, which costs extra, until 2026-11-26'
  refuse 'eks:GET /cluster-versions' AccessDeniedException 'no'
  run -0 runbook 01-cluster
  lacks 'support until'
}

@test "images: a warning about registries abroad for nodes in China, and each repository that ECR lacks" {
  setting AWS_REGION=cn-north-1 GITHUB_CHECKS=off
  AWS_DEFAULT_REGION=cn-north-1 fresh
  run runbook 00-preflight
  says 'nodes in China often cannot reach us-docker.pkg.dev' 'npx tsx scripts/images.ts'
  setting PROW_IMAGE_REGISTRY=123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/prow \
    IMAGE_MIRROR=123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/mirror
  run -1 runbook 00-preflight
  says '✖ ECR has no repository prow/hook, prow/sinker' 'mirror/library/busybox' 'npx tsx scripts/images.ts'
  lacks 'nodes in China'
  # The line of the guide makes them; there is no crane here that could copy.
  export AWS_DEFAULT_REGION=cn-north-1
  runbook images >images
  while read -r from to; do
    repository="${to#*/}"
    aws ecr create-repository --repository-name "${repository%:*}" >/dev/null
  done <images
  run runbook 00-preflight
  says 'images: ECR has their'
  refuse ecr:DescribeRepositories AccessDeniedException 'User: x is not authorized to perform: ecr:DescribeRepositories on resource: *'
  run runbook 00-preflight
  says 'images in ECR were not checked: you are not authorized to perform ecr:DescribeRepositories'
}
