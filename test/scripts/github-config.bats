load helpers
load github
setup_file() {
  setup_cluster
  setup_github
}
teardown_file() {
  teardown_github
}
setup() {
  setup_world
  setup_github_world
  setting GITHUB_CHECKS=off
  after_steps 02
}

# A configuration of the user's own, copied from the templates.
own() {
  HOME="$WORLD/home" node "$ROOT/lib/start.mjs" init --config --env "$WORLD/.env" >/dev/null 2>&1
}

# A job file: jobs a.yaml <<EOF
jobs() {
  mkdir -p "config/jobs/$(dirname "$1")"
  cat >"config/jobs/$1"
}

# A job of a repository: job_of test-org/web
job_of() {
  jobs "${1#*/}.yaml" <<YAML
presubmits:
  $1:
    - {name: ${1#*/}-test, spec: {containers: [{image: i, command: [c]}]}}
YAML
}

@test "the problems of the guide's own configuration are reported with file and line, and nothing is written" {
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
    -e 's|        s3_credentials_secret: .*|        s3_credentials_secret: missing\n        oauth_token_secret: {name: oauth-token, key: oauth}|' config/config.yaml
  sed -i 's|      - approve$|      - approve\n      - weainformer\n      - repo-permission-alert\n      - config-updater|' config/plugins.yaml
  printf 'file_size_limit: {}\nyaml-validator: {}\nconfig_updater: {maps: {a: {name: config, clusters: {default: [kube-deploy]}}, labels.yaml: {name: label-config, clusters: {default: [test-pods]}}}}\n' >>config/plugins.yaml
  line() { grep -n "$1" "config/$2" | head -1 | cut -d: -f1; }
  refused 06-config \
    "config/config.yaml:$(line 'bucket: ' config.yaml) has bucket: rehearsal-prow-logs" \
    "config/config.yaml:$(line 'http://prow' config.yaml) plank.job_url_prefix_config" 'plank.report_templates.* points to http://' \
    'has the utility image clonerefs: gcr.io/k8s-prow/clonerefs:v20211111' \
    "config/config.yaml:$(line view_auth config.yaml) deck.view_auth_configs is not a field" \
    'names the Secret missing, which is not in test-pods' 'names the Secret oauth-token, which is not in test-pods' 'PRIVATE_CLONES=on' \
    'my job: this name is not allowed' 'presubmit my job is not decorated' \
    "config/plugins.yaml:$(line weainformer plugins.yaml) enables weainformer" 'enables repo-permission-alert' \
    'file_size_limit is not a field' 'yaml-validator is not a field' 'writes the ConfigMap config to the namespace kube-deploy' \
    'labels.yaml writes the ConfigMap label-config to the namespace test-pods, where hook has no permission'
  rm -r config
  setting PROW_IMAGE_REGISTRY=gcr.io/k8s-prow
  refused 06-config 'PROW_IMAGE_REGISTRY=gcr.io/k8s-prow was shut down'
}

@test "broken YAML, wrong namespaces and jobs that Prow would refuse are named, and nothing is written" {
  own
  printf 'periodics:\n\t- name: a\n' | jobs tab.yaml
  printf 'a: 1\na: 2\n' | jobs twice.yaml
  jobs deep/down/bad.yaml <<'YAML'
periodics:
  - {name: never, spec: {containers: [{image: i, command: [c]}]}}
  - {name: sunday, cron: "0 3 * * 7", spec: {containers: [{image: i, command: [c]}]}}
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
  refused 06-config 'jobs/tab.yaml:2 is indented with a tab' 'jobs/twice.yaml:2 has the key a twice' \
    'bad.yaml:2 periodic never has no cron, interval or minimum_interval' 'bad.yaml:3 periodic sunday: cron "0 3 * * 7"' \
    'bad.yaml:4 periodic quiet is decorated and has no command' 'both report as same' 'has always_run and run_if_changed' \
    'run_if_changed is not a valid regular expression' 'has namespace: other' 'is also in' \
    'has jobs for stranger/web, where the plugin trigger is not enabled' \
    'has prowjob_namespace: default' 'has no pod_namespace'
}

@test "checkconfig on PATH has the last word, also under --plan; without it the rules decide, in any locale" {
  setting CHECKCONFIG=on
  mkdir bin
  cat >bin/checkconfig <<'SH'
#!/bin/sh
echo "$@" >>called
echo '{"level":"fatal","severity":"fatal","error":"something that only Prow knows","msg":"Validation failed"}' >&2
exit 1
SH
  chmod +x bin/checkconfig
  PATH="$WORLD/bin:$PATH" refused 06-config 'checkconfig: something that only Prow knows' 'the checkconfig on PATH refuses the configuration'
  PATH="$WORLD/bin:$PATH" run -1 runbook 06-config --plan
  grep -q -- --strict called
  printf '#!/bin/sh\nexit 0\n' >bin/checkconfig
  PATH="$WORLD/bin:$PATH" run -2 runbook 06-config --plan
  says 'the checkconfig on PATH accepts the configuration'
  # What it accepts is a warning, but for what this installation cannot use.
  own
  echo 'unheard_of: {}' >>config/config.yaml
  PATH="$WORLD/bin:$PATH" run -2 runbook 06-config --plan
  says 'unheard_of is not a field that Prow knows' 'checkconfig accepts it'
  sed -i 's/^pod_namespace: .*/pod_namespace: default/' config/config.yaml
  PATH="$WORLD/bin:$PATH" refused 06-config 'has pod_namespace: default' 'Only this installation refuses it'
  rm -r config
  # Whether it is there must not depend on what a shell prints, which is in the language of the user.
  LC_ALL=zh_CN.UTF-8 run -0 runbook 06-config
  says 'not on PATH, and the nodes are simulated'
}

@test "CONFIG_STRICT=off: what checkconfig only warns of is a warning, and is applied" {
  own
  echo 'unheard_of: {}' >>config/config.yaml
  refused 06-config 'unheard_of is not a field that Prow knows'
  setting CONFIG_STRICT=off
  run -0 runbook 06-config
  says 'unheard_of is not a field that Prow knows' '3 created'
}

@test "jobs of nested folders are applied, each base name once; what is too large is compressed, or refused" {
  own
  printf 'periodics: []\n' | jobs team/a.yaml
  printf 'periodics: []\n' | jobs other/b.yml
  run -0 runbook 06-config
  says '3 job files'
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

@test "the previous version is kept; rollback-config restores it, and again undoes that" {
  own
  runbook 06-config
  sed -i 's/log_level: info/log_level: debug/' config/config.yaml
  run -0 runbook 06-config
  says 'previous version'
  settled 06-config
  run -2 runbook rollback-config --plan
  [ "$(kube get cm -n prow config -o jsonpath='{.data.config\.yaml}' | grep -c 'log_level: debug')" = 1 ]
  run -0 runbook rollback-config
  says 'your files still hold the version that was replaced'
  [ "$(kube get cm -n prow config -o jsonpath='{.data.config\.yaml}' | grep -c 'log_level: info')" = 1 ]
  run -0 runbook rollback-config
  [ "$(kube get cm -n prow config -o jsonpath='{.data.config\.yaml}' | grep -c 'log_level: debug')" = 1 ]
}

@test "rollback-config without a previous version fails and changes nothing" {
  runbook 06-config
  run -1 runbook rollback-config
  says 'the cluster holds no previous version' 'changed nothing'
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
  refused 06-config 'test-org/web does not allow squash merges, which tide.merge_method asks for' 'https://github.com/test-org/web/settings'
  seed '{"repos": [{"owner": "test-org", "name": "web", "allow_squash_merge": true, "collaborators": {"prow-bot": "admin"}}]}'
  run -0 runbook 06-config
}

@test "an App trusted by its login and a bucket allowed by its URL match nothing in Prow, and are refused" {
  own
  sed -i 's|^triggers:|triggers:\n  - repos: [test-org/web]\n    trusted_apps: [renovate, "dependabot[bot]"]|' config/plugins.yaml
  sed -i 's|^deck:|deck:\n  skip_storage_path_validation: false\n  additional_allowed_buckets: ["s3://old-logs"]|' config/config.yaml
  refused 06-config "config/plugins.yaml:$(grep -n trusted_apps config/plugins.yaml | cut -d: -f1) triggers.trusted_apps has dependabot[bot]" \
    'Write it without [bot]' 'deck.additional_allowed_buckets has s3://old-logs'
  lacks 'has renovate'
  sed -i '/skip_storage_path_validation/d; s|"s3://old-logs"|old-logs|' config/config.yaml
  refused 06-config 'has deck.additional_allowed_buckets without deck.skip_storage_path_validation: false'
}

@test "repositories that only the configuration names are checked too; a private one that its jobs cannot clone is a warning" {
  own
  setting GITHUB_CHECKS=on
  job_of test-org/web
  job_of test-org/nowhere
  seed '{"repos": [{"owner": "test-org", "name": "web", "private": true, "allow_squash_merge": false, "collaborators": {"prow-bot": "admin"}}]}'
  refused 06-config 'test-org/web does not allow squash merges' "test-org/web is private, and its jobs ($WORLD/config/jobs/web.yaml:3) clone it without a token" 'Set PRIVATE_CLONES=on'
  lacks 'test-org/nowhere'
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {"prow-bot": "admin"}}]}'
  run -0 runbook 06-config
  lacks 'without a token'
}

@test "what Prow accepts and people regret is a warning, with file and line" {
  own
  printf 'push_gateway: {endpoint: pushgateway}\n' >>config/config.yaml
  sed -i -e 's|sync_period: 1m|sync_period: 15s|' -e 's|tide_update_period: 10s|tide_update_period: 1s|' \
    -e 's|size_limit: 1.*|&\n    gcs_browser_prefix: https://gcsweb.k8s.io/gcs/|' config/config.yaml
  printf 'config_updater: {maps: {"label/*.yaml": {name: label-config}}}\n' >>config/plugins.yaml
  setting CHECKCONFIG=off
  run -0 runbook 06-config
  says 'config_updater.maps.label/*.yaml puts every matching file into label-config' 'config/config.yaml:' 'push_gateway without serve_metrics turns off /metrics of every component' \
    "tide.sync_period of 15 seconds uses up GitHub's rate limit" 'deck.tide_update_period of 1 seconds' \
    'the links to artifacts (gcs_browser_prefix) point to https://gcsweb.k8s.io/gcs/'
  kube -n prow get configmap config -o yaml | grep -q 'sync_period: 15s'
}

@test "a public Deck and private repositories that have jobs: each is named, and no step writes anything" {
  own
  setting GITHUB_CHECKS=on DECK_ACCESS=public
  job_of test-org/web
  job_of test-org/open
  job_of test-org/inner
  seed '{"repos": [{"owner": "test-org", "name": "open"}, {"owner": "test-org", "name": "inner", "private": true, "visibility": "internal"},
    {"owner": "test-org", "name": "own", "private": true, "files": {".prow.yaml": "presubmits: []"}},
    {"owner": "test-org", "name": "later", "private": true, "files": {"README": "x"}}]}'
  for script in 06-config 11-ingress 00-preflight 13-verify; do
    refused $script 'a public Deck (DECK_ACCESS) would show anyone the job logs of repositories that are not public' \
      "test-org/web (private; $WORLD/config/jobs/web.yaml:3)" "test-org/inner (internal; $WORLD/config/jobs/inner.yaml:3)" \
      'test-org/own (private; its own .prow.yaml)' 'Set DECK_ACCESS=internal' 'under deck.hidden_repos in config.yaml' \
      'test-org/later may define jobs in a .prow.yaml'
    # 13-verify names it for its labels.
    lacks 'test-org/open (' 'test-org/open may' 'test-org/old'
  done
  setting DECK_ACCESS=10.0.0.0/8,0.0.0.0/0
  refused 06-config 'would show anyone the job logs of repositories that are not public'
}

@test "a Deck that hides them, is not public, or is not checked is accepted, with warnings about what stays open" {
  own
  setting GITHUB_CHECKS=on DECK_ACCESS=internal
  job_of test-org/web
  job_of stranger/away
  sed -i 's|^      - trigger|      - trigger|; s|^plugins:|plugins:\n  stranger/away:\n    plugins: [trigger]|' config/plugins.yaml
  run -0 runbook 06-config
  lacks anyone
  setting DECK_ACCESS=public GITHUB_CHECKS=off
  run -0 runbook 06-config
  says 'Deck is public, and whether repositories with jobs are private is not checked (GITHUB_CHECKS=off)'
  setting GITHUB_CHECKS=on
  sed -i 's|^deck:|deck:\n  hidden_repos: [test-org/web]|' config/config.yaml
  run -0 runbook 06-config
  says "deck.hidden_repos removes test-org/web from Deck's lists only" 'GitHub shows no repository stranger/away, which has jobs'
  lacks 'would show anyone the job logs'
}
