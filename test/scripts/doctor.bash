# What the tests of the doctor share. A file installs once; each test brings faults about and undoes them, so that the
# next one begins with a healthy installation again.

# For setup_file, after setup_cluster: an installed world, with the settings given. installed_world OAUTH=off
installed_world() {
  world "$BATS_FILE_TMPDIR/world"
  [ $# = 0 ] || setting "$@"
  after_steps all
}

# For setup: goes to that world.
enter_world() {
  WORLD="$BATS_FILE_TMPDIR/world"
  cd "$WORLD"
}

# What a file does that defines no other.
setup_file() {
  setup_cluster
  installed_world
}
setup() { enter_world; }

# The ids of what the doctor finds, the first first. `finds` asks what it has said.
ids() {
  runbook doctor --json "$@" 2>/dev/null >"$WORLD/findings.json" || true
  json '.findings.map((one) => one.id).join(" ")' <"$WORLD/findings.json"
}
# That the findings of the last `expect_finding` hold these texts: finds 'scaled to 0' '08-prow'
finds() {
  local text
  for text in "$@"; do
    grep -qF -- "$text" "$WORLD/findings.json" || { echo "not found: $text"; cat "$WORLD/findings.json"; return 1; }
  done
}

# Until the controllers have caught up: exactly these ids, in this order. expect_finding PRW-SEC-001
expect_finding() {
  local found='' try
  for try in $(seq 30); do
    found="$(ids)"
    [ "$found" = "$*" ] && return 0
    sleep 1
  done
  echo "wanted: $*, found: $found"
  runbook doctor
  return 1
}
expect_healthy() { expect_finding; }

# A time so many minutes ago, as the API server writes it: ago 90
ago() { date -u -d "-$1 minutes" +%Y-%m-%dT%H:%M:%SZ; }

# A ProwJob as Prow leaves it: prow_job NAME STATE MINUTES [SPEC] [STATUS], both as JSON with further fields.
prow_job() {
  local name="$1" state="$2" since completed=
  since="$(ago "$3")"
  [[ "$state" =~ error|success|failure|aborted ]] && completed="\"completionTime\": \"$since\","
  node -e 'const [job, spec, status] = process.argv.slice(1).map((one) => JSON.parse(one || "{}"))
    console.log(JSON.stringify({...job, spec: {...job.spec, ...spec}, status: {...job.status, ...status}}))' '{
    "apiVersion": "prow.k8s.io/v1", "kind": "ProwJob", "metadata": {"name": "'"$name"'", "namespace": "prow", "labels": {"event-GUID": "guid-'"$name"'"}},
    "spec": {"job": "unit", "type": "presubmit", "agent": "kubernetes", "cluster": "default", "report": true, "context": "unit",
      "refs": {"org": "test-org", "repo": "web", "pulls": [{"number": 12, "author": "ann", "sha": "'"${SHA:-abc}"'"}]},
      "decoration_config": {}, "pod_spec": {"containers": [{"name": "test", "image": "busybox"}]}},
    "status": {"state": "'"$state"'", '"$completed"' "startTime": "'"$since"'", "pendingTime": "'"$since"'", "pod_name": "'"$name"'"}
  }' "${4:-}" "${5:-}" | kube apply -f -
}

# The pod of a job, which no scheduler gets: job_pod NAME STATUS, as JSON.
job_pod() {
  kube apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1, namespace: test-pods, labels: {created-by-prow: "true"}}
spec: {schedulerName: none, containers: [{name: test, image: "example.com/unit:1"}], terminationGracePeriodSeconds: 0}
YAML
  kube patch pod "$1" -n test-pods --subresource=status -p "{\"status\": $2}"
}

# Removes all jobs and their pods.
no_jobs() {
  kube delete prowjobs --all -n prow --wait=false
  kube delete pods --all -n test-pods --force --grace-period=0
  # A job of the same name would be explained by those of its namesake.
  kube delete events --all -n test-pods
}
