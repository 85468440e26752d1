load helpers
setup_file() { setup_cluster; }
setup() { setup_world; after_steps 02; }

@test "creates both and waits until they are ready; again changes nothing" {
  run -0 runbook 09-pushgateway
  [ "$(kube get deploy pushgateway pushgateway-proxy -n prow -o jsonpath='{.items[*].status.availableReplicas}')" = '1 1' ]
  kube get cm -n prow -o yaml | grep -i 'limit_except\|GET'
  settled 09-pushgateway
}

@test "PUSHGATEWAY=off is reported and removes what the runbook created, on creates it again" {
  after_steps 02,09
  setting PUSHGATEWAY=off
  run -2 runbook 09-pushgateway --plan
  says 'would remove'
  run -0 runbook 09-pushgateway
  says 'PUSHGATEWAY=off' removed
  [ -z "$(kube get deploy,svc -n prow -o name | grep pushgateway)" ]
  settled 09-pushgateway
  setting PUSHGATEWAY=on
  run -0 runbook 09-pushgateway
  says '2 created'
}

@test "IMAGE_MIRROR takes effect in its images" {
  after_steps 02,09
  setting IMAGE_MIRROR=mirror.example.com/all
  run -0 runbook 09-pushgateway
  same 'mirror.example.com/all/prom/pushgateway:v1.11.1' "$(kube get deploy pushgateway -n prow -o jsonpath='{..image}' | cut -d' ' -f1)"
}
