# What is not ready is reported with its cause and remedy, within the limit. kwok's Stages keep pods from being ready.
load helpers
setup_file() { setup_cluster; }
setup() { setup_world; setting WAIT_SECONDS=8; }

# Pods do not become ready, until `release`; those of a component get the state given.
hold() {
  kube get stage pod-ready -o json |
    json '.metadata={name:it.metadata.name},it' >pod-ready.json
  kube delete stage pod-ready
  kube apply -f - <<YAML
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: held}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: .status.phase, operator: In, values: [Pending]}
      - {key: '.status.containerStatuses', operator: DoesNotExist}
  next:
    statusTemplate: |
      containerStatuses:
      {{ \$name := (index .spec.containers 0).name }}
      - name: {{ \$name }}
        image: {{ (index .spec.containers 0).image | Quote }}
        ready: false
        restartCount: {{ if eq \$name "crier" }}4{{ else }}0{{ end }}
        {{ if eq \$name "crier" }}
        state: {waiting: {reason: CrashLoopBackOff, message: back-off 40s}}
        lastState: {terminated: {exitCode: 1, reason: Error}}
        {{ else if eq \$name "deck" }}
        state: {waiting: {reason: CreateContainerConfigError, message: 'secret "deck-tls" not found'}}
        {{ else if eq \$name "hook" }}
        state: {waiting: {reason: ImagePullBackOff, message: Back-off pulling image}}
        {{ else }}
        state: {waiting: {reason: ContainerCreating}}
        {{ end }}
      phase: Pending
YAML
}
release() {
  kube delete stage held
  kube apply -f pod-ready.json
  # Those that were held have a status that no Stage changes.
  kube delete pods --all -n prow --force --grace-period=0
}

@test "08-prow reports why each component is not ready and the remedy, and ends with 1 within the limit" {
  after_steps 02,03,04,05,06
  hold
  kube delete stage claim-provision
  # Long enough for a busy machine to bring each pod into its state.
  setting WAIT_SECONDS=20
  began=$SECONDS
  run -1 runbook 08-prow
  [ $((SECONDS - began)) -lt 120 ]
  says 'image of hook cannot be pulled: Back-off pulling image' 'PROW_IMAGE_REGISTRY' \
    'crier crashes (exit code 1)' 'logs crier-' '--previous' \
    'secret "deck-tls" not found' 'scripts/03-secrets.ts' \
    'PVC ghproxy is Pending (StorageClass rehearsal)' 'Set STORAGE_CLASS' \
    'Then resume with:  npx tsx scripts/08-prow.ts'
  lacks '    at '
}

@test "once the cause is removed, the same line completes the step" {
  after_steps 02,03,04,05,06
  hold
  setting WAIT_SECONDS=5
  run -1 runbook 08-prow
  release
  setting WAIT_SECONDS=60
  run -0 runbook 08-prow
  settled 08-prow
}

@test "install-all reports the same, and the line that resumes" {
  empty_cluster
  hold
  setting WAIT_SECONDS=5
  run -1 runbook install-all
  says 'image of hook cannot be pulled' "npm run install:all -- --from 08 --env $WORLD/.env"
  lacks '    at '
}

@test "a pod that no node can run is reported as that" {
  after_steps 02,03,04,05,06,08
  kube cordon simulated-1 && kube cordon simulated-2 && kube cordon simulated-3
  setting WAIT_SECONDS=5 PROW_IMAGE_TAG=v20260101-abcdef123
  run -1 runbook 08-prow
  says 'no node can run it'
  lacks '    at '
}

@test "Ctrl-C while it waits ends with 130 and a message" {
  after_steps 02,03,04,05,06
  hold
  setting WAIT_SECONDS=60
  HOME="$WORLD/home" KUBECACHEDIR="$BATS_FILE_TMPDIR/kubectl-cache" \
    become 08-prow --env "$WORLD/.env" --json </dev/null >out 2>err &
  pid=$!
  for _ in $(seq 100); do [ "$(kube get deploy -n prow -o name | wc -l)" -ge 9 ] && break || sleep 0.2; done
  sleep 1
  kill -INT $pid
  code=0
  wait $pid || code=$?
  cat err
  [ $code -eq 130 ]
  grep interrupted err
  [ "$(json '.exitCode' <out)" = 130 ]
}
