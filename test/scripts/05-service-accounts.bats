load helpers
setup_file() { setup_cluster; }
setup() { setup_world; empty_cluster; }

@test "creates an account for each component, and one for job pods that gets no token of the cluster; again changes nothing" {
  run -0 steps 02,05
  says 'TARGET=local: AWS is not used'
  same 'crier deck hook horologium prow-controller-manager sinker statusreconciler tide' \
    "$(kube get sa -n prow -l app.kubernetes.io/managed-by=prow-runbook -o jsonpath='{.items[*].metadata.name}')"
  same 'prow-jobs' "$(kube get sa -n test-pods -l app.kubernetes.io/managed-by=prow-runbook -o jsonpath='{.items[*].metadata.name}')"
  [ "$(kube get sa prow-jobs -n test-pods -o jsonpath='{.automountServiceAccountToken}')" = false ]
  # No AWS here, so no role.
  run ! grep role-arn <(kube get sa -A -o json)
  settled 05-service-accounts
}

@test "the guide's accounts are adopted, with what else is on them" {
  after_steps 02
  kube apply -f - <<'YAML'
apiVersion: v1
kind: ServiceAccount
metadata: {name: deck, namespace: prow, annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/prow"}}
YAML
  kube annotate sa deck -n prow example.com/note=ours
  uid="$(kube get sa deck -n prow -o jsonpath='{.metadata.uid}')"
  run -0 runbook 05-service-accounts
  says 'existed, adopted'
  run ! grep role-arn <(kube get sa deck -n prow -o json)
  same "$uid" "$(kube get sa deck -n prow -o jsonpath='{.metadata.uid}')"
  [ "$(kube get sa deck -n prow -o jsonpath='{.metadata.annotations.example\.com/note}')" = ours ]
  [ "$(kube get sa deck -n prow -o jsonpath='{.metadata.annotations.prow-runbook/adopted}')" = true ]
  settled 05-service-accounts
}

@test "an account that was removed is created again, the others are unchanged" {
  after_steps 02,05
  kube delete sa tide -n prow
  run -0 runbook 05-service-accounts
  says '1 created' '8 unchanged'
}
