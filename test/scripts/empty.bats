# Refusals, plans and messages on an empty cluster, which has to be empty still when all of them are done.
load helpers
setup_file() { setup_cluster; }
setup() { setup_world; }
teardown() { untouched; }

ALL=(00-preflight 01-cluster 02-namespaces 03-secrets 04-crd 05-service-accounts 06-config 07-ebs-csi 08-prow
  09-pushgateway 10-labels 11-ingress 12-webhook 13-verify install-all)

@test "a step names the script that has to run before it" {
  for step in 03-secrets 05-service-accounts 06-config 09-pushgateway 10-labels 11-ingress; do
    run -1 runbook "$step"
    says 'namespace prow does not exist' "Run npx tsx scripts/02-namespaces.ts --env $WORLD/.env first." "$step changed nothing" \
      "Then resume with:  npx tsx scripts/$step.ts --env $WORLD/.env"
    lacks '    at ' created
  done
}

@test "08-prow names every script that has to run before it" {
  run -1 runbook 08-prow
  for script in 02-namespaces 03-secrets 04-crd 05-service-accounts 06-config; do
    says "npx tsx scripts/$script.ts"
  done
}

@test "13-verify reports the namespaces that do not exist, with all that follows from it" {
  run -1 runbook 13-verify
  says 'namespace prow does not exist' 'Follows from it: ' "Run npm run install:all -- --env $WORLD/.env"
  says 'npx tsx scripts/04-crd.ts'
  lacks 'Deployment prow/hook does not exist'
}

@test "steps that create nothing succeed on an empty cluster" {
  for step in 00-preflight 01-cluster 07-ebs-csi 12-webhook; do
    run -0 runbook "$step"
    lacks created
  done
}

@test "--plan works on an empty cluster: what an earlier step creates is a line, not a problem" {
  for step in 03-secrets 05-service-accounts 06-config 08-prow 09-pushgateway 10-labels 11-ingress 13-verify; do
    run -2 runbook "$step" --plan
    says 'after 0'
    lacks 'changed nothing' ✖
  done
  [ ! -e secrets/hmac-token ]
  [ ! -e secrets/cookie ]
}

@test "--plan of everything prints what would be created, ends with 2, and writes nothing to the cluster or to disk" {
  find . -type f -not -path './home/*' | sort >../before
  run -2 runbook install-all --plan
  says 'planned: 14 steps' 'after 02-namespaces' '+ prow  ' '+ hmac-token in prow' '+ hook  ' 'would create' '+ Ingress prow'
  lacks '  created  '
  find . -type f -not -path './home/*' | sort >../after
  same "$(cat ../before)" "$(cat ../after)"
}

@test "--help of every script prints what it reads, creates and needs, and asks for no settings" {
  rm .env
  for script in "${ALL[@]}"; do
    run -0 --separate-stderr runbook "$script" --help
    says --plan --json 'Exit codes'
    [ "$script" = install-all ] || says Reads: Creates: Needs: "npx tsx scripts/$script.ts"
    [ -z "$stderr" ]
  done
}

@test "a mistyped line ends with 64 and a message, before anything is read" {
  setting KUBECONFIG_FILE=/does/not/exist
  for wrong in '03-secrets --plam' '03-secrets now' '03-secrets --env' '02-namespaces --from 03' \
    'install-all --from 99' 'install-all --only 3x' 'install-all --skip secrets' 'install-all --plan=yes'; do
    # shellcheck disable=SC2086
    run -64 runbook $wrong
    says ✖
    lacks '    at ' 'node:internal'
  done
}

@test "a wrong target ends with 3 before anything is read, and lists the contexts that exist" {
  setting KUBE_CONTEXT=production
  for script in 02-namespaces install-all; do
    run -3 runbook "$script"
    says 'has no context production' 'rehearsal'
  done
  run -3 runbook 02-namespaces --plan
  setting KUBE_CONTEXT=rehearsal
  # kubectl would ask localhost:8080 for each of these.
  sed 's|cluster: rehearsal$|cluster: another|' "$CLUSTER/kubeconfig" >dangling
  sed '/server: /d' "$CLUSTER/kubeconfig" >serverless
  for file in dangling serverless; do
    ! cmp -s "$file" "$CLUSTER/kubeconfig"
    setting KUBECONFIG_FILE="$file"
    run -3 runbook 02-namespaces
    lacks '    at ' localhost
  done
  setting KUBECONFIG_FILE=nowhere/kubeconfig
  run -3 runbook 02-namespaces
  says 'nowhere/kubeconfig'
  mkdir folder
  setting KUBECONFIG_FILE=folder
  run -3 runbook 02-namespaces
  lacks '    at '
  printf 'just words\n' >words
  setting KUBECONFIG_FILE=words
  run -3 runbook 02-namespaces
  lacks '    at '
  printf 'contexts: nonsense\n' >words
  run -3 runbook 02-namespaces
  lacks '    at '
}

@test "a target that the environment has otherwise than the file ends with 3, and names both" {
  KUBE_CONTEXT=production run -3 runbook 02-namespaces
  says 'KUBE_CONTEXT is rehearsal in' 'and production in the environment'
  KUBE_CONTEXT=rehearsal run -2 runbook 02-namespaces --plan
}

@test "a -- that was forgotten ends with 64: npm takes the option, and the script would run without it" {
  cd "$ROOT"
  for typed in 'install:all --plan' 'install:all --from 05' 'install:all --skip=08' 'rollback-config --plan'; do
    # shellcheck disable=SC2086
    run -64 npm run $typed
    says "Type npm run ${typed%% *} -- "
  done
}

@test "a cluster that does not answer is one sentence, with exit code 1" {
  sed 's|server: .*|server: https://127.0.0.1:1|' "$CLUSTER/kubeconfig" >kubeconfig
  setting KUBECONFIG_FILE=kubeconfig
  for step in 00-preflight 02-namespaces; do
    run -1 runbook "$step"
    says 'Check that the cluster is up'
    lacks '    at '
  done
}

@test "settings: every problem at once, each with a remedy, and the nearest known name" {
  sed -i '/^PROW_HOST=/d;/^LOG_BUCKET=/d' .env
  cat >>.env <<'ENV'
PROW_HOTS=prow.example.com
GITHUB_ORG=no/slashes
WAIT_SECONDS=soon
OAUTH=yes
LOG_DAYS=0
IMAGE_TAG=v1
NOTHING_LIKE_IT_AT_ALL=1
ENV
  run -1 runbook 02-namespaces
  says 'PROW_HOTS in' 'Did you mean PROW_HOST?' 'PROW_HOST is not set' 'LOG_BUCKET is not set' 'e.g. LOG_BUCKET=' \
    'GITHUB_ORG=no/slashes must be' 'WAIT_SECONDS=soon must be' 'OAUTH=yes must be on or off' 'LOG_DAYS=0 must be from 1' \
    'IMAGE_TAG in' 'NOTHING_LIKE_IT_AT_ALL in' '.env.example lists the settings'
  lacks '    at '
}

@test "settings: values that do not fit together are problems" {
  setting INGRESS=alb IDENTITY=irsa
  run -1 runbook install-all
  says 'INGRESS=alb needs TARGET=eks' 'IDENTITY=irsa needs TARGET=eks'
  setting GITHUB_AUTH=app INGRESS=none IDENTITY=keys
  run -1 runbook 02-namespaces
  says 'GITHUB_APP_ID is not set'
}

@test "init creates the files to fill in, and a plan names what each still lacks; an existing file is never overwritten" {
  mkdir new
  run -0 --separate-stderr runbook init --env new/.env
  same 'github-oauth-config oauth-token' "$(ls new/secrets | xargs)"
  same '600 600 700' "$(stat -c %a new/secrets/* new/secrets | xargs)"
  run -1 node "$ROOT/lib/start.mjs" install-all --env new/.env --plan
  says 'AWS_ACCOUNT_ID is not set' 'PROW_HOST is not set' 'new/secrets/oauth-token still contains the text of the example'
  lacks 's3-credentials' '    at '
  echo 'ghp_mine' >new/secrets/oauth-token
  run -0 runbook init --env new/.env
  says unchanged
  same ghp_mine "$(cat new/secrets/oauth-token)"
  # Further files as the settings ask for them.
  sed -i 's/^TARGET=.*/TARGET=local/' new/.env
  printf 'IDENTITY=keys\nGITHUB_AUTH=app\n' >>new/.env
  run -0 runbook init --env new/.env
  same 'github-app-key github-oauth-config oauth-token s3-credentials' "$(ls new/secrets | xargs)"
}

@test "settings: the environment wins over the file, and preflight lists those" {
  PROW_HOST=other.example.com run -1 runbook 00-preflight
  says 'https://other.example.com/' 'set in the environment, not in the file: PROW_HOST' \
    'has a redirect_url other than https://other.example.com/github-login/redirect'
}

@test "settings: a file that does not exist is one problem, not thirty" {
  rm .env
  run -1 runbook 02-namespaces
  says 'does not exist' 'npm run init'
  lacks 'is not set'
  mkdir .env
  run -1 runbook 02-namespaces
  says 'cannot be read'
  lacks '    at '
}

@test "preflight reports every problem of every secret file at once, and never its content" {
  printf 'c0ffee-in-two words-of-a-token' >secrets/oauth-token
  printf 'client_id: 12345678901234567890\nclient_secret: "s3cr3ts3cr3ts3cr3t"\nredirect_url: "https://prow.rehearsal.example/github-login/redirect"\n' >secrets/github-oauth-config
  printf '{"region": "us-east-1", "access_key": "AKIAAKIAAKIAAKIA"}' >secrets/s3-credentials
  mkdir secrets/hmac-token
  : >secrets/cookie
  run -1 runbook 00-preflight
  says 'secrets/oauth-token has more than one word' 'secrets/github-oauth-config has client_id without quotes' \
    'secrets/s3-credentials has one of access_key and secret_key without the other' \
    'secrets/hmac-token cannot be read' 'secrets/cookie is empty'
  lacks c0ffee 12345678901234567890 s3cr3t AKIAAKIA '    at '
}

@test "preflight warns of a secret file that other users can read" {
  chmod 644 secrets/oauth-token
  run -0 runbook 00-preflight
  says 'secrets/oauth-token is readable by other users' 'chmod 600'
}

@test "preflight reports what the cluster and config/ lack, all at once" {
  setting STORAGE_CLASS=fast NODE_ARCH=arm64
  mkdir config
  rm secrets/oauth-token
  run -1 runbook 00-preflight
  says 'StorageClass fast does not exist' 'Set STORAGE_CLASS to one of rehearsal' 'no ready node has architecture arm64' \
    'config/config.yaml is missing' 'config/plugins.yaml is missing' 'secrets/oauth-token does not exist' 'Copy secrets.example/oauth-token'
}

@test "07-ebs-csi stops when the StorageClass does not exist" {
  setting STORAGE_CLASS=fast
  run -1 runbook 07-ebs-csi
  says 'StorageClass fast does not exist' 'Set STORAGE_CLASS to one of rehearsal'
}

@test "preflight reports a missing program" {
  mkdir tools
  for program in node bash cat kubectl env; do ln -s "$(command -v $program)" tools; done
  PATH="$WORLD/tools" run -1 runbook 00-preflight
  says 'openssl is not installed'
}

@test "preflight reports what an operator without permissions is not authorized to do" {
  # A token of an account that nobody gave anything.
  token="$(kube create token default -n default)"
  kube config view --raw --minify --flatten -o json |
    node -e 'const c=JSON.parse(require("fs").readFileSync(0));c.users[0].user={token:process.argv[1]};console.log(JSON.stringify(c))' "$token" >kubeconfig
  setting KUBECONFIG_FILE=kubeconfig
  run -1 runbook 00-preflight
  says 'docs/permissions.md'
  lacks '    at ' "$token"
  run -1 runbook 02-namespaces
  lacks '    at ' "$token"
}

@test "--json is one document with a version, also of a failure; progress stays on stderr" {
  run -0 --separate-stderr runbook 01-cluster --json
  [ "$(json '.version' <<<"$output")" = 1 ]
  [ "$(json '.exitCode' <<<"$output")" = 0 ]
  run -1 --separate-stderr runbook 03-secrets --json
  [ "$(json '.version' <<<"$output")" = 1 ]
  [ "$(json '.problems.length > 0' <<<"$output")" = true ]
  [ "$(json '.steps[0].outcome' <<<"$output")" = failed ]
  [[ "$stderr" == *'namespace prow does not exist'* ]]
  run -2 --separate-stderr runbook install-all --plan --json
  [ "$(json '.plan' <<<"$output")" = true ]
  [ "$(json '.steps.length' <<<"$output")" = 14 ]
  setting KUBE_CONTEXT=production
  run -3 --separate-stderr runbook 02-namespaces --json
  [ "$(json '.exitCode' <<<"$output")" = 3 ]
  setting OAUTH=maybe
  run -1 --separate-stderr runbook 02-namespaces --json
  [ "$(json '.problems[0].message' <<<"$output")" = 'OAUTH=maybe must be on or off' ]
  run -64 --separate-stderr runbook 02-namespaces --json --nonsense
  [ "$(json '.exitCode' <<<"$output")" = 64 ]
}

@test "without a terminal nothing is coloured and nothing spins; stdout is empty" {
  run -0 --separate-stderr env -u NO_COLOR bash -c 'cd "$WORLD"; node "$0/lib/start.mjs" 01-cluster --env "$1/.env"' "$ROOT" "$WORLD"
  [ -z "$output" ]
  [[ "$stderr" != *$'\e['* ]]
}

@test "the home folder of the operator is left as it is" {
  run -0 runbook 00-preflight
  run -2 runbook install-all --plan
  [ ! -e home/.kube ]
  [ ! -e home/.kwok ]
  same '' "$(find home -type f -path '*kube*')"
}
