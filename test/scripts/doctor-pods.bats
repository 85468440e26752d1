# Faults are brought about one after the other on one installed cluster, with the real API server, controllers and
# scheduler: the doctor must name exactly that one, and nothing once it is undone.
load helpers
load doctor

@test "a healthy installation has no finding, and costs three kubectl" {
  expect_healthy
  run -0 runbook doctor --json
  [ "$(runbook doctor --json 2>/dev/null | json '.processes.kubectl')" = 3 ]
}

@test "a Deployment scaled to 0, and one that is deleted" {
  kube scale deploy/sinker -n prow --replicas=0
  expect_finding PRW-POD-001
  run -2 runbook doctor
  says 'Deployment prow/sinker' 'scaled to 0' 'scripts/08-prow.ts'
  kube delete deploy sinker -n prow
  expect_finding PRW-POD-002
  runbook 08-prow
  expect_healthy
}

@test "a cordoned cluster, nodes of another architecture, tainted nodes" {
  kube cordon simulated-1 && kube cordon simulated-2 && kube cordon simulated-3
  kube delete pods -n prow -l app=crier
  expect_finding PRW-SCH-003
  kube uncordon simulated-1 && kube uncordon simulated-2 && kube uncordon simulated-3
  expect_healthy
  kube label nodes --all --overwrite kubernetes.io/arch=arm64
  kube delete pods -n prow -l app=crier
  expect_finding PRW-SCH-010
  kube label nodes --all --overwrite kubernetes.io/arch=amd64
  expect_healthy
  kube taint nodes --all dedicated=gpu:NoSchedule
  kube delete pods -n prow -l app=crier
  expect_finding PRW-SCH-009
  run -2 runbook doctor
  says 'without the taint dedicated'
  kube taint nodes --all dedicated-
  expect_healthy
}

@test "a quota refuses the pods: its own words, and no missing right" {
  kube create quota small -n prow --hard=pods=1
  kube delete pods -n prow -l app=crier
  expect_finding PRW-ADM-002
  run -2 runbook doctor
  says 'exceeded quota: small' 'Raise ResourceQuota small'
  lacks 'permission'
  kube delete quota small -n prow
  kube delete pods -n prow -l app=crier
  kube rollout restart deploy/crier -n prow
  expect_healthy
}

@test "a missing Secret is one finding, a broken one too" {
  kube delete secret cookie -n prow
  expect_finding PRW-SEC-001
  runbook 03-secrets
  expect_healthy
  kube patch secret cookie -n prow -p '{"data": {"secret": "c2hvcnQ="}}'
  expect_finding PRW-SEC-001
  run -2 runbook doctor
  says 'Secret prow/cookie' 'base64 of 32 bytes'
  runbook 03-secrets
  expect_healthy
}

@test "a Role and a RoleBinding that were edited" {
  kube patch role hook -n prow --type=json -p '[{"op": "remove", "path": "/rules/0"}]'
  expect_finding PRW-RBC-001
  runbook 08-prow
  expect_healthy
  kube patch rolebinding hook -n prow --type=json -p '[{"op": "replace", "path": "/subjects/0/name", "value": "deck"}]'
  expect_finding PRW-RBC-001
  runbook 08-prow
  expect_healthy
}

@test "a NetworkPolicy that denies all, and a Service that selects nothing" {
  kube apply -f - <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: prow}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
YAML
  expect_finding PRW-NET-010
  kube delete networkpolicy deny -n prow
  kube patch svc hook -n prow -p '{"spec": {"selector": {"app": "nobody"}}}'
  expect_finding PRW-NET-011
  kube patch svc hook -n prow -p '{"spec": {"selector": {"app": "hook"}}}'
  expect_healthy
}

@test "two faults at once are told apart" {
  kube scale deploy/sinker -n prow --replicas=0
  kube delete configmap plugins -n prow
  expect_finding PRW-POD-001 PRW-CFG-001
  runbook 06-config
  runbook 08-prow
  expect_healthy
}
