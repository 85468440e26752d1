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
  after_steps 02
}

@test "a classic token is recognized, with the bot's name and scopes; no value is shown, and again changes nothing" {
  run -0 runbook 03-secrets --verbose
  says 'the bot is prow-bot: classic token, scopes repo, admin:org'
  lacks "$TOKEN"
  printf %s "$output" >out
  no_secret_in out
  settled 03-secrets
}

@test "a token without scopes is refused by name, with the page" {
  token "ghp_$(printf %036d 3)" '{"kind": "classic", "login": "prow-bot", "scopes": ["public_repo"]}'
  refused 03-secrets 'secrets/oauth-token lacks the scopes repo and read:org (it has public_repo)' 'https://github.com/settings/tokens'
}

@test "an expired, unknown or installation token is refused" {
  token "ghp_$(printf %036d 3)" '{"kind": "classic", "login": "prow-bot", "scopes": ["repo"], "expires_at": "2020-01-01T00:00:00Z"}'
  refused 03-secrets 'GitHub does not accept the token (Bad credentials)' 'Create another at https://github.com/settings/tokens'
  printf 'ghp_%036d\n' 9 >secrets/oauth-token
  refused 03-secrets 'GitHub does not accept the token'
  printf 'ghs_%036d\n' 9 >secrets/oauth-token
  refused 03-secrets 'is an installation token of an App, which expires within the hour'
}

@test "a token that expires soon is a warning, and is applied" {
  token "ghp_$(printf %036d 3)" '{"kind": "classic", "login": "prow-bot", "scopes": ["repo", "read:org"], "expires_at": "'"$(date -u -d '+3 days' +%Y-%m-%dT%H:%M:%SZ)"'"}'
  run -0 runbook 03-secrets
  says 'secrets/oauth-token expires on' 'Create another at'
}

# A fine-grained token with all that Prow wants, but for what is named: fine_grained contents members
fine_grained() {
  local rights='{"metadata": "read", "contents": "write", "issues": "write", "pull_requests": "write", "statuses": "write", "members": "read", "administration": "read", "repository_hooks": "write", "organization_hooks": "write"}' one
  for one in "$@"; do rights="$(sed "s/\"$one\": \"[a-z]*\",\? \?//" <<<"$rights")"; done
  rights="${rights/, \}/\}}"
  token "github_pat_$(printf %060d 3)" '{"kind": "fine-grained", "login": "prow-bot", "resource_owner": "'"${OWNER:-test-org}"'", "permissions": '"$rights${REPOSITORIES:+, \"repositories\": [$REPOSITORIES]}"'}'
}

@test "a fine-grained token is recognized, and what it may read is checked; what it can never have is a warning" {
  setting GITHUB_REPOS=web
  fine_grained
  run -0 runbook 03-secrets
  says 'the bot is prow-bot: fine-grained token' "the bot's token can read test-org/web" 'GitHub does not report whether it can write' \
    'cannot read check runs of test-org/web: Tide fails on each pull request that has one'
  lacks 'lacks the permission'
  setting GITHUB_REPOS=
  run -0 runbook 03-secrets
  says "the bot's token can read test-org/web"
  [ "$(writes)" = 0 ]
  setting GITHUB_REPOS=web,nowhere
  refused 03-secrets 'GitHub shows the bot prow-bot no repository test-org/nowhere'
}

@test "each permission that a fine-grained token lacks is named as on GitHub's page, and nothing is changed" {
  setting GITHUB_REPOS=web
  local page='at https://github.com/settings/personal-access-tokens'
  fine_grained contents issues pull_requests statuses members
  refused 03-secrets 'secrets/oauth-token lacks the permission Contents in test-org/web (clones; Tide merges)' \
    "Give it Repository permissions, Contents: Read and write $page" \
    'lacks the permission Issues in' "Issues: Read and write $page" 'lacks the permission Pull requests in' "Pull requests: Read and write $page" \
    'lacks the permission Commit statuses in' "Commit statuses: Read and write $page" \
    'secrets/oauth-token lacks the permission Members of test-org' "Organization permissions, Members: Read-only $page"
  refused 00-preflight 'lacks the permission Contents in test-org/web'
  fine_grained statuses
  refused 03-secrets 'lacks the permission Commit statuses in'
  lacks 'the permission Contents' 'the permission Issues' 'the permission Pull requests' 'the permission Members'
  fine_grained administration repository_hooks organization_hooks
  run -0 runbook 03-secrets
  says 'lacks the permission Administration in test-org/web (the plugin override' 'lacks the permission Webhooks in test-org/web (12-webhook)'
  setting GITHUB_REPOS=
  run -0 runbook 03-secrets
  says 'lacks the permission Webhooks of the organization (12-webhook)' 'Organization permissions, Webhooks: Read and write'
  setting WEBHOOK=none
  run -0 runbook 03-secrets
  lacks 'Webhooks'
}

@test "a fine-grained token of another owner, or not for this repository, is reported as such" {
  setting GITHUB_REPOS=open
  seed '{"repos": [{"owner": "test-org", "name": "open", "collaborators": {"prow-bot": "write"}}]}'
  OWNER=prow-bot fine_grained
  refused 03-secrets 'secrets/oauth-token does not reach test-org/open, though the bot prow-bot may write there' \
    'its resource owner must be test-org' 'https://github.com/organizations/test-org/settings/personal-access-token-requests'
  setting GITHUB_REPOS=
  refused 03-secrets 'does not reach test-org/'
  setting GITHUB_REPOS=open
  REPOSITORIES='"test-org/web"' fine_grained
  refused 03-secrets 'does not reach test-org/open'
  # Anybody reads what is public: what it says of a permission is nothing.
  REPOSITORIES='"test-org/open"' fine_grained contents
  run -0 runbook 03-secrets
  says "the permissions of the bot's token are not checked"
}

@test "a bot that is not a member of the organization cannot see private members: a warning with the page" {
  setting GITHUB_REPOS=web
  seed '{"orgs": [{"login": "test-org", "members": {"boss": "admin"}}]}'
  run -0 runbook 03-secrets
  says 'the bot prow-bot is not a member of test-org: it cannot see private members, so trigger does not trust them' 'https://github.com/orgs/test-org/people'
  fine_grained
  run -0 runbook 03-secrets
  says 'is not a member of test-org'
}

@test "the token that jobs clone with is checked too: one that is not accepted, cannot read, or may write is reported" {
  setting PRIVATE_CLONES=on GITHUB_REPOS=web
  printf 'github_pat_%060d\n' 7 >secrets/clone-token
  refused 03-secrets 'GitHub does not accept secrets/clone-token (Bad credentials)' 'with Contents: Read-only'
  seed '{"tokens": {"'"$(cat secrets/clone-token)"'": {"kind": "fine-grained", "login": "ann", "permissions": {}}}}'
  refused 03-secrets 'secrets/clone-token cannot read test-org/web, so jobs could not clone it'
  seed '{"tokens": {"'"$(cat secrets/clone-token)"'": {"kind": "fine-grained", "login": "ann", "permissions": {"contents": "read"}}}}'
  run -0 runbook 03-secrets
  lacks clone-token\ may
  printf %s "$BOSS" >secrets/clone-token
  run -0 runbook 03-secrets
  says 'secrets/clone-token may also write, and any job can mount it'
}

@test "login by a GitHub App instead of an OAuth App is a warning, and is applied" {
  sed -i 's|^client_id:.*|client_id: "Iv23liAbCdEfGhIjKlMn"|' secrets/github-oauth-config
  run -0 runbook 03-secrets
  says 'github-oauth-config has the client_id of a GitHub App, but Deck is made for an OAuth App'
  lacks Iv23li
  sed -i 's|^client_id:.*|client_id: "Ov23liAbCdEfGhIjKlMn"|' secrets/github-oauth-config
  run -0 runbook 03-secrets
  lacks 'of a GitHub App'
}

@test "mistakes in secret files are named, and nothing is changed" {
  local oauth='client_id: "1"\nclient_secret: "x"\nredirect_url: "https://prow.rehearsal.example'
  local map='- value: 0123456789abcdef\n  created_at: 2026-01-01T00:00:00Z\n'
  # put github-oauth-config 'text'
  put() { printf "$2\n" >"secrets/$1"; }
  put github-oauth-config "$oauth\""
  put s3-credentials '{"endpoint": "http://s:1", "access_key": "a", "secret_key": "b"}'
  put hmac-token "other:\n$map"
  refused 03-secrets 'github-oauth-config has a redirect_url other than https://prow.rehearsal.example/github-login/redirect' \
    's3-credentials lacks region' 'hmac-token has no entry for test-org and none for "*"'
  put github-oauth-config "${oauth/https/http}/github-login/redirect\""
  put s3-credentials '{"region": "a", "endpoint": "http://s:1", "accessKey": "a"}'
  put hmac-token "test-org:\n$map test-org/web: {}"
  refused 03-secrets 'github-oauth-config has a redirect_url other than' 's3-credentials has an unknown key accessKey' 'hmac-token is neither'
  put github-oauth-config "${oauth/\"1\"/1234567890}/github-login/redirect\""
  put s3-credentials '{"region": "a", "endpoint": "http://s:1"}'
  put hmac-token "\"*\":\n${map/2026/2999}"
  refused 03-secrets 'github-oauth-config has client_id without quotes: its digits would be read as a number' \
    's3-credentials lacks access_key and secret_key' 'hmac-token has a created_at for * that is in the future'
}

@test "a bot that may not write is refused with the page where it is invited" {
  seed '{"repos": [{"owner": "test-org", "name": "web", "collaborators": {}}], "orgs": [{"login": "test-org", "members": {"boss": "admin"}}]}'
  setting GITHUB_REPOS=web
  refused 03-secrets 'the bot prow-bot may not write to test-org/web' 'https://github.com/test-org/web/settings/access'
}

@test "single sign-on, a rate limit and a GitHub that does not answer are reported as such" {
  token "ghp_$(printf %036d 3)" '{"kind": "classic", "login": "prow-bot", "scopes": ["repo", "read:org"]}'
  seed '{"faults": [{"path": "^/user/memberships", "status": 403, "headers": {"X-GitHub-SSO": "required; url=https://github.com/orgs/test-org/sso?x"}, "body": {"message": "Resource protected by organization SAML enforcement."}, "times": 1}]}'
  refused 03-secrets 'requires single sign-on for this token' 'https://github.com/orgs/test-org/sso?x'
  seed '{"faults": [{"path": "^/user$", "status": 403, "headers": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1900000000"}, "body": {"message": "API rate limit exceeded"}, "times": 3}]}'
  refused 03-secrets 'the rate limit of GitHub is used up until'
  test_api reset '{}'
  setting GITHUB_API=http://127.0.0.1:64999
  run -1 runbook 03-secrets
  says 'GitHub at http://127.0.0.1:64999 does not answer: ECONNREFUSED' 'GITHUB_CHECKS=off'
}

@test "an App: its ID and key belong together, it is installed, its permissions and events are enough" {
  openssl genrsa -out secrets/github-app-key 2048 2>/dev/null
  setting GITHUB_AUTH=app GITHUB_APP_ID=77
  rm secrets/oauth-token
  app() {
    node -e 'const fs=require("fs"),c=require("crypto");const k=c.createPublicKey(fs.readFileSync("secrets/github-app-key")).export({type:"spki",format:"pem"});console.log(JSON.stringify({apps:[{id:77,slug:"our-prow",name:"Our Prow",owner:"test-org",public_key:k,...JSON.parse(process.argv[1])}]}))' "$1"
  }
  rights='{"metadata":"read","contents":"write","issues":"write","pull_requests":"write","statuses":"write","members":"read","checks":"read","actions":"read","administration":"read"}'
  events='["issues","issue_comment","pull_request","pull_request_review","pull_request_review_comment","push","status"]'
  refused 03-secrets "GitHub does not accept the App's key" 'GITHUB_APP_ID=77 and secrets/github-app-key belong together'
  seed "$(app "{\"permissions\":$rights,\"events\":$events}")"
  refused 03-secrets 'the App Our Prow is not installed in test-org' 'https://github.com/apps/our-prow/installations/new'
  seed "$(app "{\"permissions\":$rights,\"events\":$events,\"installations\":[{\"account\":\"test-org\",\"permissions\":{\"metadata\":\"read\",\"issues\":\"read\"},\"events\":[\"push\"]}]}")"
  refused 03-secrets 'lacks the permission contents: write (Tide merges; clones)' 'accept the request at' 'is not subscribed to issues, issue_comment'
  seed "$(app "{\"permissions\":$rights,\"events\":$events,\"installations\":[{\"account\":\"test-org\",\"suspended_at\":\"2026-01-01T00:00:00Z\"}]}")"
  refused 03-secrets 'is suspended'
  seed "$(app "{\"permissions\":$rights,\"events\":$events,\"installations\":[{\"account\":\"test-org\"}]}")"
  run -0 runbook 03-secrets
  says 'the App is Our Prow, installed in test-org (all repositories)'
  [ "$(secret prow github-token appid)" = 77 ]
  settled 03-secrets
  openssl ecparam -genkey -name prime256v1 -noout -out secrets/github-app-key
  refused 03-secrets 'secrets/github-app-key is a key, but not an RSA key'
}

@test "every unusable content is refused by name, all at once, before anything is written" {
  printf 'short\n' >secrets/hmac-token
  printf '%024d\n' 7 >secrets/cookie
  printf 'client_id:123\nclient_secret: "x"\n' >secrets/github-oauth-config
  printf 'ghp_12 34\n' >secrets/oauth-token
  printf '{"region":"a","endpoint":"store:9000","access_key":"a","secret_key":"b"}' >secrets/s3-credentials
  refused 03-secrets 'hmac-token is shorter than 16' 'cookie is not the base64 of 32' 'github-oauth-config needs a space after client_id:' \
    'oauth-token has more than one word' 's3-credentials has an endpoint without http'
}

@test "an unfilled copy of an example is refused by name" {
  setting PRIVATE_CLONES=on
  rm secrets/*
  cp "$ROOT"/secrets.example/* secrets/
  refused 03-secrets hmac-token cookie oauth-token github-oauth-config s3-credentials clone-token 'still contains the text of the example'
}

@test "file and cluster differ: both fingerprints are shown, the file wins, or the cluster with --prefer cluster" {
  runbook 03-secrets
  old="$(secret prow hmac-token hmac)"
  printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n' >secrets/hmac-token
  run -2 runbook 03-secrets --plan
  says 'would change' "the cluster had $(printf %s "$old" | sha256sum | cut -c1-8)"
  run -0 runbook 03-secrets --prefer cluster
  says 'from the cluster; ' 'secrets/hmac-token had' 'secrets/hmac-token.replaced'
  [ "$(cat secrets/hmac-token)" = "$old" ]
  [ "$(cat secrets/hmac-token.replaced)" = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ]
  printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n' >secrets/hmac-token
  run -0 runbook 03-secrets
  says changed
  [ "$(secret prow hmac-token hmac)" = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ]
  # A second time the file that the first time has kept is still there.
  printf 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n' >secrets/hmac-token
  run -0 runbook 03-secrets --prefer cluster
  [ "$(cat secrets/hmac-token secrets/hmac-token.replaced | xargs)" = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' ]
  [ "$(cat secrets/hmac-token.replaced-2)" = bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ]
  run -64 runbook 03-secrets --prefer both
}

@test "Secrets created by hand with the guide's commands are adopted, not recreated" {
  rm secrets/*
  kube create secret generic hmac-token -n prow --from-literal=hmac=0123456789012345678901234567890123456789
  kube create secret generic cookie -n prow --from-literal=secret="$(openssl rand -base64 32)"
  kube create secret generic oauth-token -n prow --from-literal=oauth="$TOKEN"
  kube create secret generic github-oauth-config -n prow --from-literal=secret="$(printf 'client_id: "1"\nclient_secret: "x"\nredirect_url: "https://prow.rehearsal.example/github-login/redirect"')"
  kube create secret generic s3-credentials -n prow --from-file=service-account.json="$CLUSTER/secrets/s3-credentials"
  run -0 runbook 03-secrets
  says 'existed, adopted' 'the bot is prow-bot'
  [ "$(secret prow hmac-token hmac)" = 0123456789012345678901234567890123456789 ]
  settled 03-secrets
}

@test "GITHUB_CHECKS=off: GitHub gets no request, and a line shows it" {
  setting GITHUB_CHECKS=off GITHUB_API=http://127.0.0.1:9
  run -0 runbook 03-secrets
  says 'credentials on GitHub' 'GITHUB_CHECKS=off'
}

@test "a Secret created by hand with another key is reported as such" {
  rm secrets/oauth-token
  kube create secret generic oauth-token -n prow --from-literal=token="$TOKEN"
  refused 03-secrets 'Secret prow/oauth-token has no key oauth (it has token)'
}
