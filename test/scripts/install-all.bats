load helpers
setup_file() { setup_cluster; }
setup() { setup_world; }

@test "installs everything on an empty cluster; 13-verify finds it all; again changes nothing, and a plan finds nothing to do" {
  # Every step once as `npx tsx` starts it.
  from_sources
  empty_cluster
  run -0 --separate-stderr runbook install-all --json
  [ "$(json '.counts.created > 35' <<<"$output")" = true ]
  # 6 before the first change, one for each request of a step, a watch for each kind in a namespace, 5 for 13-verify.
  [ "$(json '.processes.kubectl <= 27' <<<"$output")" = true ]
  [ "$(json '.steps.length' <<<"$output")" = 14 ]
  [[ "$stderr" == *'done: 14 steps'* ]]
  run -0 runbook 13-verify
  says '08-prow' 'checks passed'
  # Everything carries the label, and nothing else does.
  same '' "$(kube get secrets,configmaps,serviceaccounts,roles,rolebindings,deployments,services,persistentvolumeclaims,ingresses,jobs,cronjobs -n prow -l 'app.kubernetes.io/managed-by!=prow-runbook' -o name | grep -v -e /kube-root-ca -e /default$)"
  settled install-all
  # What would change nothing is not applied: kubectl only reads, once before and once for 13-verify.
  run -0 --separate-stderr runbook install-all --json
  [ "$(json '.counts.created ?? 0' <<<"$output")" = 0 ]
  [ "$(json '.processes.kubectl' <<<"$output")" = 11 ]
}

# The messages of what a run with --json found, one a line.
problems() {
  json '.problems.map((one)=>one.message+" -> "+one.remedy).join("\n")'
}

@test "13-verify reports what is missing or other than it should be, with the script that corrects it" {
  after_steps all
  kube delete secret cookie -n prow
  kube delete deploy tide -n prow
  kube delete role sinker -n test-pods
  kube scale deploy hook -n prow --replicas=0
  # Each of these exists, and does not serve.
  kube patch role crier -n prow --type=json -p '[{"op":"replace","path":"/rules/0/verbs","value":["get"]}]'
  kube patch rolebinding deck -n prow --type=json -p '[{"op":"replace","path":"/subjects/0/name","value":"somebody"}]'
  run -1 --separate-stderr runbook 13-verify --json
  found="$(problems <<<"$output")"
  for one in 'Secret prow/cookie.*/03-secrets' 'Deployment prow/tide does not exist.*/08-prow' \
    'Role test-pods/sinker does not exist.*/08-prow' 'Deployment prow/hook is not ready: it is scaled to 0 replicas.*/08-prow' \
    'Role prow/crier differs from the manifest.*/08-prow' 'RoleBinding prow/deck differs from the manifest.*/08-prow'; do
    grep -E "$one" <<<"$found" || { echo "nothing reports: $one"; echo "$found"; return 1; }
  done
  run -0 runbook install-all
  run -0 runbook 13-verify
}

@test "13-verify reports everything that does not exist, and the script that creates it" {
  after_steps 02
  run -1 runbook 13-verify
  for script in 03-secrets 04-crd 05-service-accounts 06-config 08-prow 09-pushgateway 11-ingress; do
    says "npx tsx scripts/$script.ts"
  done
}

@test "13-verify checks what its reader may read, and says what it could not look at" {
  after_steps all
  kube create clusterrolebinding viewer --clusterrole=view --user=viewer
  kube config view --raw -o json | json '.users[0].user.as="viewer",it' >viewer.conf
  setting "KUBECONFIG_FILE=$WORLD/viewer.conf"
  kube scale deploy hook -n prow --replicas=0
  run -1 runbook 13-verify
  says 'Deployment prow/hook is not ready: it is scaled to 0 replicas' 'secrets in prow could not be read' \
    'checks were not made, because what they look at could not be read'
  lacks 'Secret prow/cookie does not exist' 'nobody has' '    at '
  kube delete clusterrolebinding viewer
}

@test "--from, --only and --skip choose the steps" {
  empty_cluster
  runbook install-all --only 02
  run -0 runbook install-all --only 2,03-secrets --only 04
  says 'done: 3 steps' '02-namespaces' '03-secrets' '04-crd'
  run -0 runbook install-all --from 12 --skip 13
  says 'done: 1 step' '12-webhook'
  run -0 runbook install-all --from 02 --only 03,01
  says 'done: 1 step'
}

@test "a failure in the middle stops there, with what is done and the line that resumes, which works" {
  empty_cluster
  mkdir -p config
  run -1 runbook install-all --from 02
  says '06-config changed nothing' "Then resume with:  npm run install:all -- --from 06 --env $WORLD/.env" 'stopped: 5 steps'
  rmdir config
  run -0 runbook install-all --from 06
  run -0 runbook 13-verify
}

@test "killed at writes all over it and run again it completes, and no secret is generated twice" {
  empty_cluster
  watch_programs
  for at in '2 after' '4 before' '4 after' '6 after'; do
    # shellcheck disable=SC2086
    killed $at install-all --from 02
  done
  hmac="$(secret prow hmac-token hmac)"
  unset KILL_AT
  run -0 runbook install-all
  same "$hmac" "$(secret prow hmac-token hmac)"
  same "$hmac" "$(cat secrets/hmac-token)"
  run -0 runbook 13-verify
  settled install-all
}

@test "no secret is in any output, argument, environment, annotation or object that is no Secret" {
  empty_cluster
  watch_programs
  mkdir tmp out
  export TMPDIR="$WORLD/tmp"
  runbook install-all --verbose --json >out/all 2>&1
  setting OAUTH=off PROW_HOST=other.example.com
  runbook install-all --plan --verbose --json >out/plan 2>&1 || [ $? -eq 2 ]
  sleep 1
  kube get "${KINDS/secrets,/}",events -A -o json >out/others
  kube get secrets -A -o jsonpath='{range .items[*]}{.metadata}{"\n"}{end}' >out/metadata
  no_secret_in out argv tmp home
}

@test "~/.kube, ~/.kwok and the home folder of the operator are left alone" {
  empty_cluster
  # Without a cache folder set, as people have it.
  unset KUBECACHEDIR
  mkdir -p home/.kube
  printf 'not a kubeconfig\n' >home/.kube/config
  HOME="$WORLD/home" node --import "$TSX" "$ROOT/scripts/install-all.ts" --env "$WORLD/.env" --only 02,03 </dev/null
  [ "$(cat home/.kube/config)" = 'not a kubeconfig' ]
  same 'home/.cache home/.kube ' "$(find home -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')"
  same 'home/.kube/config' "$(find home/.kube -type f)"
}
