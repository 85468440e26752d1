load helpers
load github
setup_file() {
  setup_cluster
  setup_github
  world "$BATS_FILE_TMPDIR/first"
  setup_github_world
  steps 02,03
}
teardown_file() {
  teardown_github
  teardown_cluster
}
setup() {
  setup_world
  setup_github_world
}
SECRET=0123456789012345678901234567890123456789

@test "the organisation's webhook is created, pinged, and the delivery seen as 200; again changes nothing" {
  run -2 runbook 12-webhook --plan
  says 'would create'
  [ "$(writes)" = 0 ]
  run -0 runbook 12-webhook
  says 'webhook of test-org' created "GitHub's ping reached hook: 200" \
    'this machine does not reach https://prow.rehearsal.example/hook (ENOTFOUND); GitHub does'
  lacks 'from here'
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

@test "a webhook that was made by hand is found by its address and corrected" {
  seed '{"orgs": [{"login": "test-org", "members": {"prow-bot": "admin"}, "hooks": [{"active": false, "events": ["push", "release"], "config": {"url": "http://prow.rehearsal.example/hook/", "content_type": "form", "insecure_ssl": "1", "secret": "old"}}]}]}'
  run -2 runbook 12-webhook --plan
  says 'would change' config.content_type config.insecure_ssl active events '- http://prow.rehearsal.example/hook/'
  run -0 runbook 12-webhook
  says changed '200 in the deliveries'
  [ "$(github .orgs[0].hooks.length)" = 1 ]
  [ "$(github .orgs[0].hooks[0].config.url)" = https://prow.rehearsal.example/hook ]
  [ "$(github .orgs[0].hooks[0].config.secret)" = $SECRET ]
  [ "$(github '.orgs[0].hooks[0].events.includes("release")')" = true ]
}

@test "another secret on GitHub is found out by the ping, and corrected" {
  seed '{"orgs": [{"login": "test-org", "members": {"prow-bot": "admin"}, "hooks": [{"events": ["*"], "config": {"url": "https://prow.rehearsal.example/hook", "content_type": "json", "secret": "another-one"}}]}]}'
  run -0 runbook 12-webhook
  says 'secret of the webhook of test-org' changed '200 in the deliveries'
  [ "$(github .orgs[0].hooks[0].config.secret)" = $SECRET ]
}

@test "each of GITHUB_REPOS has its own; a second one to the same address is told" {
  setting GITHUB_REPOS=web
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {"prow-bot": "admin"}, "hooks": [{"events": ["push"], "config": {"url": "http://prow.rehearsal.example/hook", "content_type": "json"}}, {"events": ["issues"], "config": {"url": "https://prow.rehearsal.example/hook", "content_type": "json"}}]}]}'
  run -0 runbook 12-webhook
  says 'webhook of test-org/web' changed 'each event would run twice' 'https://github.com/test-org/web/settings/hooks'
  [ "$(github .orgs[0].hooks.length)" = 0 ]
}

@test "without the right: the scope and the page are named, and nothing is written" {
  token "ghp_$(printf %036d 5)" '{"kind": "classic", "login": "prow-bot", "scopes": ["repo", "read:org"]}'
  before="$(snapshot)"
  run -1 runbook 12-webhook
  says 'GitHub does not let us see and change the webhooks of test-org' 'scope admin:org_hook at https://github.com/settings/tokens' '12-webhook wrote nothing'
  [ "$(writes)" = 0 ]
  same "$before" "$(snapshot)"
}

@test "hook behind GitHub does not answer: what that means is said, with GitHub's own list" {
  seed '{"reach": {"https://prow.rehearsal.example": "http://127.0.0.1:64999"}}'
  run -1 runbook 12-webhook
  says 'is not reached by GitHub' 'HOOK_CIDRS' 'organizations/test-org/settings/hooks, Recent Deliveries' 'from here'
}

@test "a way in that leads nowhere yet is pinged again until it does" {
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
  says '200 in the deliveries'
}

@test "an App's one webhook is set, and none is made besides; a refused delivery sends the secret" {
  openssl genrsa -out secrets/github-app-key 2048 2>/dev/null
  setting GITHUB_AUTH=app GITHUB_APP_ID=77
  key="$(openssl rsa -in secrets/github-app-key -pubout 2>/dev/null | node -e 'console.log(JSON.stringify(require("fs").readFileSync(0,"utf8")))')"
  rights='"permissions": {"metadata":"read","contents":"write","issues":"write","pull_requests":"write","statuses":"write","members":"read","checks":"read","actions":"read","administration":"read"}, "events": ["issues","issue_comment","pull_request","pull_request_review","pull_request_review_comment","push","status"]'
  seed '{"apps": [{"id": 77, "slug": "our-prow", "name": "Our Prow", "public_key": '"$key"', '"$rights"', "installations": [{"account": "test-org"}]}]}'
  runbook 03-secrets
  run -0 runbook 12-webhook
  says "the App's webhook" changed "GitHub has no ping for an App's webhook"
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

@test "labels: the difference is shown, then written; renamed by previously, recoloured; what is not ours stays" {
  few_labels <<'YAML'
default:
  labels:
    - {name: lgtm, color: "15dd18", description: Looks good., target: prs}
    - {name: kind/bug, color: "e11d21", description: A bug., target: both, previously: [{name: bug}]}
    - {name: new one, color: "ffffff", description: New., target: both}
    - {name: doomed, color: "ffffff", description: Gone., target: both, deleteAfter: 2020-01-01T00:00:00Z}
YAML
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {"prow-bot": "admin"}, "labels": [{"name": "LGTM", "color": "000000"}, {"name": "bug", "color": "e11d21"}, "mine", "doomed"]}]}'
  run -2 runbook 10-labels --plan
  says 'would change' '- LGTM #000000' '+ lgtm #15dd18 Looks good.' '+ kind/bug #e11d21' '+ new one'
  [ "$(writes)" = 0 ]
  run -0 runbook 10-labels
  says 'labels of test-org/web' changed 'doomed in web are to go' LABELS_DELETE=on
  [ "$(github '.repos[0].labels.map((one) => one.name).join()')" = 'lgtm,kind/bug,mine,doomed,new one' ]
  before="$(writes)"
  run -0 runbook 10-labels
  [ "$(writes)" = "$before" ]
  setting LABELS_DELETE=on
  runbook 10-labels
  [ "$(github '.repos[0].labels.some((one) => one.name === "doomed")')" = false ]
}

@test "over a hundred labels are read page by page; a bad labels.yaml is refused with its line; a missing right names the scope" {
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
  refused 10-labels 'labels.yaml:3 has a with the color 000000, which is read as a number' 'labels.yaml:4 has A twice' 'labels.yaml:4 has A with the color #ffffff' 'labels.yaml:5 has labels at the top'
  echo 'default: {labels: [{name: l249, color: "15dd18"}]}' | few_labels
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {"prow-bot": "read"}}]}'
  seed '{"orgs": [{"login": "test-org", "members": {"boss": "admin"}}]}'
  run -1 runbook 10-labels
  says 'GitHub does not let us write the labels of test-org/web' 'scope repo'
}

@test "switched off, GitHub is left alone and a line says so" {
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

@test "uninstall removes the webhook that the runbook created, and leaves one that was there" {
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
  run -0 steps 02,03
}
