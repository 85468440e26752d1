#!/usr/bin/env bash
# The commands of the guide, one after the other, as a reader types them. $1 is the folder with the filled manifests and
# secrets; with $2 "again" they run over an existing installation. kubectl uses KUBECONFIG.
set -euo pipefail
cd "$1"
again="${2:-}"

# Objects that the guide creates are replaced the second time, as the guide does with its ConfigMaps.
create() {
  if [ -n "$again" ]; then kubectl "$@" --dry-run=client -o yaml | kubectl replace -f -; else kubectl "$@"; fi
}
rollout() { kubectl -n "$1" rollout status "deployment/$2" --timeout=300s; }

# Namespaces.
[ -n "$again" ] || kubectl create ns prow
[ -n "$again" ] || kubectl create ns test-pods

# The five Secrets, and the one that test-pods needs too.
if [ -z "$again" ]; then
  openssl rand -hex 20 >secrets/hmac-token
  openssl rand -base64 32 >secrets/cookie
fi
create -n prow create secret generic hmac-token --from-file=hmac=secrets/hmac-token
create -n prow create secret generic cookie --from-file=secret=secrets/cookie
create -n prow create secret generic github-oauth-config --from-file=secret=secrets/github-oauth-config
create -n prow create secret generic oauth-token --from-file=oauth=secrets/oauth-token
create -n prow create secret generic s3-credentials --from-file=service-account.json=secrets/s3-credentials
create -n test-pods create secret generic s3-credentials --from-file=service-account.json=secrets/s3-credentials
create -n prow create secret generic object-store --from-file=access_key=secrets/access_key --from-file=secret_key=secrets/secret_key --from-file=region=secrets/region
kubectl get secret -n prow

# The ProwJob CRD.
kubectl apply --server-side=true -f crd/prowjobs.yaml
kubectl get crd

# Service accounts, one file each.
for account in service-accounts/*.yaml; do kubectl apply -f "$account"; done

# Configuration.
create -n prow create configmap config --from-file=config.yaml=config/config.yaml
create -n prow create configmap plugins --from-file=plugins.yaml=config/plugins.yaml
create -n prow create configmap job-config --from-file=config/jobs
kubectl -n prow get configmap plugins -o yaml

# Prow.
for component in object-store hook sinker deck horologium tide statusreconciler ghproxy prow-controller-manager crier; do
  kubectl apply -f "$component"
done
kubectl get pods -n prow
for component in object-store hook sinker deck horologium tide statusreconciler ghproxy prow-controller-manager crier; do
  rollout prow "$component"
done

# Pushgateway.
kubectl apply -f pushgateway
rollout prow pushgateway
rollout prow pushgateway-proxy
kubectl get pods --all-namespaces

# Labels.
create -n prow create configmap label-config --from-file=labels.yaml=config/labels.yaml
kubectl get configmap -n prow
if [ -e labels ]; then
  kubectl apply -f labels/label-sync-job.yaml
  kubectl -n prow get job
  kubectl apply -f labels/label-sync-cronjob.yaml
  kubectl -n prow get cronjob
fi

# Ingress.
kubectl apply -f ingress-nginx/namespace.yaml
kubectl apply -f ingress-nginx/rbac.yaml -f ingress-nginx/controller.yaml
kubectl -n ingress-nginx get all
rollout ingress-nginx ingress-nginx-controller
kubectl get pods -n ingress-nginx
kubectl apply -f ingress/nginx.yaml

# All pods.
kubectl get pods -n prow
