# What install-all has created is removed, and nothing else.
load helpers

setup_file() { setup_cluster; }
setup() { setup_world; }

# Everything in the cluster that somebody could have made, by name and uid.
everything() {
  kube get "$KINDS,leases,storageclasses,replicasets,persistentvolumes" -A -o json |
    json '.items.filter(o=>!/^(kube|default$)/.test(o.metadata.namespace??"")).map(o=>o.kind+" "+(o.metadata.namespace??"")+"/"+o.metadata.name+" "+o.metadata.uid).sort().join("\n")'
}

# What came before, by the guide's own commands, with a hand that knows nothing of the runbook.
by_hand() {
  kube create ns prow
  kube -n prow create secret generic hmac-token --from-literal=hmac=0123456789abcdef0123456789abcdef01234567
  kube -n prow create configmap plugins --from-literal=plugins.yaml='plugins: {}'
  kube -n prow create serviceaccount hook
  kube -n prow create configmap of-somebody-else --from-literal=a=b
}

@test "after an uninstall with everything named, the cluster is as it was before the install" {
  empty_cluster
  before="$(everything)"
  after_steps all
  run -2 runbook uninstall --plan --delete-secrets --delete-claims
  says 'would remove' '08-prow'
  kube -n prow get deployment hook
  run -0 runbook uninstall --yes --delete-secrets --delete-claims
  says 'removed'
  # The controller of volumes takes its own a moment later.
  for _ in $(seq 40); do [ "$(everything)" = "$before" ] && break || sleep 0.5; done
  same "$before" "$(everything)"
  run -0 runbook uninstall --yes
  says 'the cluster holds nothing of the runbook'
}

@test "Secrets and PVCs stay unless they are named, and the next install uses them again" {
  after_steps all
  hmac="$(secret prow hmac-token hmac)"
  claim="$(kube -n prow get pvc ghproxy -o jsonpath='{.metadata.uid}')"
  run -0 runbook uninstall --yes
  says 'kept; --delete-secrets removes them' 'kept; --delete-claims removes them'
  run ! kube -n prow get deployment hook
  run ! kube get crd prowjobs.prow.k8s.io
  [ "$(secret prow hmac-token hmac)" = "$hmac" ]
  run -0 runbook install-all
  [ "$(secret prow hmac-token hmac)" = "$hmac" ]
  [ "$(kube -n prow get pvc ghproxy -o jsonpath='{.metadata.uid}')" = "$claim" ]
  run -0 runbook uninstall --yes --delete-secrets --delete-claims
  untouched
}

@test "what existed before the runbook exists afterwards, without its marks" {
  empty_cluster
  by_hand
  there="$(kube -n prow get secret/hmac-token configmap/plugins configmap/of-somebody-else serviceaccount/hook ns/prow -o jsonpath='{range .items[*]}{.kind} {.metadata.name} {.metadata.uid}{"\n"}{end}')"
  rm -f secrets/hmac-token
  run -0 runbook install-all
  says 'existed, adopted'
  run -0 runbook uninstall --yes --delete-secrets --delete-claims
  says 'they existed before the runbook'
  same "$there" "$(kube -n prow get secret/hmac-token configmap/plugins configmap/of-somebody-else serviceaccount/hook ns/prow -o jsonpath='{range .items[*]}{.kind} {.metadata.name} {.metadata.uid}{"\n"}{end}')"
  [ "$(secret prow hmac-token hmac)" = 0123456789abcdef0123456789abcdef01234567 ]
  run ! kube -n prow get secret oauth-token
  [ -z "$(kube get "$KINDS" -A -o json | json '.items.filter(o=>o.metadata.annotations?.["prow-runbook/adopted"]||o.metadata.labels?.["app.kubernetes.io/managed-by"]==="prow-runbook").map(o=>o.metadata.name).join()')" ]
}

@test "job pods that wait for crier's report do not hold it up" {
  after_steps all
  kube -n prow scale deployment crier --replicas=0
  kube -n test-pods apply -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: 0e0e0e0e-job
  labels: {created-by-prow: "true"}
  finalizers: [prow.x-k8s.io/gcsk8sreporter, somebody.example/else]
spec:
  containers: [{name: test, image: busybox}]
YAML
  kube -n test-pods patch pod 0e0e0e0e-job --type=merge -p '{"metadata":{"finalizers":["prow.x-k8s.io/gcsk8sreporter"]}}'
  run -0 timeout 60 env bash -c "$(declare -f runbook become); ROOT='$ROOT' TSX='$TSX' WORLD='$WORLD' runbook uninstall --yes --delete-secrets --delete-claims"
  says 'job pods'
  untouched
}

@test "killed in the middle and run again it completes" {
  after_steps all
  watch_programs
  killed 3 before uninstall --yes --delete-secrets --delete-claims
  kube get ns prow
  run -0 runbook uninstall --yes --delete-secrets --delete-claims
  untouched
}

@test "without a terminal it asks for --yes and touches nothing" {
  after_steps all
  before="$(snapshot)"
  run -64 runbook uninstall
  says '--yes'
  same "$before" "$(snapshot)"
}

@test "Ctrl-C at its question ends with 130, and so does another answer; nothing is touched" {
  after_steps all
  before="$(snapshot)"
  export HOME="$WORLD/home" KUBECONFIG="$BATS_FILE_TMPDIR/elsewhere"
  export LINE="node $ROOT/lib/start.mjs uninstall --env $WORLD/.env"
  for typed in '\003' 'no\n'; do
    code=0
    { while ! grep -q 'Type yes' out 2>/dev/null; do sleep 0.3; done; printf "$typed"; sleep 3; } |
      timeout 60 script -qefc "$LINE" out >/dev/null || code=$?
    cat out
    [ "$code" -eq 130 ]
    grep 'Nothing was changed' out
    run ! grep -E '^ +at ' out
    rm out
  done
  same "$before" "$(snapshot)"
}
