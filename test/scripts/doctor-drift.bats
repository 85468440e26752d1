# Objects that somebody edits on an installed cluster: the doctor names what would be put back, and what follows from it
# first. It asks the API server for no dry run.
load helpers
load doctor

patch() { kube patch "$@" >/dev/null; }
# Puts an argument of a component in place of another: argument tide --dry-run=false --dry-run=true
argument() {
  kube get deployment "$1" -n prow -o json |
    node -e 'let t="";process.stdin.on("data",d=>t+=d).on("end",()=>{const d=JSON.parse(t);const c=d.spec.template.spec.containers[0];
      c.args=c.args.map(a=>a.startsWith(process.argv[1])?process.argv[2]:a);console.log(JSON.stringify(d))})' -- "$2" "$3" |
    kube replace -f - >/dev/null
}

@test "an argument, a label, a number of replicas: the field, and the step that puts it back" {
  patch deployment crier -n prow -p '{"spec": {"replicas": 2}}'
  patch service deck -n prow -p '{"metadata": {"labels": {"app.kubernetes.io/part-of": "other"}}}'
  expect_finding PRW-DRF-001 PRW-DRF-001
  finds 'Deployment prow/crier is not as the runbook applies it' 'spec.replicas: 2, not 1' \
    'Service prow/deck is not as the runbook applies it' '08-prow.ts'
  # What others have added an apply leaves, and so does the doctor.
  runbook 08-prow
  kube label deployment crier -n prow team=ours
  kube set env deployment/crier -n prow EXTRA=1
  expect_healthy
  kube label deployment crier -n prow team-
  kube set env deployment/crier -n prow EXTRA-
}

@test "what stops Prow is an error with its consequence: dry-run, a cache larger than its volume, mixed versions" {
  argument tide --dry-run --dry-run=true
  expect_finding PRW-DRF-002
  finds 'Tide merges nothing'
  argument ghproxy --cache-sizeGB --cache-sizeGB=99
  expect_finding PRW-DRF-003 PRW-DRF-002
  runbook 08-prow
  kube set image deployment/crier -n prow "crier=$(kube get deployment crier -n prow -o jsonpath='{.spec.template.spec.containers[0].image}' | sed 's/:[^:]*$//'):v20200101-abc"
  expect_finding PRW-IMG-009
  finds 'crier runs v20200101-abc'
  runbook 08-prow
  expect_healthy
}

@test "a selector is found at the Service whose endpoints it loses, a Pod Security level at its namespace" {
  patch service hook -n prow -p '{"spec": {"selector": {"app": "other"}}}'
  expect_finding PRW-NET-011
  runbook 08-prow
  kube label namespace test-pods --overwrite pod-security.kubernetes.io/enforce=restricted
  expect_finding PRW-DRF-005
  runbook 02-namespaces
  expect_healthy
}
