load helpers
setup_file() { setup_cluster; }
setup() { setup_world; }

NAMES='crier deck ghproxy hook horologium object-store prow-controller-manager sinker statusreconciler tide'

args() { kube get deploy "$1" -n prow -o jsonpath='{.spec.template.spec.containers[0].args}'; }

@test "creates every component and waits until all are ready, and PVCs are bound; again changes nothing" {
  after_steps 02,03,04,05,06
  run -0 runbook 08-prow
  says '10 created'
  same "$NAMES" "$(kube get deploy -n prow -o jsonpath='{.items[*].metadata.name}')"
  run ! grep -v 'True' <(kube get deploy -n prow -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="Available")].status}{"\n"}{end}')
  same 'Bound Bound' "$(kube get pvc -n prow -o jsonpath='{.items[*].status.phase}')"
  settled 08-prow
}

@test "what is mounted exists, and no account has more permissions than it needs" {
  after_steps 02,03,04,05,06,08
  # Nobody may read secrets or make pods in prow, and nobody has a right in the whole cluster.
  run ! grep prow-runbook <(kube get clusterroles,clusterrolebindings -l app.kubernetes.io/managed-by=prow-runbook -o name)
  for name in hook deck tide horologium sinker crier prow-controller-manager statusreconciler; do
    [ "$(kube auth can-i get secrets -n prow --as "system:serviceaccount:prow:$name" || true)" = no ]
    [ "$(kube auth can-i create pods -n prow --as "system:serviceaccount:prow:$name" || true)" = no ]
  done
  [ "$(kube auth can-i create pods -n test-pods --as system:serviceaccount:prow:prow-controller-manager)" = yes ]
  [ "$(kube auth can-i create prowjobs.prow.k8s.io -n prow --as system:serviceaccount:prow:deck)" = yes ]
  [ "$(kube auth can-i get configmaps -n prow --as system:serviceaccount:test-pods:prow-jobs || true)" = no ]
}

@test "a Secret that Deck reads only when it starts is followed by new pods of Deck, and of no other" {
  after_steps 02,03,04,05,06,08
  restarts() { kube get deploy -n prow -o jsonpath='{range .items[*]}{.metadata.name} {.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}{"\n"}{end}' | awk 'NF == 2'; }
  openssl rand -base64 32 >secrets/cookie
  run -2 runbook 03-secrets --plan
  says 'restart for new Secrets           would change  deck' 'started with an older cookie'
  same '' "$(restarts)"
  run -0 runbook 03-secrets
  says 'restart for new Secrets           changed       deck'
  same deck "$(restarts | cut -d' ' -f1)"
  no_secret_in <(kube get deploy -n prow -o yaml)
  settled 03-secrets
  settled 08-prow
  # A run that was cut off before the pods, or somebody's kubectl: it is seen, and finished.
  before="$(restarts)"
  kube patch secret github-oauth-config -n prow -p '{"stringData": {"secret": "client_id: \"1\"\nclient_secret: \"2\"\nredirect_url: \"https://prow.rehearsal.example/github-login/redirect\"\n"}}'
  run -1 runbook 13-verify
  says '✖ deck runs with an older github-oauth-config' 'Run npx tsx scripts/03-secrets.ts'
  rm secrets/github-oauth-config
  sleep 1 # The time of a restart has whole seconds.
  run -0 runbook 03-secrets
  says 'restart for new Secrets           changed       deck'
  [ "$(restarts)" != "$before" ]
  # The bucket's key is read by four, the hmac by hook whenever it changes.
  sed -i 's/"secret_key": *"[^"]*"/"secret_key": "another-secret-key"/' secrets/s3-credentials
  sleep 1
  run -0 runbook 03-secrets
  says 'restart for new Secrets           changed       crier, deck, object-store, statusreconciler, tide'
  openssl rand -hex 20 >secrets/hmac-token
  run -0 runbook 03-secrets
  says 'hmac-token in prow                changed'
  lacks 'restart for new Secrets'
}

@test "corrected settings take effect, each where it belongs, and nothing is recreated" {
  after_steps 02,03,04,05,06,08
  before="$(kube get deploy,svc,pvc,role -n prow -o jsonpath='{.items[*].metadata.uid}')"
  setting PROW_IMAGE_TAG=v20260101-abcdef123 OAUTH=off GITHUB_API=https://ghe.example.com/api/v3 GITHUB_HOST=ghe.example.com
  run -2 runbook 08-prow --plan
  says 'would change' 'v20260101-abcdef123' '- create' 'would remove'
  run -0 runbook 08-prow
  says changed 'github-oauth-config in prow' removed
  run ! grep -v v20260101-abcdef123 <(kube get deploy -n prow -l 'app notin (object-store,ghproxy)' -o jsonpath='{range .items[*]}{.spec.template.spec.containers[*].image}{"\n"}{end}')
  [[ "$(args deck)" != *oauth-url* && "$(args deck)" == *https://ghe.example.com/api/graphql* ]]
  [ "$(kube auth can-i create prowjobs.prow.k8s.io -n prow --as system:serviceaccount:prow:deck || true)" = no ]
  # Nothing mounts them any more.
  run ! kube get secret github-oauth-config -n prow
  same "$before" "$(kube get deploy,svc,pvc,role -n prow -o jsonpath='{.items[*].metadata.uid}')"
  settled 08-prow
}

@test "from a token to a GitHub App: the App's key is mounted and the token is removed" {
  after_steps 02,03,04,05,06,08
  setting GITHUB_AUTH=app GITHUB_APP_ID=4711
  run -1 runbook 08-prow
  says 'Secret prow/github-token does not exist' 'npx tsx scripts/03-secrets.ts'
  openssl genrsa 2048 >secrets/github-app-key 2>/dev/null
  runbook 03-secrets
  # Still mounted until the components are changed.
  kube get secret oauth-token -n prow
  run -0 runbook 08-prow
  [[ "$(args hook)" == *--github-app-id* && "$(args hook)" != *--github-token-path* ]]
  run ! kube get secret oauth-token -n prow
  settled 08-prow
}

@test "OBJECT_STORE=off removes the store and keeps the PVC that holds the logs" {
  after_steps 02,03,04,05,06,08
  setting OBJECT_STORE=off
  run -0 runbook 08-prow
  says 'OBJECT_STORE=off' removed
  [ -z "$(kube get deploy,svc,secret -n prow -o name | grep object-store)" ]
  kube get pvc object-store -n prow
  settled 08-prow
}

@test "Deployments created by hand with the guide's names are adopted, with their PVC; no other Deployment is touched" {
  after_steps 02,03,04,05,06
  kube apply -f - <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: hook, namespace: prow, labels: {app: hook}}
spec:
  replicas: 2
  selector: {matchLabels: {app: hook}}
  template:
    metadata: {labels: {app: hook}}
    spec:
      serviceAccountName: hook
      terminationGracePeriodSeconds: 180
      containers:
        - name: hook
          image: gcr.io/k8s-prow/hook:v20210101-old
          args: [--dry-run=false, --old-flag=gone]
          env: [{name: OLD, value: gone}]
          volumeMounts: [{name: hmac, mountPath: /etc/webhook}]
      volumes: [{name: hmac, secret: {secretName: hmac-token}}]
---
apiVersion: v1
kind: Service
metadata: {name: hook, namespace: prow}
spec: {type: NodePort, selector: {app: hook}, ports: [{port: 8888}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: ghproxy, namespace: prow, labels: {app: ghproxy}}
spec: {accessModes: [ReadWriteOnce], storageClassName: rehearsal, resources: {requests: {storage: 100Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stranger, namespace: prow}
spec:
  selector: {matchLabels: {app: stranger}}
  template:
    metadata: {labels: {app: stranger}}
    spec: {containers: [{name: one, image: busybox}]}
YAML
  kube create rolebinding hook -n prow --role=hook --serviceaccount=prow:hook
  kube create role hook -n prow --verb=get,list --resource=secrets
  before="$(kube get deploy/hook svc/hook pvc/ghproxy role/hook rolebinding/hook -n prow -o jsonpath='{.items[*].metadata.uid}')"
  stranger="$(kube get deploy stranger -n prow -o jsonpath='{.metadata.resourceVersion} {.spec}' | cut -d' ' -f2-)"
  run -0 runbook 08-prow
  says 'existed, adopted' 'PVC ghproxy keeps its larger size'
  same "$before" "$(kube get deploy/hook svc/hook pvc/ghproxy role/hook rolebinding/hook -n prow -o jsonpath='{.items[*].metadata.uid}')"
  [[ "$(args hook)" != *old-flag* && "$(args hook)" == *--config-path* ]]
  run ! grep OLD <(kube get deploy hook -n prow -o jsonpath='{.spec}')
  [ "$(kube get deploy hook -n prow -o jsonpath='{.metadata.annotations.prow-runbook/adopted}')" = true ]
  [ "$(kube get pvc ghproxy -n prow -o jsonpath='{.spec.resources.requests.storage}')" = 100Gi ]
  [ "$(kube auth can-i get secrets -n prow --as system:serviceaccount:prow:hook || true)" = no ]
  same "$stranger" "$(kube get deploy stranger -n prow -o jsonpath='{.metadata.resourceVersion} {.spec}' | cut -d' ' -f2-)"
  settled 08-prow
}

@test "what was scaled or edited by hand is corrected; what was removed is created again" {
  after_steps 02,03,04,05,06,08
  kube scale deploy hook -n prow --replicas=0
  kube set image deploy/tide -n prow tide=example.com/other:1
  kube delete deploy sinker -n prow
  run -0 runbook 08-prow
  says '3 changed' '7 unchanged'
  kube get deploy sinker -n prow
  settled 08-prow
}
