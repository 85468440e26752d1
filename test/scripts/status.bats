# How things stand, on one screen and for a bug report.
load helpers
setup_file() { setup_cluster; }
setup() { setup_world; after_steps all; }

@test "status shows everything on one screen, also as JSON and as a page" {
  run -0 runbook status
  says 'components      12 of 12 ready' 'ConfigMaps      config' 'findings        nothing is wrong' 'webhook         not read: GITHUB_CHECKS=off'
  [ "${#lines[@]}" -lt 24 ]
  kube scale deploy hook -n prow --replicas=0
  run -0 --separate-stderr runbook status --json --html page.html
  same 'bad 11 of 12 ready; not hook' "$(json '.status.lines.filter((one)=>one.name=="components").map((one)=>one.state+" "+one.value).join()' <<<"$output")"
  same 'Deployment prow/hook' "$(json '.findings[0].object' <<<"$output")"
  grep -q '<td><span>✖</span>11 of 12 ready; not hook</td>' page.html
  grep -q 'Deployment prow/hook is not ready: it is scaled to 0 replicas' page.html
  # Nothing is loaded from elsewhere.
  ! grep -E 'src=|href=|url\(' page.html
  run -1 runbook status --html /does/not/exist/page.html
  says '/does/not/exist/page.html cannot be written' 'Name another file'
}

@test "status --watch shows it again until Ctrl-C" {
  (exec 3>&-; become status --env "$WORLD/.env" --watch </dev/null >watched 2>&1) &
  pid=$!
  until [ "$(grep -c 'nothing is wrong' watched)" -ge 2 ]; do sleep 1; done
  kill -INT $pid
  wait $pid || same 130 $?
}

@test "bundle has what a bug report needs, and not one of a hundred secrets that are in all places" {
  mark() { printf 'MARKED-%03d-%s' "$1" "$(printf %s "$1" | sha256sum | cut -c1-12)"; }
  arguments() { for n in $(seq "$1" "$2"); do printf -- "$3\n" "$n" "$(mark "$n")"; done; }
  mapfile -t values < <(arguments 1 30 '--from-literal=key-%s=%s')
  kube create secret generic marked -n prow "${values[@]}"
  mapfile -t values < <(arguments 31 40 '--from-literal=key-%s=%s')
  kube create secret generic marked -n test-pods "${values[@]}"
  mapfile -t values < <(arguments 41 50 '--from-literal=key-%s=%s')
  kube create configmap marked -n prow "${values[@]}"
  mapfile -t values < <(arguments 51 60 'NAME_%s=%s')
  kube set env deploy/crier -n prow "${values[@]}"
  mapfile -t values < <(arguments 61 70 'note-%s=%s')
  kube annotate deploy/deck -n prow "${values[@]}"
  mapfile -t values < <(arguments 71 75 '--token-%s=%s')
  kube patch deploy tide -n prow --type=json -p "$(printf '%s\n' "${values[@]}" |
    node -e 'console.log(JSON.stringify(require("fs").readFileSync(0,"utf8").trim().split("\n").map((value)=>({op:"add",path:"/spec/template/spec/containers/0/args/-",value}))))')"
  mapfile -t values < <(arguments 76 80 'echo %s %s')
  kube run job -n test-pods --image=registry.example/job:1 --restart=Never -- sh -c "$(printf '%s;' "${values[@]}")"
  warn() {
    printf '{"apiVersion":"v1","kind":"Event","metadata":{"generateName":"marked-","namespace":"prow"},"type":"Warning","reason":"Failed",
      "involvedObject":{"kind":"Pod","name":"x","namespace":"prow"},"message":"%s"}' "$1" | kube create -f -
  }
  for n in $(seq 81 85); do warn "GET https://user:$(mark "$n")@example.com/: 403"; done
  for n in $(seq 86 90); do warn "Authorization: Bearer $(mark "$n")"; done
  kube patch configmap plugins -n prow -p "{\"data\": {\"plugins.yaml\": \"slack:\n  mergewarnings: []\nwelcome:\n- token: $(mark 91)\n  password: '$(mark 92)'\n\"}}"
  for n in $(seq 93 97); do mark "$n" >"secrets/file-$n"; done
  # Of files and Secrets, also where they are encoded or repeated.
  kube annotate deploy/hook -n prow "prow.k8s.io/one=$(mark 93 | base64)" "prow.k8s.io/two=$(mark 1)"
  kube create configmap config-copy -n prow --from-literal="text=$(mark 98)"
  kube scale deploy sinker -n prow --replicas=0
  AWS_SESSION_TOKEN="$(mark 99)" run -0 runbook bundle --output bundle.tgz
  says '/bundle.tgz, ' 'Read it before you send it'
  same 600 "$(stat -c %a bundle.tgz)"
  mkdir out
  tar -xzf bundle.tgz -C out
  # What is kept is there.
  grep -q '"crier"' out/prow-bundle/objects/Deployment.json
  grep -q '"key-7": "[0-9]* bytes"' out/prow-bundle/objects/Secret.json
  grep -q 'mergewarnings' out/prow-bundle/objects/ConfigMap.json
  grep -q '"id": "PRW-' out/prow-bundle/findings.json
  run -1 grep -rE 'MARKED|TUFSS0VE|1BUktFR|NQVJLRU' out
  no_secret_in out/prow-bundle/objects/*.json out/prow-bundle/*.json
  # An archive that is there is not overwritten.
  run -1 runbook bundle --output bundle.tgz
  says 'bundle.tgz cannot be written'
}
