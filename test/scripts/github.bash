# A local GitHub and a program that answers as hook does, for a file of tests; and a world that uses them.

# For setup_file, after setup_cluster.
setup_github() {
  local name
  for name in github hook; do rm -f "$BATS_FILE_TMPDIR/$name.port"; done
  echo 0123456789012345678901234567890123456789 >"$BATS_FILE_TMPDIR/hook.hmac"
  node --import "$TSX" "$ROOT/lib/rehearsal/fakes/github/server.ts" --port-file "$BATS_FILE_TMPDIR/github.port" >"$BATS_FILE_TMPDIR/github.log" 2>&1 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/github.pid"
  node --import "$TSX" "$ROOT/test/fakes/hook.ts" --port-file "$BATS_FILE_TMPDIR/hook.port" --hmac-file "$BATS_FILE_TMPDIR/hook.hmac" >"$BATS_FILE_TMPDIR/hook.log" 2>&1 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/hook.pid"
  for name in github hook; do
    for _ in $(seq 100); do
      [ -s "$BATS_FILE_TMPDIR/$name.port" ] && break
      sleep 0.1
    done
    [ -s "$BATS_FILE_TMPDIR/$name.port" ] || { cat "$BATS_FILE_TMPDIR/$name.log"; return 1; }
  done
}

teardown_github() {
  kill "$(cat "$BATS_FILE_TMPDIR/github.pid")" "$(cat "$BATS_FILE_TMPDIR/hook.pid")" || true
}

# For setup, after setup_world: an organization and a bot with all rights.
setup_github_world() {
  API="http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/github.port")"
  TOKEN="ghp_$(printf %036d 1)"
  BOSS="ghp_$(printf %036d 2)"
  setting "GITHUB_API=$API" GITHUB_ORG=test-org GITHUB_CHECKS=on CHECKCONFIG=off WAIT_SECONDS=5
  printf '%s\n' "$TOKEN" >secrets/oauth-token
  cat "$BATS_FILE_TMPDIR/hook.hmac" >secrets/hmac-token
  chmod 600 secrets/*
  test_api reset '{}'
  seed '{
    "orgs": [{"login": "test-org", "members": {"boss": "admin", "prow-bot": "admin", "ann": "member"}}],
    "repos": [
      {"owner": "test-org", "name": "web", "private": true, "collaborators": {"prow-bot": "admin"}, "labels": [{"name": "LGTM", "color": "000000"}, {"name": "mine", "color": "ffffff"}]},
      {"owner": "test-org", "name": "old", "archived": true}
    ],
    "tokens": {
      "'"$TOKEN"'": {"kind": "classic", "login": "prow-bot", "scopes": ["repo", "admin:org", "admin:org_hook", "admin:repo_hook"]},
      "'"$BOSS"'": {"kind": "classic", "login": "boss", "scopes": ["repo", "read:org"]}
    },
    "reach": {"https://prow.rehearsal.example": "http://127.0.0.1:'"$(cat "$BATS_FILE_TMPDIR/hook.port")"'"}
  }'
  setting PROW_HOST=prow.rehearsal.example
  sed -i 's|^redirect_url:.*|redirect_url: "https://prow.rehearsal.example/github-login/redirect"|' secrets/github-oauth-config
}

test_api() {
  curl -sf -X POST "$API/_test/$1" -d "$2" >/dev/null
}

# Adds to what GitHub has: seed '{"repos": [...]}'
seed() {
  test_api seed "$1"
}

# A token, and what it is: token ghp_… '{"kind": "classic", …}'; it becomes the bot's.
token() {
  seed "{\"tokens\": {\"$1\": $2}}"
  printf '%s\n' "$1" >secrets/oauth-token
}

# What GitHub has now: github '.repos[0].labels.length'
github() {
  curl -sf "$API/_test/state" | json "$1"
}

# How many requests wanted to change something on GitHub; a ping changes nothing.
writes() {
  curl -sf "$API/_test/requests" | grep -o '^{"writes":[0-9]*' | cut -d: -f2
}

# That a step fails with each message and changes nothing anywhere: refused 03-secrets 'message' …
refused() {
  local script="$1" before written
  shift
  before="$(snapshot)"
  written="$(writes)"
  run -1 runbook "$script"
  says "$@"
  lacks '  created  ' '  changed  ' "    at "
  same "$before" "$(snapshot)"
  [ "$(writes)" = "$written" ]
}

# A labels.yaml of one's own: GitHub wants writes a second apart, and the template has forty labels.
few_labels() {
  mkdir -p config
  cp "$ROOT"/manifests/config/{config,plugins}.yaml config/
  cat >config/labels.yaml
}
