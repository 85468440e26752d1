load helpers
load aws
setup_file() {
  setup_eks
  setup_account
  steps 02
  # What the Ingresses route to; 08-prow creates it.
  kube create service clusterip hook -n prow --tcp=8888
  kube create service clusterip deck -n prow --tcp=80
}
setup() {
  setup_account
  kube delete ingress prow prow-hook prow-deck -n prow --ignore-not-found
}

HOOK=k8s-prow-prow-hook-0123456789.us-west-2.elb.amazonaws.com
DECK=k8s-prow-prow-deck-0123456789.us-west-2.elb.amazonaws.com
note() { kube get ingress "$1" -n prow -o "jsonpath={.metadata.annotations.alb\.ingress\.kubernetes\.io/$2}"; }
records() { aws route53 list-resource-record-sets --hosted-zone-id "$(json .zone <"$MINE/made")" --output json |
  json '.ResourceRecordSets.filter(r=>r.Type==="CNAME").map(r=>r.Name+r.ResourceRecords[0].Value).join()'; }

@test "hook is open to the internet on its one path, Deck is inside; certificate, address and record; again nothing changes" {
  run -2 runbook 11-ingress --plan
  says 'Ingress prow-hook                 would create' 'Ingress prow-deck                 would create'
  same '' "$(writes)"
  run -0 runbook 11-ingress
  says 'is issued' 'the AWS Load Balancer Controller is installed' "/hook is served by $HOOK" "Deck is served by $DECK" \
    'record prow.rehearsal.example     created' "inside the network prow.rehearsal.example has to point to $DECK"
  same 'internet-facing internal' "$(note prow-hook scheme) $(note prow-deck scheme)"
  same '/hook Exact hook' "$(kube get ingress prow-hook -n prow -o jsonpath='{.spec.rules[0].http.paths[0].path} {.spec.rules[0].http.paths[0].pathType} {.spec.rules[0].http.paths[0].backend.service.name}')"
  same "$(json .certificate <"$MINE/made")" "$(note prow-hook certificate-arn)"
  same '[{"HTTP":80},{"HTTPS":443}]' "$(note prow-deck listen-ports)"
  same "prow.rehearsal.example.$HOOK" "$(records)"
  forget_writes
  run -0 runbook 11-ingress
  lacks ' created ' ' changed '
  run -0 runbook 11-ingress --plan
  same '' "$(writes)"
}

@test "a record that points elsewhere is corrected; one of another type is a problem, and stays" {
  zone="$(json .zone <"$MINE/made")"
  put() { aws route53 change-resource-record-sets --hosted-zone-id "$zone" --change-batch "{\"Changes\":[{\"Action\":\"$1\",\"ResourceRecordSet\":$2}]}" >/dev/null; }
  put CREATE '{"Name":"prow.rehearsal.example","Type":"CNAME","TTL":60,"ResourceRecords":[{"Value":"old.example.com"}]}'
  run -0 runbook 11-ingress -v
  says 'record prow.rehearsal.example     changed' 'old.example.com'
  same "prow.rehearsal.example.$HOOK" "$(records)"
  put DELETE "{\"Name\":\"prow.rehearsal.example\",\"Type\":\"CNAME\",\"TTL\":300,\"ResourceRecords\":[{\"Value\":\"$HOOK\"}]}"
  put CREATE '{"Name":"prow.rehearsal.example","Type":"A","TTL":60,"ResourceRecords":[{"Value":"192.0.2.1"}]}'
  run -1 runbook 11-ingress
  says 'has a record of type A in Route 53 that does not point to its load balancer' "make it point to $HOOK"
}

@test "DECK_ACCESS: public is one load balancer for both, CIDRs are a condition of its rule, too many are refused" {
  setting DECK_ACCESS=203.0.113.0/24,198.51.100.0/24 'HTTP_PORT=off' HTTPS_PORT=8443
  run -0 runbook 11-ingress
  same 'prow-rehearsal prow-rehearsal' "$(note prow-hook group\\.name) $(note prow-deck group\\.name)"
  same '[{"field":"source-ip","sourceIpConfig":{"values":["203.0.113.0/24","198.51.100.0/24"]}}]' "$(note prow-deck conditions\\.deck)"
  same '[{"HTTPS":8443}]' "$(note prow-hook listen-ports)"
  same '' "$(note prow-hook ssl-redirect)"
  setting DECK_ACCESS=public
  run -0 runbook 11-ingress
  says 'Ingress prow-deck                 changed'
  same 'internet-facing ' "$(note prow-deck scheme) $(note prow-deck conditions\\.deck)"
  setting DECK_ACCESS=internal HOOK_CIDRS=192.30.252.0/22,185.199.108.0/22,140.82.112.0/20,143.55.64.0/20
  run -0 runbook 11-ingress
  same '192.30.252.0/22,185.199.108.0/22,140.82.112.0/20,143.55.64.0/20' "$(note prow-hook inbound-cidrs)"
  setting DECK_ACCESS=public
  run -1 runbook 11-ingress
  says 'HOOK_CIDRS has 4 CIDRs'
}

@test "Auto Mode: the group is in its classes and not in the Ingresses, and CIDRs on one load balancer are refused" {
  fresh '{"more": {"computeConfig": {"enabled": true}}}'
  kube create -f - <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ingressclassparams.eks.amazonaws.com}
spec:
  group: eks.amazonaws.com
  scope: Cluster
  names: {kind: IngressClassParams, plural: ingressclassparams, singular: ingressclassparams}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
YAML
  kube wait --for=condition=Established crd/ingressclassparams.eks.amazonaws.com
  setting DECK_ACCESS=203.0.113.0/24
  run -1 runbook 11-ingress
  says 'DECK_ACCESS is a list of CIDRs, which EKS Auto Mode' 'Set DECK_ACCESS to internal or public'
  setting DECK_ACCESS=public HOOK_CIDRS=192.30.252.0/22
  run -1 runbook 11-ingress
  says 'HOOK_CIDRS is a list of CIDRs, which EKS Auto Mode'
  same '' "$(kube get ingress -n prow -o name)"
  setting HOOK_CIDRS=
  run -0 runbook 11-ingress
  says 'EKS Auto Mode creates load balancers itself' "/hook is served by $HOOK"
  same 'prow-hook prow-deck' "$(kube get ingress prow-hook prow-deck -n prow -o jsonpath='{.items[*].spec.ingressClassName}')"
  same ' ' "$(note prow-hook group\\.name) $(note prow-deck group\\.name)"
  same '10 20' "$(note prow-hook group\\.order) $(note prow-deck group\\.order)"
  same 'prow-rehearsal prow-rehearsal' "$(kube get ingressclassparams -o jsonpath='{.items[*].spec.group.name}')"
  settled 11-ingress
  setting INGRESS=none
  run -0 runbook 11-ingress
  says 'Ingresses of INGRESS=alb          removed' 'IngressClasses of Auto Mode       removed'
  same '' "$(kube get ingressclassparams -o name)"
  setting INGRESS=alb
  run -0 runbook 11-ingress
  run -2 runbook uninstall --plan
  says 'IngressClasses of Auto Mode       would remove  IngressClass prow-deck, IngressClass prow-hook and 2 more'
  kube delete ingress prow-hook prow-deck -n prow
  kube delete ingressclass prow-hook prow-deck
  kube delete crd ingressclassparams.eks.amazonaws.com
}

@test "another INGRESS: the Ingresses of the last one are removed when the new ones exist" {
  run -0 runbook 11-ingress
  kube annotate ingress prow-hook -n prow made=here
  setting INGRESS=nginx NGINX_ADMISSION=off
  run -2 runbook 11-ingress --plan
  says 'Ingresses of INGRESS=alb          would remove'
  kube get ingress prow-hook prow-deck -n prow
  run -0 runbook 11-ingress
  says 'Ingresses of INGRESS=alb          removed'
  same 'ingress-nginx/prow-deck ingress-nginx/prow-hook prow/prow' \
    "$(kube get ingress -A -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {end}' | sed 's/ $//')"
  settled 11-ingress
  setting INGRESS=alb
  run -0 runbook 11-ingress
  says 'Ingresses of INGRESS=nginx        removed'
  same 'prow/prow-deck prow/prow-hook' "$(kube get ingress -A -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {end}' | sed 's/ $//')"
  kube get deployment ingress-nginx-controller -n ingress-nginx
  # One that somebody else created under such a name is theirs.
  kube create ingress prow -n prow --rule='old.example.com/*=deck:80'
  settled 11-ingress
  setting INGRESS=none
  run -0 runbook 11-ingress
  says 'Ingresses of INGRESS=alb          removed'
  same ingress.networking.k8s.io/prow "$(kube get ingress -A -o name)"
  settled 11-ingress
}

@test "no certificate, one for another host, one in another region: what to do, and nothing is created" {
  arn="$(json .certificate <"$MINE/made")"
  setting PROW_HOST=other.rehearsal.example
  run -1 runbook 11-ingress
  says 'ACM has no certificate for other.rehearsal.example' 'aws acm request-certificate --domain-name other.rehearsal.example'
  setting "CERTIFICATE_ARN=$arn"
  run -1 runbook 11-ingress
  says 'is for prow.rehearsal.example, not for other.rehearsal.example'
  setting CERTIFICATE_ARN=arn:aws:acm:us-east-1:123456789012:certificate/1
  run -1 runbook 11-ingress
  says 'CERTIFICATE_ARN is in us-east-1'
  same '' "$(kube get ingress -n prow -o name)"
  # A plan warns and goes on.
  setting CERTIFICATE_ARN=
  run -2 runbook 11-ingress --plan
  says 'ACM has no certificate' 'Ingress prow-hook                 would create'
}

@test "without HOSTED_ZONE: a wait that ends, the record to create, and the line that continues" {
  setting HOSTED_ZONE= WAIT_SECONDS=5
  run -1 runbook 11-ingress
  says 'prow.rehearsal.example does not resolve' "prow.rehearsal.example  CNAME  $HOOK" 'npx tsx scripts/12-webhook.ts'
  setting HOSTED_ZONE=nowhere.example
  run -1 runbook 11-ingress
  says 'Route 53 has no public zone nowhere.example'
}

@test "no load balancer in time is a problem, with its events" {
  setting WAIT_SECONDS=5
  kube annotate stage eks-ingress-address off=1 --overwrite
  stage="$(kube get stage eks-ingress-address -o json)"
  kube delete stage eks-ingress-address
  run -1 runbook 11-ingress
  kube create -f - <<<"$stage" >/dev/null
  says 'Ingress prow-hook has no load balancer after 5 seconds'
}

@test "a controller of somebody else without an IngressClass is a problem, and not installed over" {
  class="$(kube get ingressclass alb -o json)"
  kube delete ingressclass alb
  run -1 runbook 11-ingress
  kube create -f - <<<"$class" >/dev/null
  says 'no IngressClass names it' 'ingress.k8s.aws/alb'
  lacks helm
  same '' "$(writes)"
}

@test "no controller: its role and ServiceAccount are created, and helm installs it, or the line to type is printed" {
  deployment="$(kube get deployment aws-load-balancer-controller -n kube-system -o json)"
  kube delete deployment aws-load-balancer-controller -n kube-system
  runbook 01-cluster
  mkdir "$WORLD/none" "$WORLD/bin"
  run -1 runbook 11-ingress
  says 'the AWS Load Balancer Controller is not installed, and helm is not on PATH' 'helm upgrade --install aws-load-balancer-controller' \
    'clusterName=rehearsal' 'vpcId=vpc-' '--kube-context arn:aws:eks:us-west-2:123456789012:cluster/rehearsal' 'npx tsx scripts/11-ingress.ts'
  role=rehearsal-load-balancer-controller
  same arn:aws:iam::123456789012:role/$role "$(kube get sa aws-load-balancer-controller -n kube-system -o jsonpath='{.metadata.annotations.eks\.amazonaws\.com/role-arn}')"
  aws iam get-role-policy --role-name $role --policy-name load-balancers >/dev/null
  # One that was killed in the middle of it.
  printf '#!/bin/bash\necho "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress" >&2; exit 1\n' >"$WORLD/bin/helm"
  chmod +x "$WORLD/bin/helm"
  PATH="$WORLD/bin:$PATH" run -1 runbook 11-ingress
  says 'An installation was interrupted' 'helm uninstall aws-load-balancer-controller -n kube-system'
  # helm, as far as the runbook sees it.
  printf '%s' "$deployment" >"$WORLD/deployment.json"
  cat >"$WORLD/bin/helm" <<SH
#!/bin/bash
{ printf '%s\n' "\$*"; kubectl config current-context; } >"$WORLD/helm"
node -e 'const d = JSON.parse(require("fs").readFileSync("$WORLD/deployment.json")); for (const k of ["uid", "resourceVersion", "managedFields", "creationTimestamp"]) delete d.metadata[k]; delete d.status; console.log(JSON.stringify(d))' |
  kubectl --kubeconfig "$CLUSTER/kubeconfig" --context rehearsal create -f - >/dev/null
SH
  chmod +x "$WORLD/bin/helm"
  PATH="$WORLD/bin:$PATH" run -0 runbook 11-ingress
  says 'AWS Load Balancer Controller      created       by helm'
  grep -q -- 'enableServiceMutatorWebhook=false' "$WORLD/helm"
  # It acts on the cluster of the settings, by its environment.
  same arn:aws:eks:us-west-2:123456789012:cluster/rehearsal "$(tail -n 1 "$WORLD/helm")"
  forget_writes
  run -0 runbook 11-ingress
  lacks ' created ' ' changed '
  same '' "$(writes)"
  kube delete sa aws-load-balancer-controller -n kube-system
}
