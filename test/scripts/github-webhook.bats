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
  after_steps 02,03
}
SECRET=0123456789012345678901234567890123456789

@test "the webhook of the organization is created and pinged, and hook accepts the ping; again changes nothing" {
  run -2 runbook 12-webhook --plan
  says 'would create'
  [ "$(writes)" = 0 ]
  run -0 runbook 12-webhook
  says 'webhook of test-org' created "hook accepted GitHub's ping of the webhook of test-org" \
    'this machine cannot reach https://prow.rehearsal.example/hook (ENOTFOUND); GitHub can'
  lacks 'from this machine'
  lacks "$SECRET"
  [ "$(github .orgs[0].hooks.length)" = 1 ]
  [ "$(github .orgs[0].hooks[0].config)" = '{"content_type":"json","insecure_ssl":"0","url":"https://prow.rehearsal.example/hook","secret":"'$SECRET'"}' ]
  [ "$(github .orgs[0].hooks[0].events.length)" = 7 ]
  before="$(writes)"
  run -0 runbook 12-webhook
  says unchanged
  run -0 runbook 12-webhook --plan
  [ "$(writes)" = "$before" ]
}

@test "a webhook that was created by hand is found by its URL and corrected" {
  seed '{"orgs": [{"login": "test-org", "members": {"prow-bot": "admin"}, "hooks": [{"active": false, "events": ["push", "release"], "config": {"url": "http://prow.rehearsal.example/hook/", "content_type": "form", "insecure_ssl": "1", "secret": "old"}}]}]}'
  run -2 runbook 12-webhook --plan
  says 'would change' config.content_type config.insecure_ssl active events '- http://prow.rehearsal.example/hook/'
  run -0 runbook 12-webhook
  says changed "hook accepted GitHub's ping"
  [ "$(github .orgs[0].hooks.length)" = 1 ]
  [ "$(github .orgs[0].hooks[0].config.url)" = https://prow.rehearsal.example/hook ]
  [ "$(github .orgs[0].hooks[0].config.secret)" = $SECRET ]
  [ "$(github '.orgs[0].hooks[0].events.includes("release")')" = true ]
}

@test "another secret on GitHub is detected by the ping, and corrected" {
  seed '{"orgs": [{"login": "test-org", "members": {"prow-bot": "admin"}, "hooks": [{"events": ["*"], "config": {"url": "https://prow.rehearsal.example/hook", "content_type": "json", "secret": "another-one"}}]}]}'
  run -0 runbook 12-webhook
  says 'secret of the webhook of test-org' changed "hook accepted GitHub's ping"
  [ "$(github .orgs[0].hooks[0].config.secret)" = $SECRET ]
}

@test "each of GITHUB_REPOS has its own; a second one with the same URL is a warning" {
  setting GITHUB_REPOS=web
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {"prow-bot": "admin"}, "hooks": [{"events": ["push"], "config": {"url": "http://prow.rehearsal.example/hook", "content_type": "json"}}, {"events": ["issues"], "config": {"url": "https://prow.rehearsal.example/hook", "content_type": "json"}}]}]}'
  run -0 runbook 12-webhook
  says 'webhook of test-org/web' changed 'each event would be handled twice' 'https://github.com/test-org/web/settings/hooks'
  [ "$(github .orgs[0].hooks.length)" = 0 ]
}

@test "without the scope: the scope and the page are named, and nothing is changed" {
  token "ghp_$(printf %036d 5)" '{"kind": "classic", "login": "prow-bot", "scopes": ["repo", "read:org"]}'
  before="$(snapshot)"
  run -1 runbook 12-webhook
  says 'GitHub denied permission to read and change the webhooks of test-org' 'scope admin:org_hook at https://github.com/settings/tokens' '12-webhook changed nothing'
  [ "$(writes)" = 0 ]
  same "$before" "$(snapshot)"
}

@test "hook cannot be reached: the cause is reported, with where GitHub lists its deliveries" {
  seed '{"reach": {"https://prow.rehearsal.example": "http://127.0.0.1:64999"}}'
  run -1 runbook 12-webhook
  says 'cannot be reached by GitHub' 'HOOK_CIDRS' 'organizations/test-org/settings/hooks, Recent Deliveries' 'from this machine'
}

@test "a load balancer without a healthy target yet is pinged again until it has one" {
  setting WAIT_SECONDS=60
  seed '{"reach": {"https://prow.rehearsal.example": "http://127.0.0.1:64999"}}'
  (
    for _ in $(seq 200); do
      [ "$(github '.orgs[0].hooks[0]?.deliveries.length > 1')" = true ] && break
      sleep 0.2
    done
    seed '{"reach": {"https://prow.rehearsal.example": "http://127.0.0.1:'"$(cat "$BATS_FILE_TMPDIR/hook.port")"'"}}'
  ) 3>&- &
  run -0 runbook 12-webhook
  wait
  says "hook accepted GitHub's ping"
}

@test "the webhook of an App is configured, and no other is created; after a rejected delivery the secret is sent again" {
  openssl genrsa -out secrets/github-app-key 2048 2>/dev/null
  setting GITHUB_AUTH=app GITHUB_APP_ID=77
  key="$(openssl rsa -in secrets/github-app-key -pubout 2>/dev/null | node -e 'console.log(JSON.stringify(require("fs").readFileSync(0,"utf8")))')"
  rights='"permissions": {"metadata":"read","contents":"write","issues":"write","pull_requests":"write","statuses":"write","members":"read","checks":"read","actions":"read","administration":"read"}, "events": ["issues","issue_comment","pull_request","pull_request_review","pull_request_review_comment","push","status"]'
  seed '{"apps": [{"id": 77, "slug": "our-prow", "name": "Our Prow", "public_key": '"$key"', '"$rights"', "installations": [{"account": "test-org"}]}]}'
  runbook 03-secrets
  run -0 runbook 12-webhook
  says 'webhook of the App' changed "GitHub cannot ping an App's webhook"
  [ "$(github .apps[0].hook.config.secret)" = $SECRET ]
  [ "$(github .orgs[0].hooks.length)" = 0 ]
  before="$(writes)"
  run -0 runbook 12-webhook
  says unchanged
  [ "$(writes)" = "$before" ]
  echo 'default: {labels: [{name: lgtm, color: "15dd18"}]}' | few_labels
  runbook 10-labels
  [ "$(github '.repos[0].labels.some((one) => one.name === "lgtm")')" = true ]
  setting GITHUB_AUTH=pat
  runbook 03-secrets
}

@test "labels: the difference is shown, then written; renamed by previously, recolored; all others stay" {
  few_labels <<'YAML'
default:
  labels:
    - {name: lgtm, color: "15dd18", description: Looks good., target: prs}
    - {name: kind/bug, color: "e11d21", description: A bug., target: both, previously: [{name: bug}]}
    - {name: new one, color: "ffffff", description: New., target: both}
    - {name: obsolete, color: "ffffff", description: Gone., target: both, deleteAfter: 2020-01-01T00:00:00Z}
YAML
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {"prow-bot": "admin"}, "labels": [{"name": "LGTM", "color": "000000"}, {"name": "bug", "color": "e11d21"}, "mine", "obsolete"]}]}'
  run -2 runbook 10-labels --plan
  says 'would change' '- LGTM #000000' '+ lgtm #15dd18 Looks good.' '+ kind/bug #e11d21' '+ new one'
  [ "$(writes)" = 0 ]
  run -0 runbook 10-labels
  says 'labels of test-org/web' changed 'labels.yaml marks labels of test-org/web for deletion: obsolete' LABELS_DELETE=on
  [ "$(github '.repos[0].labels.map((one) => one.name).join()')" = 'lgtm,kind/bug,mine,obsolete,new one' ]
  before="$(writes)"
  run -0 runbook 10-labels
  [ "$(writes)" = "$before" ]
  setting LABELS_DELETE=on
  runbook 10-labels
  [ "$(github '.repos[0].labels.some((one) => one.name === "obsolete")')" = false ]
}

@test "over a hundred labels are read page by page; an invalid labels.yaml is reported with its lines; a missing right names the scope" {
  labels="$(node -e 'console.log(JSON.stringify(Array.from({length: 250}, (_, i) => "l" + i)))')"
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {"prow-bot": "admin"}, "labels": '"$labels"'}]}'
  echo 'default: {labels: [{name: l249, color: "15dd18"}]}' | few_labels
  runbook 10-labels
  [ "$(github '.repos[0].labels.length')" = 250 ]
  before="$(writes)"
  run -0 runbook 10-labels
  says unchanged
  [ "$(writes)" = "$before" ]
  printf 'default:\n  labels:\n    - {name: a, color: 000000}\n    - {name: A, color: "#ffffff"}\nlabels: [{name: b}]\n' >config/labels.yaml
  refused 10-labels 'labels.yaml:3 has a with the color 000000, which is read as 0' 'labels.yaml:4 has A twice' 'labels.yaml:4 has A with the color #ffffff' 'labels.yaml:5 has labels at the top'
  echo 'default: {labels: [{name: l249, color: "15dd18"}]}' | few_labels
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {"prow-bot": "read"}}]}'
  seed '{"orgs": [{"login": "test-org", "members": {"boss": "admin"}}]}'
  run -1 runbook 10-labels
  says 'GitHub denied permission to write the labels of test-org/web' 'scope repo'
}

@test "switched off, nothing on GitHub is changed, and a line shows why" {
  setting LABELS=off WEBHOOK=none
  run -0 runbook 10-labels
  says 'LABELS=off'
  run -0 runbook 12-webhook
  says 'WEBHOOK=none'
  setting LABELS=on WEBHOOK=auto GITHUB_CHECKS=off
  run -0 runbook 10-labels
  says GITHUB_CHECKS=off
  run -0 runbook 12-webhook
  says 'content type application/json'
  [ "$(writes)" = 0 ]
}

@test "uninstall removes the webhook that the runbook created, and keeps one that existed before" {
  run -0 runbook 12-webhook
  [ "$(github .orgs[0].hooks.length)" = 1 ]
  run -2 runbook uninstall --plan
  says 'webhook' 'would remove'
  [ "$(github .orgs[0].hooks.length)" = 1 ]
  run -0 runbook uninstall --yes
  [ "$(github .orgs[0].hooks.length)" = 0 ]
  run -0 steps 02,03
  seed '{"orgs": [{"login": "test-org", "members": {"prow-bot": "admin"}, "hooks": [{"active": true, "events": ["*"], "config": {"url": "https://prow.rehearsal.example/hook", "content_type": "json", "insecure_ssl": "0", "secret": "'$SECRET'"}}]}]}'
  run -0 runbook 12-webhook
  run -0 runbook uninstall --yes
  [ "$(github .orgs[0].hooks.length)" = 1 ]
}

@test "an empty or unusable file in secrets/ ends 10 and 12 with its finding, though the cluster has the Secret" {
  for file in hmac-token oauth-token; do
    setup_github_world
    printf '' >"secrets/$file"
    refused 12-webhook "secrets/$file is empty"
    run -1 runbook 12-webhook --plan
    says "secrets/$file is empty"
    printf 'short\n' >"secrets/$file"
    refused 12-webhook "secrets/$file is "
  done
  refused 10-labels 'secrets/oauth-token is '
}

@test "killed between the creation of the webhook and its record: the next run records it, and uninstall removes it" {
  watch_programs
  killed 2 before 12-webhook
  [ "$(github .orgs[0].hooks.length)" = 1 ]
  run -0 runbook 12-webhook
  says unchanged
  [ "$(github .orgs[0].hooks.length)" = 1 ]
  run -0 runbook uninstall --yes
  [ "$(github .orgs[0].hooks.length)" = 0 ]
  run -0 steps 02,03
  killed 2 before 12-webhook
  run -0 runbook uninstall --yes
  [ "$(github .orgs[0].hooks.length)" = 0 ]
}
