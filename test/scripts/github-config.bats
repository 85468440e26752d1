load helpers
load github
setup_file() {
  setup_cluster
  setup_github
  world "$BATS_FILE_TMPDIR/first"
  runbook 02-namespaces
}
teardown_file() {
  teardown_github
  teardown_cluster
}
setup() {
  setup_world
  setup_github_world
  setting GITHUB_CHECKS=off
  kube delete configmaps -n prow config plugins job-config config-previous plugins-previous job-config-previous --ignore-not-found >/dev/null
}

# The user's own configuration, from the templates.
own() {
  HOME="$WORLD/home" node --import "$TSX" "$ROOT/scripts/init.ts" --config --env "$WORLD/.env" >/dev/null 2>&1
}

# A job file: jobs a.yaml <<EOF
jobs() {
  mkdir -p "config/jobs/$(dirname "$1")"
  cat >"config/jobs/$1"
}

@test "the faults of the guide's own configuration are named with file and line, and nothing is written" {
  own
  cat >>config/config.yaml <<'YAML'
presubmits:
  test-org/web:
    - name: my job
      decorate: false
      spec: {containers: [{image: i}]}
YAML
  sed -i -e 's|bucket: s3://|bucket: |' -e 's|clonerefs: .*/clonerefs:.*|clonerefs: gcr.io/k8s-prow/clonerefs:v20211111-bce61c7c4a|' \
    -e 's|history](https://|history](http://|' -e 's|https://prow.rehearsal.example/view/|http://prow.rehearsal.example/view/|' \
    -e 's|^deck:|deck:\n  view_auth_configs: {}|' -e 's|sync_period: 1m|sync_period: 15s|' \
    -e 's|        s3_credentials_secret: .*|        s3_credentials_secret: gone\n        oauth_token_secret: {name: oauth-token, key: oauth}|' config/config.yaml
  sed -i 's|      - approve$|      - approve\n      - weainformer\n      - repo-permission-alert|' config/plugins.yaml
  printf 'file_size_limit: {}\nyaml-validator: {}\nconfig_updater: {maps: {a: {name: config, clusters: {default: [kube-deploy]}}, labels.yaml: {name: label-config, clusters: {default: [test-pods]}}}}\n' >>config/plugins.yaml
  line() { grep -n "$1" "config/$2" | head -1 | cut -d: -f1; }
  refused 06-config \
    "config/config.yaml:$(line 'bucket: ' config.yaml) has bucket: rehearsal-prow-logs" \
    "config/config.yaml:$(line 'http://prow' config.yaml) plank.job_url_prefix_config" 'plank.report_templates.* leads to http://' \
    'has the utility image clonerefs: gcr.io/k8s-prow/clonerefs:v20211111' \
    "config/config.yaml:$(line view_auth config.yaml) deck.view_auth_configs is no field" \
    'has s3_credentials_secret gone, which is not in test-pods' 'has oauth_token_secret oauth-token, which is not in test-pods' 'PRIVATE_CLONES=on' \
    'my job: this name is not allowed' 'presubmit my job is not decorated' \
    "config/plugins.yaml:$(line weainformer plugins.yaml) enables weainformer" 'enables repo-permission-alert' \
    'file_size_limit is no field' 'yaml-validator is no field' 'writes to the namespace kube-deploy' \
    'labels.yaml writes to the namespace test-pods'
  rm -r config
  setting PROW_IMAGE_REGISTRY=gcr.io/k8s-prow
  refused 06-config 'PROW_IMAGE_REGISTRY=gcr.io/k8s-prow is gone'
}

@test "broken YAML, wrong namespaces and jobs that Prow would refuse are named, and nothing is written" {
  own
  printf 'periodics:\n\t- name: a\n' | jobs tab.yaml
  printf 'a: 1\na: 2\n' | jobs twice.yaml
  jobs deep/down/bad.yaml <<'YAML'
periodics:
  - {name: never, spec: {containers: [{image: i, command: [c]}]}}
  - {name: odd, cron: "0 3 * * 7", spec: {containers: [{image: i, command: [c]}]}}
  - {name: quiet, interval: 1h, spec: {containers: [{image: i}]}}
presubmits:
  test-org/web:
    - {name: a, context: same, spec: {containers: [{image: i, command: [c]}]}}
    - {name: b, context: same, spec: {containers: [{image: i, command: [c]}]}}
    - {name: c, always_run: true, run_if_changed: "(", namespace: other, spec: {containers: [{image: i, command: [c]}]}}
YAML
  jobs again.yaml <<'YAML'
presubmits:
  test-org/web:
    - {name: a, spec: {containers: [{image: i, command: [c]}]}}
  stranger/web:
    - {name: a, spec: {containers: [{image: i, command: [c]}]}}
YAML
  sed -i '/^pod_namespace/d; s/^prowjob_namespace: .*/prowjob_namespace: default/' config/config.yaml
  refused 06-config 'jobs/tab.yaml:2 is indented with a tab' 'jobs/twice.yaml:2 has a twice' \
    'bad.yaml:2 periodic never does not say when it runs' 'bad.yaml:3 periodic odd: cron "0 3 * * 7"' \
    'bad.yaml:4 periodic quiet is decorated and has no command' 'both report as same' 'has always_run and run_if_changed' \
    'run_if_changed is no regular expression' 'has namespace: other' 'is also in' \
    'has jobs for stranger/web, where the plugin trigger is not enabled' \
    'has prowjob_namespace: default' 'has no pod_namespace'
}

@test "what our rules do not see, checkconfig does: on PATH it has the last word, also of a plan" {
  setting CHECKCONFIG=on
  mkdir bin
  cat >bin/checkconfig <<'SH'
#!/bin/sh
echo "$@" >>called
echo '{"level":"fatal","severity":"fatal","error":"something that only Prow knows","msg":"Validation failed"}' >&2
exit 1
SH
  chmod +x bin/checkconfig
  PATH="$WORLD/bin:$PATH" refused 06-config 'checkconfig: something that only Prow knows' 'the checkconfig on PATH refuses it'
  PATH="$WORLD/bin:$PATH" run -1 runbook 06-config --plan
  grep -q -- --strict called
  printf '#!/bin/sh\nexit 0\n' >bin/checkconfig
  PATH="$WORLD/bin:$PATH" run -2 runbook 06-config --plan
  says 'the checkconfig on PATH accepts it'
  run -0 runbook 06-config
  says 'not on PATH, and the nodes are simulated'
}

@test "CONFIG_STRICT=off: what checkconfig only warns of is told and goes in" {
  own
  echo 'unheard_of: {}' >>config/config.yaml
  refused 06-config 'unheard_of is no field that Prow knows'
  setting CONFIG_STRICT=off
  run -0 runbook 06-config
  says 'unheard_of is no field that Prow knows' '3 created'
}

@test "jobs of nested folders go in, one base name once; what is too large is packed, or refused with a remedy" {
  own
  printf 'periodics: []\n' | jobs team/a.yaml
  printf 'periodics: []\n' | jobs other/b.yml
  run -0 runbook 06-config
  says '3 files of jobs'
  printf 'periodics: []\n' | jobs other/a.yaml
  refused 06-config 'config/jobs/team/a.yaml has the same name as'
  rm config/jobs/other/a.yaml
  { echo 'periodics: []'; for _ in $(seq 9000); do echo "# the same line over and over, which packs well, and is long enough to matter here, and longer, and longer still so that it is more than a MiB"; done; } | jobs big.yaml
  run -0 runbook 06-config
  [ -n "$(kube get cm -n prow job-config -o jsonpath='{.binaryData.big\.yaml}')" ]
  settled 06-config
  { echo 'periodics: []'; head -c 900000 /dev/urandom | base64 -w 100 | sed 's/^/# /'; } | jobs big.yaml
  refused 06-config 'ConfigMap job-config would hold' 'it can hold 1024 KiB'
}

@test "the version before is kept; --rollback puts it back, and again forward" {
  own
  runbook 06-config
  sed -i 's/log_level: info/log_level: debug/' config/config.yaml
  run -0 runbook 06-config
  says 'the version before, kept'
  settled 06-config
  run -2 runbook 06-config --rollback --plan
  [ "$(kube get cm -n prow config -o jsonpath='{.data.config\.yaml}' | grep -c 'log_level: debug')" = 1 ]
  run -0 runbook 06-config --rollback
  says 'your files still hold the other version'
  [ "$(kube get cm -n prow config -o jsonpath='{.data.config\.yaml}' | grep -c 'log_level: info')" = 1 ]
  run -0 runbook 06-config --rollback
  [ "$(kube get cm -n prow config -o jsonpath='{.data.config\.yaml}' | grep -c 'log_level: debug')" = 1 ]
}

@test "without a version before, --rollback says so" {
  runbook 06-config
  run -1 runbook 06-config --rollback
  says 'no version before this one is kept'
}

@test "PAT and App, with and without private clones: each template passes our rules" {
  for auth in pat app; do
    for clones in on off; do
      setting GITHUB_AUTH=$auth GITHUB_APP_ID=7 PRIVATE_CLONES=$clones
      run -0 runbook 06-config
      found="$(kube get cm -n prow config -o jsonpath='{.data.config\.yaml}')"
      [ "$(grep -c 'name: clone-token' <<<"$found")" = "$([ $clones = on ] && echo 1 || echo 0)" ]
    done
  done
}

@test "a merge method that the repository does not allow is named before anything is written" {
  setting GITHUB_CHECKS=on GITHUB_REPOS=web
  seed '{"repos": [{"owner": "test-org", "name": "web", "allow_squash_merge": false, "collaborators": {"prow-bot": "admin"}}]}'
  refused 06-config 'test-org/web does not allow squash, which tide.merge_method says' 'https://github.com/test-org/web/settings'
  seed '{"repos": [{"owner": "test-org", "name": "web", "allow_squash_merge": true, "collaborators": {"prow-bot": "admin"}}]}'
  run -0 runbook 06-config
}

@test "what Prow takes and people regret is told as a warning, with file and line" {
  own
  printf 'push_gateway: {endpoint: pushgateway}\n' >>config/config.yaml
  sed -i 's|sync_period: 1m|sync_period: 15s|' config/config.yaml
  setting CHECKCONFIG=off
  run -0 runbook 06-config
  says 'config/config.yaml:' 'push_gateway without serve_metrics turns off /metrics of every component' \
    "tide.sync_period of 15 seconds uses up GitHub's limit"
  kube -n prow get configmap config -o yaml | grep -q 'sync_period: 15s'
}
