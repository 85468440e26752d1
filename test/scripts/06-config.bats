load helpers
setup_file() { setup_cluster; }
setup() {
  setup_world
  after_steps 02
}

# A configuration of the user's own, as npm run init -- --config creates it.
own() {
  runbook 06-config
  mkdir -p config/jobs
  kube get configmap config -n prow -o jsonpath='{.data.config\.yaml}' >config/config.yaml
  kube get configmap plugins -n prow -o jsonpath='{.data.plugins\.yaml}' >config/plugins.yaml
  kube get configmap job-config -n prow -o jsonpath='{.data.hello\.yaml}' >config/jobs/hello.yaml
  cp "$ROOT/manifests/config/labels.yaml" config
}

@test "creates the three ConfigMaps from the templates, filled from the settings; again changes nothing" {
  run -0 runbook 06-config
  says '3 created' 'from the templates'
  text="$(kube get configmap config -n prow -o jsonpath='{.data.config\.yaml}')"
  [[ "$text" == *'https://prow.rehearsal.example/view/'* && "$text" == *'s3://rehearsal-prow-logs'* ]]
  run ! grep -F '${' <(kube get configmaps config plugins job-config -n prow -o json)
  run ! grep '# when' <(kube get configmaps config plugins job-config -n prow -o json)
  settled 06-config
}

@test "a changed setting arrives, and the plan shows the lines that differ" {
  runbook 06-config
  before="$(snapshot)"
  setting PROW_HOST=other.example.com GITHUB_ORG=other-org
  run -2 runbook 06-config --plan
  says 'would change' '-' 'https://prow.rehearsal.example/tide' '+' 'https://other.example.com/tide'
  same "$before" "$(snapshot)"
  run -0 runbook 06-config
  says changed
  [[ "$(kube get configmap config -n prow -o jsonpath='{.data.config\.yaml}')" == *https://other.example.com/tide* ]]
  settled 06-config
}

@test "the user's own folder is applied as it is, byte for byte, jobs of all folders by their base names" {
  own
  mkdir -p config/jobs/deep/er
  printf '# ${NOT_A_PLACE} # when NOTHING\nperiodics: []\n' >config/jobs/deep/er/more.yaml
  printf 'an old key of a job file\n' >config/jobs/README.md
  run -0 runbook 06-config
  says "from $WORLD/config" '2 job files' 'previous version' '1 unchanged'
  kube get configmap job-config -n prow -o jsonpath='{.data.more\.yaml}' | diff - config/jobs/deep/er/more.yaml
  rm -r config/jobs/deep
  uid="$(kube get configmap job-config -n prow -o jsonpath='{.metadata.uid}')"
  run -0 runbook 06-config
  same '{"hello.yaml"' "$(kube get configmap job-config -n prow -o jsonpath='{.data}' | cut -d: -f1)"
  same "$uid" "$(kube get configmap job-config -n prow -o jsonpath='{.metadata.uid}')"
}

@test "every problem of the user's own folder is reported at once, with file and line, and nothing is written" {
  own
  before="$(snapshot)"
  printf 'plugins:\n\tmy-org: {}\n' >config/plugins.yaml
  rm config/labels.yaml
  mkdir config/jobs/a config/jobs/b
  printf 'periodics: []\n' | tee config/jobs/a/same.yaml >config/jobs/b/same.yaml
  printf 'periodics:\n- name: [\n' >config/jobs/broken.yaml
  run -1 runbook 06-config
  says 'config/plugins.yaml:2 is indented with a tab' 'config/jobs/b/same.yaml has the same name as' \
    'config/jobs/a/same.yaml' 'config/jobs/broken.yaml' 'changed nothing'
  lacks '    at '
  same "$before" "$(snapshot)"
}

@test "thousands of jobs with one problem are one line, and a folder without labels.yaml is applied" {
  own
  rm config/labels.yaml
  node -e 'console.log("periodics:"); for (let i = 0; i < 900; i++) console.log(`- {name: job-${i}, interval: 1h, cluster: build, spec: {containers: [{image: i, command: [c]}]}}`)' >config/jobs/many.yaml
  run -1 runbook 06-config
  says 'config/jobs/many.yaml:2 periodic job-0 has cluster: build' 'The same in 899 more places: many.yaml:3, many.yaml:4, many.yaml:5, …' \
    'Only this installation refuses it.' 'checkconfig' 'the nodes are simulated'
  [ "$(grep -c 'has cluster: build' <<<"$output")" = 1 ]
  sed -i 's/cluster: build, //' config/jobs/many.yaml
  run -0 runbook 06-config
}

@test "missing or other namespaces are refused: Prow would do nothing, without an error" {
  own
  sed -i '/^prowjob_namespace/d;s/^pod_namespace:.*/pod_namespace: default/' config/config.yaml
  run -1 runbook 06-config
  says 'has no prowjob_namespace' 'Write prowjob_namespace: prow' 'has pod_namespace: default' 'Write pod_namespace: test-pods'
  : >config/config.yaml
  run -1 runbook 06-config
  says 'has no prowjob_namespace'
  lacks '    at '
  printf -- '- a list\n' >config/config.yaml
  run -1 runbook 06-config
  lacks '    at '
  printf 'a: 1\n---\nb: 2\n' >config/config.yaml
  run -1 runbook 06-config
  lacks '    at '
}

@test "files that cannot be read are reported without a stack trace" {
  own
  rm config/config.yaml
  mkdir config/config.yaml
  ln -s /does/not/exist config/jobs/dangling.yaml
  run -1 runbook 06-config
  says config/config.yaml config/jobs/dangling.yaml
  lacks '    at '
  rm -r config
  : >config
  run -1 runbook 06-config
  lacks '    at '
}

@test "job files too large for a ConfigMap are compressed; those too large even so are refused before anything is written" {
  own
  node -e 'for (let i = 0; i < 6; i++) require("fs").writeFileSync(`config/jobs/big${i}.yaml`, "periodics: []\n" + `# ${"many words ".repeat(9)}\n`.repeat(2200))'
  run -0 runbook 06-config
  [ -n "$(kube get configmap job-config -n prow -o jsonpath='{.binaryData.big0\.yaml}')" ]
  kube get configmap job-config -n prow -o jsonpath='{.binaryData.big0\.yaml}' | base64 -d | gunzip | diff - config/jobs/big0.yaml
  settled 06-config
  before="$(snapshot)"
  node -e 'require("fs").writeFileSync("config/jobs/random.yaml", `# ${require("crypto").randomBytes(1.2e6).toString("base64")}\n`)'
  run -1 runbook 06-config
  says 'even compressed; it can hold 1024 KiB' 'in_repo_config'
  same "$before" "$(snapshot)"
  # And back: once they fit again, they are stored as they are.
  rm config/jobs/big* config/jobs/random.yaml
  run -0 runbook 06-config
  [ -z "$(kube get configmap job-config -n prow -o jsonpath='{.binaryData}')" ]
}

@test "ConfigMaps created by the guide's commands are adopted, not recreated, and stale keys are removed" {
  own
  kube delete configmap config plugins job-config -n prow
  printf 'stale: true\n' >old.yaml
  kube create cm config -n prow --from-file=config.yaml=config/config.yaml --from-file=old.yaml
  kube create cm plugins -n prow --from-file=plugins.yaml=config/plugins.yaml
  kube create cm job-config -n prow --from-file=config/jobs
  uids="$(kube get cm config plugins job-config -n prow -o jsonpath='{.items[*].metadata.uid}')"
  run -0 runbook 06-config
  says 'existed, adopted' '3 changed'
  same "$uids" "$(kube get cm config plugins job-config -n prow -o jsonpath='{.items[*].metadata.uid}')"
  same '["VERSION","config.yaml"]' "$(kube get configmap config -n prow -o json | json '.data && Object.keys(it.data)')"
  settled 06-config
}

@test "a ConfigMap is never absent while it is replaced" {
  runbook 06-config
  # Not by `kube`: the watch itself is to be ended, and must not keep what bats waits for open.
  kubectl --kubeconfig "$CLUSTER/kubeconfig" --context rehearsal get cm config -n prow \
    --watch-only --output-watch-events -o custom-columns=T:.type >events 3>&- &
  watch=$!
  sleep 1
  setting PROW_HOST=other.example.com
  runbook 06-config
  sleep 1
  kill $watch
  grep MODIFIED events
  run ! grep DELETED events
}
