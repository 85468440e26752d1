# What the tests with AWS share, beside helpers.bash. The cluster has an emulator of AWS beside it; a test has an
# empty account. The real aws talks to it, and every test asks it what is there.

CLUSTER="$CLUSTERS/eks"
EKS=yes

setup_eks() {
  empty_cluster
  cp "$CLUSTER/kubeconfig" "$BATS_FILE_TMPDIR/elsewhere"
}
answers() { kube get --raw /readyz --request-timeout=10s && (. "$CLUSTER/aws/env.sh" && emulator ready); }

# For setup: correct settings and secrets, and an empty account with the cluster in it.
setup_account() {
  MINE="${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}" # There is none of a test in setup_file.
  WORLD="$MINE/world"
  mkdir -p "$WORLD/home"
  cp "$CLUSTER/.env" "$WORLD/.env"
  mkdir -m 700 "$WORLD/secrets"
  install -m 600 "$CLUSTER"/secrets/{oauth-token,github-oauth-config,s3-credentials} "$WORLD/secrets"
  cd "$WORLD" || return 1
  . "$CLUSTER/aws/env.sh"
  fresh
}

# Asks the emulator something of ours: emulator knobs '{"addon": ["DEGRADED"]}'
emulator() {
  if [ $# -gt 1 ]; then curl -sf -X POST -d "$2" "$AWS_ENDPOINT_URL/runbook/$1"; else curl -sf "$AWS_ENDPOINT_URL/runbook/$1"; fi
}

# An empty account with the cluster; more of it as JSON: fresh '{"access": "none"}'
fresh() {
  local region="${AWS_DEFAULT_REGION}"
  emulator reset '{}' >/dev/null
  emulator cluster "$(node -e '
    const text = require("fs").readFileSync(process.argv[1], "utf8")
    console.log(JSON.stringify({ name: "rehearsal", region: process.argv[2],
      endpoint: /server: (\S+)/.exec(text)[1], ca: /certificate-authority-data: (\S+)/.exec(text)[1],
      zone: "rehearsal.example", host: "prow.rehearsal.example", ...JSON.parse(process.argv[3] || "{}") }))' \
    "$CLUSTER/kubeconfig" "$region" "${1:-}")" >"$MINE/made"
}

# The account beside a state of the cluster; its zone and its certificate have the ids of then.
save_account() {
  emulator save "{\"name\": \"$1\"}" >/dev/null
  cp "$MINE/made" "$CLUSTER/states/$1.made"
}
restore_account() {
  emulator restore "{\"name\": \"$1\"}" >/dev/null
  cp "$CLUSTER/states/$1.made" "$MINE/made"
}

# What the account answers instead, as often as `times` says: refuse iam:CreateRole AccessDenied 'is not authorized …' 1
refuse() {
  emulator knobs "$(node -e 'const [match, code, message, times] = process.argv.slice(1)
    console.log(JSON.stringify({ faults: [{ match, code, message: message || "", status: 403, ...(times ? { times: +times } : {}) }] }))' "$@")" >/dev/null
}

# The requests that wrote, since the account was made or `forget_writes`.
writes() {
  emulator requests | grep -o '"name": "[^"]*", "writes": true' | cut -d'"' -f4 || true
}
forget_writes() {
  emulator requests '{}' >/dev/null
}

# One field of what aws answers: ask iam get-role --role-name x -- .Role.Arn
ask() {
  local args=()
  while [ "$1" != -- ]; do args+=("$1"); shift; done
  aws "${args[@]}" --output json | json "$2"
}

ISSUER() { json .issuer <"$MINE/made"; }
PROVIDER() { echo "arn:aws:iam::123456789012:oidc-provider/$(ISSUER | sed 's|https://||')"; }
