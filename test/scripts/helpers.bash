# What the tests of the scripts share. The files that npm test runs one after the other share a rehearsal cluster, which is
# empty again at the begin of each; a test has a folder of its own.
bats_require_minimum_version 1.5.0

ROOT="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"
CLUSTER="${CLUSTERS:?Run the tests by npm test.}/local"
EKS=
TSX="file://$ROOT/node_modules/tsx/dist/loader.mjs"

# For setup_file: an empty cluster.
setup_cluster() {
  empty_cluster
  # Whatever context is current is never used: this one has no server that answers.
  cat >"$BATS_FILE_TMPDIR/elsewhere" <<'YAML'
apiVersion: v1
kind: Config
current-context: elsewhere
clusters: [{name: elsewhere, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: elsewhere, context: {cluster: elsewhere, user: elsewhere}}]
users: [{name: elsewhere, user: {}}]
YAML
}

# The cluster as it was created, whatever is in it now. One that does not answer any more is replaced.
empty_cluster() {
  { answers && state restore empty; } >/dev/null 2>&1 && return
  rehearse --down && rehearse --cluster-only && state save empty
}
answers() { kube get --raw /readyz --request-timeout=10s; }
rehearse() {
  (cd "$ROOT" && node lib/start.mjs rehearse ${EKS:+--eks} --dir "$CLUSTER" "$@") >"$BATS_FILE_TMPDIR/rehearse.log" 2>&1 ||
    { cat "$BATS_FILE_TMPDIR/rehearse.log" >&2; return 1; }
}
state() { node "$ROOT/test/scripts/state.mjs" "$CLUSTER" "$@"; }

# The cluster and secrets/ as these steps leave them with the settings and secrets of this world, on an empty cluster:
# after_steps 02,03, or after_steps all. The steps run once; then what they have made is put back.
after_steps() {
  local name="$1"
  name+="-$(cat .env secrets/* | sha256sum | cut -c1-16)"
  if state restore "$name"; then
    cp -a "$CLUSTER/states/$name.secrets/." secrets
    restore_account "$name"
    return
  fi
  empty_cluster
  if [ "$1" = all ]; then runbook install-all; else steps "$1"; fi
  rm -rf "$CLUSTER/states/$name.secrets"
  cp -a secrets "$CLUSTER/states/$name.secrets"
  save_account "$name"
  state save "$name"
}
# Of a cluster that has an AWS account: see aws.bash.
save_account() { :; }
restore_account() { :; }

# For setup: a world, which is a folder with settings and secrets that are right. The test runs in it.
setup_world() {
  WORLD="$BATS_TEST_TMPDIR/world"
  world "$WORLD"
}

# Makes another world, such as that of a second operator, and goes there.
world() {
  WORLD="$1"
  mkdir -p "$WORLD/home"
  sed 's|^KUBECONFIG_FILE=.*|KUBECONFIG_FILE='"$CLUSTER/kubeconfig|" "$CLUSTER/.env" >"$WORLD/.env"
  mkdir -m 700 "$WORLD/secrets"
  install -m 600 "$CLUSTER"/secrets/{oauth-token,github-oauth-config,s3-credentials} "$WORLD/secrets"
  cd "$WORLD"
}

# Becomes a script: as npm starts it, or after `from_sources`, for a file or a test, as `npx tsx` does.
become() {
  local script="$1"
  shift
  [ -n "${SOURCES:-}" ] || exec node "$ROOT/lib/start.mjs" "$script" "$@"
  exec node --import "$TSX" "$ROOT/scripts/$script.ts" "$@"
}
from_sources() {
  SOURCES=yes
}

# Runs a script as a reader would, with this world's settings: runbook 03-secrets --plan. HOME is empty, and the current
# context that of another cluster.
runbook() {
  local script="$1"
  shift
  (
    HOME="$WORLD/home" KUBECACHEDIR="$BATS_FILE_TMPDIR/kubectl-cache" KUBECONFIG="$BATS_FILE_TMPDIR/elsewhere" \
      become "$script" --env "$WORLD/.env" "$@" </dev/null
  )
}

# Several steps, in one process: steps 02,03,04
steps() {
  runbook install-all --only "$@"
}

# kubectl for the tests' own questions.
kube() {
  kubectl --kubeconfig "$CLUSTER/kubeconfig" --context rehearsal "$@"
}

# Puts a setting in place: setting OAUTH=off
setting() {
  local one
  for one in "$@"; do
    sed -i "/^${one%%=*}=/d" .env
    printf '%s\n' "$one" >>.env
  done
}

# The value of a key of a Secret: secret prow hmac-token hmac
secret() {
  kube get secret "$2" -n "$1" -o "jsonpath={.data.$(printf %s "$3" | sed 's/\./\\./g')}" | base64 -d
}

KINDS=namespaces,secrets,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,deployments,services,persistentvolumeclaims,ingresses,ingressclasses,jobs,cronjobs,validatingwebhookconfigurations,customresourcedefinitions,pods
objects() { node "$ROOT/test/scripts/objects.mjs" "$CLUSTER/kubeconfig" "$1"; }

# Everything that the runbook can make, one line an object: name, uid, generation, a mark of all that is no status, and
# the resourceVersion where nobody but a writer moves it. Pods are there by uid: a restarted one is another line.
snapshot() { objects snapshot; }

# That nothing of the runbook is in the cluster, and nothing else new either.
untouched() {
  local found
  found="$(objects untouched)"
  [ -z "$found" ] || { echo "not untouched: $found"; return 1; }
}

# That the output of `run` holds each text, or (lacks) none of them.
says() {
  local text
  for text in "$@"; do
    [[ "$output" == *"$text"* ]] || { printf 'nothing says: %s\n--- the output:\n%s\n' "$text" "$output"; return 1; }
  done
}
lacks() {
  local text
  for text in "$@"; do
    [[ "$output" != *"$text"* ]] || { printf 'something says: %s\n--- the output:\n%s\n' "$text" "$output"; return 1; }
  done
}

# That two texts are the same; shows the difference where not.
same() {
  [ "$1" = "$2" ] || { diff <(printf '%s\n' "$1") <(printf '%s\n' "$2"); return 1; }
}

# That the last run changed nothing, and a plan finds nothing to do: settled 03-secrets
settled() {
  local before
  before="$(snapshot)"
  run -0 runbook "$@"
  lacks '  created  ' '  changed  ' '  removed  '
  same "$before" "$(snapshot)"
  run -0 runbook "$@" --plan
  lacks 'would create' 'would change' 'would remove'
  same "$before" "$(snapshot)"
}

# A field of the JSON on stdin: runbook 03-secrets --json | json '.counts.created'
json() {
  node -e 'let t="";process.stdin.on("data",d=>t+=d).on("end",()=>{const v=(new Function("it","return it"+process.argv[1]))(JSON.parse(t));console.log(typeof v==="string"?v:JSON.stringify(v))})' "$1"
}

# Puts wrappers of kubectl and openssl in front of PATH that write down their arguments and environment, and that end
# the run with kill -9 at their KILL_AT-th write: before it (KILL=before) or when it is done (KILL=after).
watch_programs() {
  mkdir -p "$WORLD/bin"
  : >"$WORLD/argv"
  local program real
  for program in kubectl openssl; do
    real="$(command -v "$program")"
    cat >"$WORLD/bin/$program" <<SH
#!/bin/bash
{ printf '%s\n' "$program" "\$@"; env; } >>"$WORLD/argv"
case "$program \$*" in *' apply '*|*' create --field-manager='*|*' replace '*|*' annotate '*|*' delete '*|openssl\ rand*) write=1 ;; *) write= ;; esac
if [ -n "\$write" ] && [ -n "\${KILL_AT:-}" ]; then
  echo >>"$WORLD/writes"
  if [ "\$(wc -l <"$WORLD/writes")" -eq "\$KILL_AT" ]; then
    [ "\$KILL" = before ] && { kill -9 "\$(cat "$WORLD/pid")"; exit 1; }
    "$real" "\$@"
    kill -9 "\$(cat "$WORLD/pid")"
    exit 1
  fi
fi
exec "$real" "\$@"
SH
    chmod +x "$WORLD/bin/$program"
  done
  PATH="$WORLD/bin:$PATH"
}

# Runs a script that is killed at its n-th write: killed 2 before install-all. Fails when the run was not killed.
killed() {
  local at="$1" when="$2" script="$3" code=0
  shift 3
  : >"$WORLD/writes"
  HOME="$WORLD/home" KUBECACHEDIR="$BATS_FILE_TMPDIR/kubectl-cache" KUBECONFIG="$BATS_FILE_TMPDIR/elsewhere" \
    KILL_AT="$at" KILL="$when" become "$script" --env "$WORLD/.env" "$@" </dev/null >killed.out 2>&1 &
  echo $! >"$WORLD/pid"
  wait $! 2>/dev/null || code=$?
  [ "$code" -eq 137 ] || { echo "it was not killed, it ended with $code"; cat killed.out; return 1; }
}

# The values that nobody may see, one a line, as they are and in base64: of this world's secrets/.
secret_values() {
  local file text
  for file in secrets/*; do
    text="$(cat "$file")"
    case "$file" in
    */s3-credentials) sed -n 's/.*"secret_key": *"\(.*\)".*/\1/p' "$file" ;;
    */github-oauth-config) sed -n 's/^client_secret: *"\(.*\)".*/\1/p' "$file" ;;
    *) printf '%s\n' "$text" ;;
    esac
    printf %s "$text" | base64 -w0 | cut -c1-60
    echo
  done | grep . | awk 'length >= 16'
}

# Fails when a file or folder given holds a value of secret_values.
no_secret_in() {
  local found
  found="$(secret_values | grep -rlF -f - "$@" 2>/dev/null || true)"
  [ -z "$found" ] || { echo "a secret is in $found"; return 1; }
}
