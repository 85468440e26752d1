load helpers
setup_file() { setup_cluster; }
setup() {
  setup_world
  after_steps 02
}

# Nobody answers for a simulated pod. A Service without an address keeps the API server from trying.
unanswered() {
  kube create ns ingress-nginx
  kube create svc clusterip ingress-nginx-controller-admission -n ingress-nginx --clusterip=None --tcp=443
}

@test "creates the controller and the Ingress that routes to hook and deck; again changes nothing" {
  run -0 runbook 11-ingress
  says 'retired upstream' 'nodes answer on'
  same 'prow.rehearsal.example hook 8888 deck 80' \
    "$(kube get ingress prow -n prow -o jsonpath='{.spec.rules[0].host} {.spec.rules[0].http.paths[?(@.path=="/hook")].backend.service.name} {.spec.rules[0].http.paths[?(@.path=="/hook")].backend.service.port.number} {.spec.rules[0].http.paths[?(@.path=="/")].backend.service.name} {.spec.rules[0].http.paths[?(@.path=="/")].backend.service.port.number}')"
  [ "$(kube get deploy ingress-nginx-controller -n ingress-nginx -o jsonpath='{.status.availableReplicas}')" -ge 1 ]
  settled 11-ingress
}

@test "a corrected PROW_HOST arrives; the node ports stay" {
  after_steps 02,11
  ports="$(kube get svc ingress-nginx-controller -n ingress-nginx -o jsonpath='{.spec.ports[*].nodePort}')"
  setting PROW_HOST=other.example.com
  run -0 runbook 11-ingress
  says '1 changed' other.example.com
  [ "$(kube get ingress prow -n prow -o jsonpath='{.spec.rules[*].host}')" = other.example.com ]
  same "$ports" "$(kube get svc ingress-nginx-controller -n ingress-nginx -o jsonpath='{.spec.ports[*].nodePort}')"
}

@test "with NGINX_ADMISSION=on both Jobs run to their end; a webhook that does not answer is a problem with a remedy" {
  setting NGINX_ADMISSION=on WAIT_SECONDS=20
  unanswered
  run -1 runbook 11-ingress
  says 'validate.nginx' 'NGINX_ADMISSION=off'
  lacks '    at '
  same '1 1' "$(kube get jobs -n ingress-nginx -o jsonpath='{.items[*].status.succeeded}')"
  kube get validatingwebhookconfiguration ingress-nginx-admission
}

@test "an admission webhook that was deleted gets its certificate again: its completed Jobs are recreated" {
  setting NGINX_ADMISSION=on WAIT_SECONDS=20
  unanswered
  jobs() { kube get jobs -n ingress-nginx -o jsonpath='{.items[*].metadata.uid}'; }
  runbook 11-ingress || true
  # What the Job does where pods run.
  kube patch validatingwebhookconfiguration ingress-nginx-admission --type=json \
    -p '[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "'"$(kube config view --raw --minify -o jsonpath='{.clusters[0].cluster.certificate-authority-data}')"'"}]'
  first="$(jobs)"
  run -1 runbook 11-ingress
  lacks removed
  same "$first" "$(jobs)"
  kube delete validatingwebhookconfiguration ingress-nginx-admission
  run -1 runbook 11-ingress
  says 'admission Jobs                    removed' 'the webhook has no certificate' 'admission Jobs                    created'
  [ "$(jobs)" != "$first" ]
  same '1 1' "$(kube get jobs -n ingress-nginx -o jsonpath='{.items[*].status.succeeded}')"
}

@test "NGINX_ADMISSION=off removes the webhook, which would refuse every Ingress of the cluster" {
  setting NGINX_ADMISSION=on WAIT_SECONDS=20
  unanswered
  runbook 11-ingress || true
  kube get validatingwebhookconfiguration ingress-nginx-admission
  setting NGINX_ADMISSION=off
  run -2 runbook 11-ingress --plan
  says 'would remove'
  run -0 runbook 11-ingress
  says removed
  run ! kube get validatingwebhookconfiguration ingress-nginx-admission
  # Complete, it would not run again when the webhook is back.
  run ! kube get job ingress-nginx-admission-patch -n ingress-nginx
  settled 11-ingress
}

@test "INGRESS=none prints what to route, removes the Ingress and keeps the controller" {
  after_steps 02,11
  setting INGRESS=none
  run -0 runbook 11-ingress
  says 'INGRESS=none' 'hook:8888' removed
  run ! kube get ingress prow -n prow
  kube get deploy ingress-nginx-controller -n ingress-nginx
  settled 11-ingress
}

@test "an Ingress created by hand is adopted" {
  kube create ingress prow -n prow --rule='old.example.com/*=deck:80'
  uid="$(kube get ingress prow -n prow -o jsonpath='{.metadata.uid}')"
  run -0 runbook 11-ingress
  says 'existed, adopted'
  same "$uid prow.rehearsal.example" "$(kube get ingress prow -n prow -o jsonpath='{.metadata.uid} {.spec.rules[*].host}')"
  settled 11-ingress
}
