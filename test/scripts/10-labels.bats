load helpers
setup_file() { setup_cluster; }
setup() { setup_world; }

@test "creates label-config, the Job, which completes, and the hourly CronJob; again changes nothing" {
  after_steps 02,03
  run -0 runbook 10-labels
  [ "$(kube get job label-sync -n prow -o jsonpath='{.status.succeeded}')" = 1 ]
  [ "$(kube get cronjob label-sync -n prow -o jsonpath='{.spec.schedule}')" = '17 * * * *' ]
  kube get cm label-config -n prow -o jsonpath='{.data.labels\.yaml}' | diff - "$ROOT/manifests/config/labels.yaml"
  settled 10-labels
}

@test "without the Secrets it names the script that creates them" {
  after_steps 02
  run -1 runbook 10-labels
  says 'npx tsx scripts/03-secrets.ts'
}

@test "LABEL_SYNC=off skips label-sync and removes Job and CronJob; GITHUB_REPOS limits them" {
  after_steps 02,03,10
  setting GITHUB_REPOS=website,backend
  run -0 runbook 10-labels
  says changed
  [[ "$(kube get cronjob label-sync -n prow -o jsonpath='{..args}')" == *--only=rehearsal-org/website,rehearsal-org/backend* ]]
  setting LABEL_SYNC=off
  run -0 runbook 10-labels
  says 'LABEL_SYNC=off' removed
  [ -z "$(kube get jobs,cronjobs -n prow -o name)" ]
  settled 10-labels
}

@test "a Job that fails ends the wait before its limit, and runs again when its input is corrected" {
  after_steps 02,03
  kube get stage pod-complete -o json >complete.json
  sed 's/phase: Succeeded/phase: Failed/; s/exitCode: 0/exitCode: 1/; s/reason: Completed/reason: Error/' complete.json | kube replace -f -
  setting WAIT_SECONDS=300
  began=$SECONDS
  run -1 runbook 10-labels
  kube get stage pod-complete -o json | sed 's/phase: Failed/phase: Succeeded/; s/exitCode: 1/exitCode: 0/; s/reason: Error/reason: Completed/' | kube replace -f -
  [ $((SECONDS - began)) -lt 200 ]
  says 'Job prow/label-sync is not ready'
  uid="$(kube get job label-sync -n prow -o jsonpath='{.metadata.uid}')"
  run -2 runbook 10-labels --plan
  says 'recreated: the last one failed'
  [ "$(kube get job label-sync -n prow -o jsonpath='{.metadata.uid}')" = "$uid" ]
  run -0 runbook 10-labels
  [ "$(kube get job label-sync -n prow -o jsonpath='{.metadata.uid}')" != "$uid" ]
  [ "$(kube get job label-sync -n prow -o jsonpath='{.status.succeeded}')" = 1 ]
  settled 10-labels
}

@test "without labels.yaml the labels stay as they are; only label_sync needs one" {
  after_steps 02,03
  node --import "$TSX" "$ROOT/scripts/init.ts" --config --env "$WORLD/.env" >/dev/null 2>&1
  rm config/labels.yaml
  before="$(snapshot)"
  run -1 runbook 10-labels
  says 'config/labels.yaml is missing, and label_sync reads it' 'manifests/config/labels.yaml' 'LABEL_SYNC=off'
  same "$before" "$(snapshot)"
  setting LABEL_SYNC=off
  run -0 runbook 10-labels
  says 'labels on GitHub' 'config/labels.yaml does not exist'
  kube get configmap label-config -n prow --ignore-not-found -o name | grep . && return 1
  settled 10-labels
}
