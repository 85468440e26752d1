# The states of a cluster that the other files begin with: see state.mjs.
load helpers
setup_file() { setup_cluster; }
setup() { setup_world; }

# All but resourceVersions: what is put back is written.
everything() {
  snapshot | cut -d' ' -f1-6
  kube get pods,replicasets,endpointslices -n prow -o 'jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid}{"\n"}{end}'
}

@test "what was created, changed, deleted or replaced since is as it was, and stays so; the cluster goes on" {
  empty_cluster
  kube create ns prow
  kube create configmap changed -n prow --from-literal=a=b
  kube create configmap replaced -n prow --from-literal=a=b
  kube create deployment web -n prow --image=busybox --replicas=2
  kube expose deployment web -n prow --port=80
  kube rollout status deployment/web -n prow --timeout=60s
  state save here
  before="$(everything)"
  address="$(kube get service web -n prow -o jsonpath={.spec.clusterIP})"

  # Twice: the controllers remember which owners they have seen go.
  for _ in once again; do
    kube create configmap another -n prow
    kube create deployment another -n prow --image=busybox
    kube patch configmap changed -n prow -p '{"data":{"a":"c"}}'
    kube delete configmap replaced -n prow
    kube create configmap replaced -n prow --from-literal=a=b
    kube delete deployment,service web -n prow --cascade=foreground
    kube wait pod -n prow -l app=web --for=delete --timeout=60s
    state restore here
    same "$before" "$(everything)"
    sleep 3
    same "$before" "$(everything)"
  done
  same "$address" "$(kube get service web -n prow -o jsonpath={.spec.clusterIP})"
  kube scale deployment web -n prow --replicas=3
  kube rollout status deployment/web -n prow --timeout=60s
  same 3 "$(kube get pods -n prow -l app=web -o name | wc -l)"
}

@test "a namespace that was deleted is there again, with what was in it" {
  empty_cluster
  kube create ns prow
  kube create secret generic one -n prow --from-literal=a=b
  state save here
  before="$(everything)"
  kube delete ns prow
  state restore here
  same "$before" "$(everything)"
  kube create configmap two -n prow
}

@test "a state that was never saved ends with 3, and changes nothing" {
  kube create ns by-hand
  run -3 state restore never-saved
  kube get ns by-hand
}
