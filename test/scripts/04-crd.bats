load helpers
setup_file() { setup_cluster; }
setup() { setup_world; empty_cluster; }

job() {
  cat <<YAML
apiVersion: prow.k8s.io/v1
kind: ProwJob
metadata: {name: $1, namespace: default}
spec: {agent: ${2:-kubernetes}, cluster: default, job: $1, type: ${3:-periodic}, namespace: test-pods, pod_spec: {containers: [{image: busybox, command: [/bin/true]}]}}
status: {state: triggered, startTime: "2026-01-01T00:00:00Z"}
YAML
}

@test "installs the CRD and waits until it is established; again changes nothing" {
  run -0 runbook 04-crd
  says created
  [ "$(kube get crd prowjobs.prow.k8s.io -o jsonpath='{.status.conditions[?(@.type=="Established")].status}')" = True ]
  settled 04-crd
}

@test "a ProwJob can be created at once, with its whole pod specification; nonsense is refused" {
  runbook 04-crd
  job right | kube apply -f -
  [ "$(kube get prowjob right -o jsonpath='{.spec.pod_spec.containers[0].command[0]}')" = /bin/true ]
  [ "$(kube get prowjob right -o jsonpath='{.status.state}')" = triggered ]
  run ! kube apply -f <(job wrong kubernetes sometimes)
}

@test "a CRD created by hand is adopted, and its ProwJobs stay" {
  # As upstream's: the same names, another schema.
  kube create -f - <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: prowjobs.prow.k8s.io, annotations: {api-approved.kubernetes.io: "https://github.com/kubernetes/test-infra/pull/8669"}}
spec:
  group: prow.k8s.io
  names: {kind: ProwJob, listKind: ProwJobList, plural: prowjobs, singular: prowjob}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
YAML
  kube wait --for=condition=Established crd/prowjobs.prow.k8s.io
  job kept | kube apply -f -
  uid="$(kube get crd prowjobs.prow.k8s.io prowjob/kept -o jsonpath='{.items[*].metadata.uid}' 2>/dev/null || kube get crd prowjobs.prow.k8s.io -o jsonpath='{.metadata.uid}')"
  run -0 runbook 04-crd
  says 'existed, adopted' changed
  same "$uid" "$(kube get crd prowjobs.prow.k8s.io prowjob/kept -o jsonpath='{.items[*].metadata.uid}' 2>/dev/null || kube get crd prowjobs.prow.k8s.io -o jsonpath='{.metadata.uid}')"
  [ "$(kube get prowjob kept -o jsonpath='{.status.state}')" = triggered ]
  settled 04-crd
}
