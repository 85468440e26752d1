load helpers
setup_file() { setup_cluster; }
setup() { setup_world; empty_cluster; }

@test "creates both namespaces, labelled for ownership and Pod Security; again changes nothing" {
  run -0 runbook 02-namespaces
  says 'prow  ' 'test-pods  '
  [ "$(kube get ns prow -o jsonpath='{.metadata.labels.app\.kubernetes\.io/managed-by}')" = prow-runbook ]
  [ "$(kube get ns prow -o jsonpath='{.metadata.labels.pod-security\.kubernetes\.io/enforce}')" = baseline ]
  [ "$(kube get ns test-pods -o jsonpath='{.metadata.labels.pod-security\.kubernetes\.io/enforce}')" = baseline ]
  settled 02-namespaces
}

@test "a corrected setting takes effect, and its plan shows it first" {
  runbook 02-namespaces
  setting JOB_POD_SECURITY=privileged
  before="$(snapshot)"
  run -2 runbook 02-namespaces --plan
  says 'would change' '- baseline' '+ privileged'
  same "$before" "$(snapshot)"
  run -0 runbook 02-namespaces
  says '1 changed' '1 unchanged'
  [ "$(kube get ns test-pods -o jsonpath='{.metadata.labels.pod-security\.kubernetes\.io/enforce}')" = privileged ]
}

@test "a namespace that was created by hand is adopted and reported, not recreated" {
  kube create ns test-pods
  uid="$(kube get ns test-pods -o jsonpath='{.metadata.uid}')"
  run -0 runbook 02-namespaces
  says 'existed, adopted'
  [ "$(kube get ns test-pods -o jsonpath='{.metadata.uid}')" = "$uid" ]
  [ "$(kube get ns test-pods -o jsonpath='{.metadata.annotations.prow-runbook/adopted}')" = true ]
  run -0 runbook 02-namespaces
  lacks adopted
  [ "$(kube get ns test-pods -o jsonpath='{.metadata.annotations.prow-runbook/adopted}')" = true ]
  settled 02-namespaces
}
