# What GitHub has: the webhook, its deliveries, the bot, the rules of branches. Each fault is the first finding, and
# nothing else is blamed; a pull request is followed all the way.
load helpers
load github
load doctor
setup_file() {
  setup_cluster
  setup_github
  world "$BATS_FILE_TMPDIR/world"
  setup_github_world
  setting GITHUB_REPOS=web WEBHOOK=organisation WAIT_SECONDS=120
  # GitHub wants writes a second apart, and there are forty labels.
  runbook install-all --skip 10,13 >install.log 2>&1 || { tail -40 install.log; return 1; }
}
teardown_file() { teardown_github; }
# What GitHub has is as 12-webhook left it, whatever a test has done to it.
setup() {
  enter_world
  healthy
}
healthy() {
  setup_github_world
  setting GITHUB_REPOS=web WEBHOOK=organisation WAIT_SECONDS=120
  webhook '{}'
  ping
}

# The webhook of the organization, with fields of its own: webhook '{"active": false}'
webhook() {
  local one
  one="$(node -e 'const given = JSON.parse(process.argv[1]); console.log(JSON.stringify({id: 7, events: ["*"], ...given, config: {url: "https://prow.rehearsal.example/hook", content_type: "json", secret: "0123456789012345678901234567890123456789", ...given.config}}))' "$1")"
  seed '{"orgs": [{"login": "test-org", "members": {"boss": "admin", "prow-bot": "admin", "ann": "member"}, "hooks": ['"$one${2:+, $2}"']}]}'
}
ping() {
  curl -sf -X POST -H "authorization: token $TOKEN" "$API/orgs/test-org/hooks/7/pings"
  test_api settle '{}'
}
fault() { seed '{"faults": ['"$1"']}'; }

@test "a healthy installation has no finding" {
  expect_healthy
  [ "$(runbook doctor --json 2>/dev/null | json '.processes.kubectl')" = 3 ]
}

@test "the webhook is absent, switched off, or delivers in another form or to too few events" {
  seed '{"orgs": [{"login": "test-org", "members": {"prow-bot": "admin"}, "hooks": [{"config": {"url": "https://old.example.com/hook"}}]}]}'
  expect_finding PRW-GH-001
  run -2 runbook doctor
  says 'no webhook of test-org delivers to' 'One delivers to https://old.example.com/hook' 12-webhook
  for one in '{"active": false}' '{"events": ["push"]}' '{"config": {"url": "http://prow.rehearsal.example/hook"}}'; do
    webhook "$one"
    expect_finding PRW-GH-002
  done
  # What hook answers to it follows from it.
  webhook '{"config": {"content_type": "form"}}'
  ping
  expect_finding PRW-GH-002
  webhook '{"config": {"insecure_ssl": "1"}}'
  expect_finding PRW-GH-014
}

@test "a second webhook delivers the same" {
  seed '{"repos": [{"owner": "test-org", "name": "web", "private": true, "collaborators": {"prow-bot": "admin"}, "hooks": [{"events": ["push"], "config": {"url": "https://prow.rehearsal.example/hook", "content_type": "json"}}]}]}'
  expect_finding PRW-GH-003
  run -2 runbook doctor
  says 'the webhook of test-org/web' 'handled twice'
}

@test "hook refuses deliveries, or nobody answers them" {
  webhook '{"config": {"secret": "another"}}'
  ping
  expect_finding PRW-GH-004
  run -2 runbook doctor
  says '1 of the last 1 deliveries' 'the signature is not valid' 03-secrets
  healthy
  seed '{"reach": {"https://prow.rehearsal.example": "http://127.0.0.1:1"}}'
  ping
  expect_finding PRW-GH-005
  run -2 runbook doctor
  says 'cannot be reached by GitHub'
  # The root is what is behind it.
  kube scale deploy/hook -n prow --replicas=0
  expect_finding PRW-POD-001
  run -2 runbook doctor
  says 'Follows from it: Service prow/hook, deliveries of the webhook of test-org'
  runbook 08-prow
  healthy
  seed '{"reach": {"https://prow.rehearsal.example": "http://127.0.0.1:1"}}'
  for _ in 1 2 3; do ping; done
  seed '{"reach": {"https://prow.rehearsal.example": "http://127.0.0.1:'"$(cat "$BATS_FILE_TMPDIR/hook.port")"'"}}'
  ping
  expect_finding PRW-GH-013
  run -2 runbook doctor
  says '3 of the last 5 failed'
  [ -z "$(ids --ignore PRW-GH-013)" ]
}

@test "the bot: its token, its rights, its rate limit" {
  seed '{"tokens": {"'"$TOKEN"'": {"kind": "classic", "login": "prow-bot", "scopes": ["repo", "admin:org", "admin:org_hook"], "expires_at": "'"$(date -u -d '+5 days' +%Y-%m-%dT%H:%M:%SZ)"'"}}}'
  expect_finding PRW-GH-012
  run -2 runbook doctor
  says 'Secret prow/oauth-token expires on' 'in 4 days'
  healthy
  fault '{"path": "^/user$", "status": 401, "body": {"message": "Bad credentials"}}'
  expect_finding PRW-GH-020
  run -2 runbook doctor
  says 'GitHub does not accept the token (Bad credentials)'
  healthy
  fault '{"path": "^/(orgs|repos)/", "status": 403, "body": {"message": "Although you appear to have the correct authorization credentials, the `test-org` organization has an IP allow list enabled, and your IP address is not permitted to access this resource."}}'
  expect_finding PRW-GH-022
  run -2 runbook doctor
  says 'test-org has an IP allow list' 'NAT gateways'
  lacks 'scope repo'
  healthy
  seed '{"orgs": [{"login": "test-org", "members": {"prow-bot": "member"}}], "repos": [{"owner": "test-org", "name": "web", "private": true}]}'
  [[ "$(ids)" == 'PRW-GH-009'* ]]
  healthy
  fault '{"path": "^/rate_limit$", "status": 200, "body": {"resources": {"core": {"limit": 5000, "remaining": 40, "reset": 1900000000}}}}'
  expect_finding PRW-GH-011
  run -2 runbook doctor
  says 'the bot has 40 of 5000 requests' 'tide.sync_period'
}

# The repository web, with fields of its own.
web() {
  seed '{"repos": [{"owner": "test-org", "name": "web", "private": true, "collaborators": {"prow-bot": "admin"}, '"$1"'}]}'
}

@test "rules of GitHub that keep Tide from merging" {
  web '"archived": true'
  expect_finding PRW-GH-010
  web '"protection": {"heads/main": {"required_status_checks": {"contexts": ["tide", "ci/circleci"]}}}'
  expect_finding PRW-TID-001
  run -2 runbook doctor
  says 'the status ci/circleci' 'nobody reports it'
  web '"allow_squash_merge": false'
  expect_finding PRW-TID-002
  web '"protection": {"heads/main": {"required_status_checks": {"strict": true, "contexts": []}}}'
  expect_finding PRW-TID-004
  web '"protection": {"heads/main": {"required_pull_request_reviews": {"required_approving_review_count": 2}}}'
  expect_finding PRW-TID-005
  run -2 runbook doctor
  says '2 approving reviews' 'reviewApprovedRequired: true'
  web '"rulesets": [{"id": 5, "rules": [{"type": "merge_queue"}]}]'
  expect_finding PRW-TID-008
  web '"rulesets": [{"id": 5, "current_user_can_bypass": "always", "rules": [{"type": "merge_queue"}]}]'
  expect_healthy
  web '"protection": {"heads/main": {"lock_branch": {"enabled": true}}}'
  expect_finding PRW-TID-009
  web '"protection": {"heads/main": {"restrictions": {"users": [{"login": "boss"}], "apps": [], "teams": []}}}'
  expect_finding PRW-TID-011
}

# A pull request of the web, of which GitHub has delivered the event.
pull() {
  SHA=0123456789012345678901234567890123456789
  web '"issues": [{"number": 12, "title": "Add a page", "user": "ann", "labels": ['"${1:-}"'], "pull": {"base": {"ref": "main", "sha": "b"}, "head": {"ref": "page", "sha": "'"$SHA"'"}}}]'
  curl -sf -X POST -H "authorization: token $BOSS" "$API/repos/test-org/web/issues/12/comments" -d '{"body": "/test unit"}' >/dev/null
  test_api settle '{}'
}
guid() { github '.orgs[0].hooks[0].deliveries.at(-1).guid'; }

@test "a pull request is followed from its event to its merge, and where it stops" {
  run -2 runbook doctor --pr test-org/web#12
  says 'GitHub shows the bot no pull request test-org/web#12'
  pull
  run -2 runbook doctor --pr test-org/web#12
  says '"Add a page" by ann, open' 'issue_comment created: hook answered 200' "no job of test-org/web is in the cluster's configuration" 'it is at: Tide' 'lacks lgtm, approved'
  prow_job job error 10 '' '{"description": "Pod can not be created: pods is forbidden: exceeded quota: small"}'
  kube label prowjob job -n prow --overwrite event-GUID="$(guid)"
  run -2 runbook doctor --pr test-org/web#12
  says 'hook answered 200' 'it stopped at: result' 'exceeded quota: small' 'Raise ResourceQuota small'
  prow_job job success 10 '' '{"build_id": "1", "description": "Job succeeded.", "url": "https://prow/view/1", "prev_report_states": {"github-reporter": "success", "gcsreporter": "success"}}'
  run -2 runbook doctor --pr https://github.com/test-org/web/pull/12
  says 'GitHub has no status unit'
  curl -sf -X POST -H "authorization: token $TOKEN" "$API/repos/test-org/web/statuses/$SHA" -d '{"state": "success", "context": "unit"}' >/dev/null
  run -2 runbook doctor --pr test-org/web#12
  says 'GitHub shows unit: success' 'it is at: Tide'
  # The event itself is refused.
  no_jobs
  webhook '{"config": {"secret": "another"}}'
  pull
  run -2 runbook doctor --pr test-org/web#12
  says 'it stopped at: delivery' PRW-GH-004
  lacks 'Tide '
}

@test "a pull request that went all the way" {
  pull '"lgtm", "approved"'
  run -2 runbook doctor --pr test-org/web#12
  says 'nothing is in its way' 'tide.sync_period: 1m'
  curl -sf -X PUT -H "authorization: token $TOKEN" "$API/repos/test-org/web/pulls/12/merge" -d '{"merge_method": "squash"}' >/dev/null
  run -0 runbook doctor --pr test-org/web#12
  says 'merged into main' 'it went all the way'
  [ "$(runbook doctor --pr test-org/web#12 --json 2>/dev/null | json .arrived)" = true ]
}
