load helpers
setup_file() { setup_cluster; }
setup() {
  setup_world
  after_steps 02
}

uids() { kube get secrets -A -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.uid}{"\n"}{end}'; }

@test "creates the guide's Secrets with their keys, and generates the two that can be" {
  run -0 runbook 03-secrets
  says 'hmac-token in prow' 'generated, kept in' '7 created'
  [[ "$(secret prow hmac-token hmac)" =~ ^[0-9a-f]{40}$ ]]
  [ "$(secret prow cookie secret | base64 -d | wc -c)" = 32 ]
  same "$(cat secrets/oauth-token)" "$(secret prow oauth-token oauth)"
  same "$(cat secrets/github-oauth-config)" "$(secret prow github-oauth-config secret)"
  same "$(cat secrets/s3-credentials)" "$(secret prow s3-credentials service-account.json)"
  same "$(cat secrets/s3-credentials)" "$(secret test-pods s3-credentials service-account.json)"
  same "$(secret prow hmac-token hmac)" "$(cat secrets/hmac-token)"
  same "$(secret prow cookie secret)" "$(cat secrets/cookie)"
  [ "$(stat -c %a secrets secrets/hmac-token secrets/cookie | tr '\n' ' ')" = '700 600 600 ' ]
  # Job pods must not mount the bot token.
  run ! kube get secret oauth-token -n test-pods
  [ -z "$(kube get secrets -A -o name -l 'app.kubernetes.io/managed-by!=prow-runbook')" ]
  settled 03-secrets
}

@test "a corrected token arrives, the others stay; the plan shows it by fingerprint only" {
  runbook 03-secrets
  before="$(uids)"
  printf 'ghp_%s\n' NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEW >secrets/oauth-token
  run -2 runbook 03-secrets --plan
  says '~ oauth-token in prow' 'fingerprint' '6 unchanged'
  lacks NEWNEW
  [[ "$(secret prow oauth-token oauth)" != *NEWNEW* ]]
  run -0 runbook 03-secrets --verbose
  says '1 changed' '6 unchanged'
  lacks NEWNEW
  [ "$(secret prow oauth-token oauth)" = ghp_NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEW ]
  same "$before" "$(uids)"
}

@test "a newline at the end of a file is no change" {
  runbook 03-secrets
  before="$(snapshot)"
  printf '\n\n' >>secrets/oauth-token
  printf %s "$(cat secrets/hmac-token)" >secrets/hmac-token
  run -0 runbook 03-secrets
  says '7 unchanged'
  same "$before" "$(snapshot)"
}

@test "a second operator with an empty folder changes nothing and gets the two generated ones" {
  runbook 03-secrets
  mkdir -m 700 ../first && cp secrets/* ../first
  before="$(snapshot)"
  world "$BATS_TEST_TMPDIR/second"
  rm -r secrets
  run -0 runbook 03-secrets
  says '7 unchanged' 'from the cluster'
  same "$before" "$(snapshot)"
  same "$(cat ../first/hmac-token)" "$(cat secrets/hmac-token)"
  same "$(cat ../first/cookie)" "$(cat secrets/cookie)"
  [ "$(stat -c %a secrets secrets/hmac-token secrets/cookie | tr '\n' ' ')" = '700 600 600 ' ]
  # Somebody else's token is not put on this disk without being asked for.
  same 'cookie hmac-token ' "$(ls secrets | tr '\n' ' ')"
}

@test "Secrets created by the guide's own commands are adopted, with the values that they have" {
  openssl rand -hex 20 >hook-secret
  openssl rand -base64 32 >cookie
  kube create secret generic hmac-token -n prow --from-file=hmac=hook-secret
  kube create secret generic cookie -n prow --from-file=secret=cookie
  kube create secret generic oauth-token -n prow --from-file=oauth=secrets/oauth-token --from-literal=old=stale-value
  kube create secret generic github-oauth-config -n prow --from-file=secret=secrets/github-oauth-config
  kube create secret generic s3-credentials -n prow --from-file=service-account.json=secrets/s3-credentials
  before="$(uids)"
  run -0 runbook 03-secrets
  says 'existed, adopted'
  lacks 'generated'
  same "$before" "$(uids | grep -v -e test-pods/ -e object-store)"
  same "$(cat hook-secret)" "$(secret prow hmac-token hmac)"
  same "$(cat hook-secret)" "$(cat secrets/hmac-token)"
  # A key that nobody reads is removed; the Secret itself exists all the time.
  same '{"oauth"' "$(kube get secret oauth-token -n prow -o jsonpath='{.data}' | cut -d: -f1)"
  [ "$(kube get secret -n prow oauth-token -o jsonpath='{.metadata.annotations.prow-runbook/adopted}')" = true ]
  run -0 runbook 03-secrets
  lacks adopted
  settled 03-secrets
}

@test "a stale key disappears in one replace, also one that kubectl put there" {
  runbook 03-secrets
  uid="$(kube get secret oauth-token -n prow -o jsonpath='{.metadata.uid}')"
  kube patch secret oauth-token -n prow -p '{"stringData":{"stale":"an-old-value"}}'
  run -0 runbook 03-secrets
  says '1 changed'
  same '{"oauth"' "$(kube get secret oauth-token -n prow -o jsonpath='{.data}' | cut -d: -f1)"
  [ "$(kube get secret oauth-token -n prow -o jsonpath='{.metadata.uid}')" = "$uid" ]
}

@test "a value that kubectl apply has put into an annotation is removed from there" {
  kube create secret generic oauth-token -n prow --from-file=oauth=secrets/oauth-token --dry-run=client -o yaml | kube apply -f -
  kube get secret oauth-token -n prow -o jsonpath='{.metadata.annotations}' | grep last-applied
  runbook 03-secrets
  run ! grep last-applied <(kube get secrets -A -o jsonpath='{.items[*].metadata.annotations}')
}

@test "every invalid file is reported at once, with a remedy, and nothing is written" {
  setting GITHUB_AUTH=app GITHUB_APP_ID=4711 PRIVATE_CLONES=on
  printf 'no key at all' >secrets/github-app-key
  printf 'REPLACE with a token that can read' >secrets/clone-token
  printf 'short' >secrets/hmac-token
  printf 'bm90IDMyIGJ5dGVz' >secrets/cookie
  printf 'client_id:nospace' >secrets/github-oauth-config
  printf '{"region": "us-east-1", "endpoint": "no-scheme:9000", "access_key": "a", "secret_key": "b"}' >secrets/s3-credentials
  run -1 runbook 03-secrets
  says 'github-app-key is not a private key in PEM format' 'clone-token still contains the text of the example' 'hmac-token is shorter than' \
    'cookie is not the base64 of 32 bytes' 'needs a space after client_id:' 's3-credentials has an endpoint without http' \
    'changed nothing' 'Put the private key into it' 'Remove the file to have one generated'
  lacks '    at ' bm90 nospace
  same '' "$(uids)"
}

@test "a malformed secret file gets a message, never a stack trace" {
  while IFS='|' read -r file content says; do
    world "$BATS_TEST_TMPDIR/w$((++n))"
    printf "$content" >"secrets/$file"
    run -1 runbook 03-secrets
    says "secrets/$file $says"
    lacks '    at '
  done <<'TABLE'
hmac-token|org:\n  - value: x\n|has an entry without value or created_at
s3-credentials|[1]|is not a JSON object
s3-credentials|{"region":"x","endpoint":"http://x","accessKey":"k"}|has an unknown key accessKey
oauth-token|\000\001binary-binary-binary|is not text
TABLE
  same '' "$(uids)"
}

@test "a secret file that cannot be read is refused, though the cluster has its value" {
  runbook 03-secrets
  before="$(snapshot)"
  rm secrets/{oauth-token,hmac-token,cookie}
  ln -s nowhere secrets/oauth-token
  mkdir secrets/hmac-token
  mkfifo secrets/cookie
  : >secrets/github-oauth-config
  run -1 runbook 03-secrets
  says 'secrets/oauth-token cannot be read (it is a link to a file that does not exist)' \
    'secrets/hmac-token cannot be read (it is a folder)' 'secrets/cookie cannot be read (it is not a regular file)' \
    'secrets/github-oauth-config is empty'
  lacks '    at '
  same "$before" "$(snapshot)"
}

@test "a generated Secret that is invalid in the cluster is refused, not generated twice" {
  kube create secret generic hmac-token -n prow --from-literal=hmac=short
  run -1 runbook 03-secrets
  says 'Secret prow/hmac-token is shorter than 16 characters'
  [ "$(secret prow hmac-token hmac)" = short ]
  same 'prow/hmac-token' "$(uids | cut -d' ' -f1)"
}

@test "killed at any write and run again it finishes, with the same generated values" {
  watch_programs
  for at in '1 after' '2 after' '3 before' '3 after'; do
    kube delete secrets --all -n prow
    rm -f secrets/hmac-token secrets/cookie
    # shellcheck disable=SC2086
    killed $at 03-secrets
    sent="$(kube get secrets -n prow -o name)"
    hmac="$(secret prow hmac-token hmac || true)"
    cookie="$(secret prow cookie secret || true)"
    case "$at" in '3 after') [ -n "$sent" ] ;; *) [ -z "$sent" ] ;; esac
    # What is on the disk had reached the cluster before, and is whole.
    [ ! -e secrets/hmac-token ] || same "$hmac" "$(cat secrets/hmac-token)"
    run -0 runbook 03-secrets
    says 'done: 1 step'
    # What had reached the cluster is what is used.
    [ -z "$sent" ] || same "$hmac $cookie" "$(cat secrets/hmac-token) $(cat secrets/cookie)"
    same "$(cat secrets/hmac-token)" "$(secret prow hmac-token hmac)"
    same "$(cat secrets/cookie)" "$(secret prow cookie secret)"
  done
}

@test "of two operators who begin at the same moment one creates the Secrets, and the other takes them" {
  rm -f secrets/hmac-token secrets/cookie
  first="$WORLD"
  world "$BATS_TEST_TMPDIR/second"
  second="$WORLD"
  # The second has found none when the first creates them.
  watch_programs
  cat >"$WORLD/bin/openssl" <<SH
#!/bin/bash
[ -e "$WORLD/once" ] || { touch "$WORLD/once"; WORLD="$first"; $(declare -f runbook become); BATS_FILE_TMPDIR="$BATS_FILE_TMPDIR" TSX="$TSX" ROOT="$ROOT" PATH="${PATH#*:}"; runbook 03-secrets >/dev/null 2>&1; }
exec $(PATH="${PATH#*:}" command -v openssl) "\$@"
SH
  run -1 runbook 03-secrets
  says 'already exists' 'Run the step again'
  [ ! -e secrets/hmac-token ]
  run -0 runbook 03-secrets
  same "$(cat "$first/secrets/hmac-token")" "$(cat "$second/secrets/hmac-token")"
  same "$(cat "$first/secrets/hmac-token")" "$(secret prow hmac-token hmac)"
}

@test "a file lost from secrets/ comes back from the cluster" {
  runbook 03-secrets
  hmac="$(cat secrets/hmac-token)"
  rm secrets/hmac-token
  before="$(snapshot)"
  run -0 runbook 03-secrets
  same "$before" "$(snapshot)"
  same "$hmac" "$(cat secrets/hmac-token)"
}

@test "a GitHub App: its key and id are in one Secret, and no token is" {
  setting GITHUB_AUTH=app GITHUB_APP_ID=4711
  rm secrets/oauth-token
  run -1 runbook 03-secrets
  says 'secrets/github-app-key does not exist'
  openssl genrsa 2048 >secrets/github-app-key 2>/dev/null
  run -0 runbook 03-secrets
  same "$(cat secrets/github-app-key)" "$(secret prow github-token cert)"
  [ "$(secret prow github-token appid)" = 4711 ]
  run ! kube get secret oauth-token -n prow
  setting GITHUB_APP_ID=4712
  run -0 runbook 03-secrets
  says '1 changed'
  [ "$(secret prow github-token appid)" = 4712 ]
  settled 03-secrets
}

@test "PRIVATE_CLONES=on puts a token of its own into test-pods, never the bot's" {
  setting PRIVATE_CLONES=on
  run -1 runbook 03-secrets
  says 'secrets/clone-token does not exist'
  cp secrets/oauth-token secrets/clone-token
  run -1 runbook 03-secrets
  says 'secrets/clone-token'
  printf 'github_pat_READONLYREADONLYREADONLYREADONLY' >secrets/clone-token
  run -0 runbook 03-secrets
  [ "$(secret test-pods clone-token oauth)" = github_pat_READONLYREADONLYREADONLYREADONLY ]
}

@test "no value is in any output, argument, environment, annotation or temporary file" {
  watch_programs
  mkdir tmp out
  export TMPDIR="$WORLD/tmp"
  runbook 03-secrets --verbose --json >out/made 2>&1
  unset KILL_AT
  printf 'ghp_%s' CHANGEDCHANGEDCHANGEDCHANGEDCHANGEDC >secrets/oauth-token
  runbook 03-secrets --plan --verbose --json >out/plan 2>&1 || [ $? -eq 2 ]
  runbook 03-secrets --verbose >out/changed 2>&1
  # One that exists and is empty: all of it is new.
  kube delete secret oauth-token -n prow
  kube create secret generic oauth-token -n prow
  runbook 03-secrets --plan --verbose --json >out/empty 2>&1 || [ $? -eq 2 ]
  runbook 03-secrets --verbose --json >>out/empty 2>&1
  rm secrets/oauth-token
  runbook 03-secrets --plan >out/plain 2>&1 || true
  printf 'ghp_%s' CHANGEDCHANGEDCHANGEDCHANGEDCHANGEDC >secrets/oauth-token
  kube get "${KINDS/secrets,/}" -A -o json >out/others
  kube get secrets -A -o jsonpath='{range .items[*]}{.metadata}{"\n"}{end}' >out/metadata
  [ "$(secret_values | wc -l)" -ge 10 ]
  [ "$(grep -c '^kubectl$' argv)" -ge 4 ]
  no_secret_in out argv tmp home
  # The search itself finds what it looks for.
  run ! no_secret_in secrets
}
