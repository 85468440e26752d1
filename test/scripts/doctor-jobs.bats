# ProwJobs that do not begin, do not end or leave nothing, on one installed cluster: each fault is the first finding, and
# nothing else is blamed. The nodes are simulated, so that a test writes what prow-controller-manager would.
load helpers
load doctor
teardown() { no_jobs; }

waiting() { echo '{"phase": "Pending", "containerStatuses": [{"name": "test", "image": "x", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "'"$1"'", "message": "'"$2"'"}}}]}'; }

@test "jobs that run, wait a moment or have ended well are no finding" {
  prow_job running pending 90
  job_pod running '{"phase": "Running"}'
  prow_job begun triggered 1
  prow_job done success 200 '{"job": "other"}' '{"build_id": "1", "prev_report_states": {"github-reporter": "success", "gcsreporter": "success"}}'
  expect_healthy
}

@test "a triggered job without a pod, by itself and with its root" {
  prow_job stuck triggered 90
  expect_finding PRW-JOB-001
  run -2 runbook doctor
  says 'job unit of test-org/web#12 has been triggered for 9'
  kube scale deploy/prow-controller-manager -n prow --replicas=0
  expect_finding PRW-POD-001
  same PRW-JOB-001 "$(runbook doctor --json 2>/dev/null |
    json '.findings[0].consequences.map((one) => one.id).filter((id) => !id.startsWith("PRW-DRF")).join(" ")')"
  runbook 08-prow
  kube patch role prow-controller-manager -n test-pods --type=json -p '[{"op": "replace", "path": "/rules/0/verbs", "value": ["list"]}]'
  expect_finding PRW-RBC-001
  runbook 08-prow
  no_jobs
  expect_healthy
}

@test "a job that waits for its turn, and one that no agent runs" {
  prow_job running pending 120
  job_pod running '{"phase": "Running"}'
  prow_job waits triggered 90 '{"max_concurrency": 1}'
  expect_finding PRW-JOB-002
  no_jobs
  prow_job waits triggered 90 '{"agent": "jenkins"}'
  expect_finding PRW-JOB-003
}

@test "a pending job has the cause of its pod, and a remedy in the job" {
  prow_job a pending 10
  job_pod a "$(waiting ImagePullBackOff 'Back-off pulling image: manifest unknown: not found')"
  expect_finding PRW-IMG-005
  run -2 runbook doctor
  says 'job unit of test-org/web#12 has been pending for 1' 'Correct the image example.com/unit:1'
  no_jobs
  prow_job a pending 10
  job_pod a "$(waiting CreateContainerConfigError 'secret \"deploy-key\" not found')"
  expect_finding PRW-SEC-001
  run -2 runbook doctor
  says 'create secret generic deploy-key'
  no_jobs
  prow_job a pending 10
  kube create -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: test-pods}
spec: {nodeSelector: {disk: fast}, containers: [{name: test, image: busybox}]}
YAML
  expect_finding PRW-SCH-010
  run -2 runbook doctor
  says 'It needs a node with disk=fast'
  no_jobs
  prow_job a pending 10
  expect_finding PRW-JOB-005
}

@test "a job that ended in error is explained by its description" {
  prow_job a error 10 '' '{"description": "Pod can not be created: pods \"a\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"}'
  expect_finding PRW-ADM-002
  run -2 runbook doctor
  says 'ended in error 1' 'exceeded quota: small' 'Raise ResourceQuota small'
  lacks permission
  prow_job a error 10 '' '{"description": "Pod can not be created: pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true"}'
  expect_finding PRW-ADM-004
  prow_job a error 10 '' '{"description": "Job pod was OOM killed by the cluster."}'
  expect_finding PRW-JOB-021
  prow_job a error 10 '' '{"description": "Pod scheduling timeout."}'
  expect_finding PRW-JOB-023
  prow_job a error 10 '' '{"description": "Pod pending timeout."}'
  expect_finding PRW-JOB-024
  prow_job a aborted 10 '' '{"description": "Pod running timeout."}'
  expect_finding PRW-JOB-025
  prow_job a error 10 '{"cluster": "elsewhere"}' '{"description": "Terminal error: unknown cluster alias \"elsewhere\"."}'
  expect_finding PRW-JOB-026
  prow_job a error 10 '' '{"description": "something new", "prev_report_states": {"github-reporter": "error"}}'
  expect_finding PRW-JOB-029
  # A later run of the same job went well.
  prow_job b success 2
  expect_healthy
  # Neither does an old one count, unless it is asked for.
  no_jobs
  prow_job a error 3000 '' '{"description": "something new"}'
  expect_healthy
  [ "$(ids --since 72h)" = PRW-JOB-029 ]
}

@test "a pod that was deleted unexpectedly: the event of its node names who did it" {
  prow_job a error 10 '' '{"description": "Pod got deleted unexpectedly"}'
  expect_finding PRW-JOB-022
  kube create -f - <<YAML
apiVersion: v1
kind: Event
metadata: {name: gone, namespace: default}
involvedObject: {apiVersion: v1, kind: Node, name: simulated-1}
reason: SpotInterrupted
message: "Spot interruption warning was triggered for the node"
type: Warning
firstTimestamp: "$(ago 11)"
lastTimestamp: "$(ago 11)"
source: {component: karpenter}
YAML
  expect_finding PRW-JOB-022
  run -2 runbook doctor
  says 'AWS took back the spot instance' 'karpenter.sh/do-not-disrupt'
  kube delete event gone -n default
}

@test "a container of Prow's that failed in the pod of a job" {
  prow_job a failure 10 '' '{"description": "Job failed.", "build_id": "1", "prev_report_states": {"github-reporter": "failure", "gcsreporter": "failure"}}'
  job_pod a '{"phase": "Failed", "initContainerStatuses": [{"name": "initupload", "image": "x", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 1, "message": "AccessDenied: Access Denied status code: 403"}}}]}'
  expect_finding PRW-JOB-035
  run -2 runbook doctor
  says 'container initupload of job unit of test-org/web#12 failed' 'the bucket refuses its role' 's3-credentials'
}

@test "a job that crier has not reported" {
  prow_job a success 30 '{"decoration_config": {"gcs_configuration": {"bucket": "s3://rehearsal-prow-logs"}}}' '{"description": "Job succeeded.", "build_id": "1"}'
  expect_finding PRW-JOB-034
  run -2 runbook doctor
  says 'has not reported it to GitHub and the bucket'
}

@test "a configuration that was edited in the cluster" {
  kube get configmap config -n prow -o json >config.json
  edit() { node -e 'const map = JSON.parse(require("fs").readFileSync("config.json")); map.data["config.yaml"] = map.data["config.yaml"].replace(process.argv[1], process.argv[2]); delete map.metadata.managedFields; delete map.metadata.resourceVersion; console.log(JSON.stringify(map))' "$1" "$2" | kube replace -f -; }
  edit 'bucket: s3://' 'bucket: '
  expect_finding PRW-CFG-010
  run -2 runbook doctor
  says 'config.yaml:' 'of ConfigMap prow/config'
  edit 'prowjob_namespace: prow' 'prowjob_namespace: default'
  expect_finding PRW-CFG-011
  runbook 06-config
  expect_healthy
  kube create configmap plugins -n prow --from-literal=plugins.yaml='plugins: {other-org: {plugins: [trigger]}}' --dry-run=client -o yaml | kube replace -f -
  [[ "$(ids)" == *PRW-GH-007* ]]
  runbook 06-config
}

@test "a job is followed from its configuration to its result" {
  run -2 runbook doctor --job unit
  says 'no job unit is in the cluster' hello-periodic
  run -2 runbook doctor --job hello-periodic
  says 'periodic hello-periodic is in hello.yaml' 'nothing has started hello-periodic yet'
  prow_job a pending 10 '{"job": "hello-periodic", "type": "periodic"}'
  job_pod a "$(waiting ErrImagePull 'not found')"
  run -2 runbook doctor --job hello-periodic
  says 'it stopped at: pod' PRW-IMG-005 'Correct the image example.com/unit:1'
  no_jobs
  prow_job a pending 10 '{"job": "hello-periodic", "type": "periodic"}'
  job_pod a '{"phase": "Running"}'
  run -2 runbook doctor --job a
  says 'it is at: pod' 'pod a is Running'
  prow_job a success 10 '{"job": "hello-periodic", "type": "periodic"}' '{"build_id": "1", "description": "Job succeeded.", "url": "https://prow/view/a", "prev_report_states": {"gcsreporter": "success"}}'
  run -0 runbook doctor --job hello-periodic
  says 'success: Job succeeded.' https://prow/view/a 'it went all the way'
  [ "$(runbook doctor --job a --json 2>/dev/null | json '.trace.at(-1).name')" = status ]
  run -64 runbook doctor --since yesterday
  says 'is no span of time'
  run -64 runbook doctor --pr web
  says 'is no pull request'
}
