load helpers
load aws
setup_file() { setup_eks; }
setup() {
  setup_account
  kube delete storageclass gp3 --ignore-not-found
  kube delete csidriver ebs.csi.aws.com --ignore-not-found
}

R=rehearsal-ebs-csi-driver
ROLE_ARN=arn:aws:iam::123456789012:role/$R
addon() { ask eks describe-addon --cluster-name rehearsal --addon-name aws-ebs-csi-driver -- ".addon$1"; }

@test "an empty account: the driver with a role of its own and a class that is named; again nothing changes" {
  run -2 runbook 07-ebs-csi --plan
  says "role $R     would create" 'aws-ebs-csi-driver                would create' 'StorageClass gp3                  would create'
  same '' "$(writes)"
  emulator knobs '{"addon": ["CREATING", "CREATING", "ACTIVE"]}' >/dev/null
  run -0 steps 01,07
  says 'aws-ebs-csi-driver                created' 'StorageClass gp3                  created'
  same ACTIVE "$(addon .status)"
  same "$ROLE_ARN" "$(addon .serviceAccountRoleArn)"
  same arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2 "$(ask iam list-attached-role-policies --role-name $R -- .AttachedPolicies[0].PolicyArn)"
  same 'gp3 true' "$(kube get storageclass gp3 -o jsonpath='{.parameters.type} {.parameters.encrypted}')"
  forget_writes
  run -0 runbook 07-ebs-csi
  lacks ' created ' ' changed '
  run -0 runbook 07-ebs-csi --plan
  same '' "$(writes)"
}

@test "where AWS has no newer policy the older one is taken" {
  refuse iam:AttachRolePolicy NoSuchEntity 'Policy does not exist' 1
  run -0 steps 01,07
  same arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy "$(ask iam list-attached-role-policies --role-name $R -- .AttachedPolicies[0].PolicyArn)"
  forget_writes
  run -0 runbook 07-ebs-csi
  same '' "$(writes)"
}

@test "CREATE_FAILED and DEGRADED end the wait with EKS's cause; the next run goes on" {
  after_steps 01
  emulator knobs '{"addon": ["CREATING", "CREATE_FAILED"], "health": [{"code": "ConfigurationConflict", "message": "Conflicts found: DaemonSet ebs-csi-node", "resourceIds": []}]}' >/dev/null
  run -1 runbook 07-ebs-csi
  says 'add-on aws-ebs-csi-driver is CREATE_FAILED' 'ConfigurationConflict: Conflicts found' '--resolve-conflicts OVERWRITE'
  emulator knobs '{"addon": ["UPDATING", "DEGRADED"], "health": [{"code": "InsufficientNumberOfReplicas", "message": "The add-on is unhealthy because it does not have the desired number of replicas.", "resourceIds": []}]}' >/dev/null
  run -1 runbook 07-ebs-csi
  says 'add-on aws-ebs-csi-driver is DEGRADED' 'InsufficientNumberOfReplicas' 'add nodes'
  # With the right role there is nothing to write.
  forget_writes
  run -1 runbook 07-ebs-csi
  same '' "$(writes)"
  says 'is DEGRADED'
}

@test "an add-on that somebody is creating is waited for; one without a role gets that of the runbook" {
  after_steps 01
  aws eks create-addon --cluster-name rehearsal --addon-name aws-ebs-csi-driver >/dev/null
  emulator knobs '{"addon": ["UPDATING", "ACTIVE"]}' >/dev/null
  run -0 runbook 07-ebs-csi
  says 'aws-ebs-csi-driver                changed'
  same "$ROLE_ARN" "$(addon .serviceAccountRoleArn)"
  same ACTIVE "$(addon .status)"
}

@test "an add-on that works with a role of its own keeps it" {
  after_steps 01
  emulator addon '{"cluster": "rehearsal", "addonName": "aws-ebs-csi-driver", "clusterName": "rehearsal", "status": "ACTIVE", "addonVersion": "v1.60.0", "serviceAccountRoleArn": "arn:aws:iam::123456789012:role/AmazonEKS_EBS_CSI_DriverRole"}' >/dev/null
  forget_writes
  run -0 runbook 07-ebs-csi
  says 'the add-on works with arn:aws:iam::123456789012:role/AmazonEKS_EBS_CSI_DriverRole' 'aws-ebs-csi-driver                unchanged'
  same '' "$(writes)"
}

@test "it stops when it takes longer than WAIT_SECONDS, with what to do" {
  after_steps 01
  setting WAIT_SECONDS=5
  emulator knobs '{"addon": ["CREATING"]}' >/dev/null
  run -1 runbook 07-ebs-csi
  says 'is CREATING after 5 seconds' 'Run the same line again'
}

@test "a driver installed by hand is left as it is" {
  kube apply -f - <<'YAML'
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: ebs.csi.aws.com}
spec: {attachRequired: true}
YAML
  run -0 runbook 07-ebs-csi
  says 'aws-ebs-csi-driver is installed without the add-on: left as it is' 'StorageClass gp3                  created'
  same '' "$(writes)"
}

@test "Auto Mode brings the driver, but no class" {
  fresh '{"more": {"computeConfig": {"enabled": true}, "storageConfig": {"blockStorage": {"enabled": true}}}}'
  run -0 runbook 07-ebs-csi
  says 'EKS Auto Mode provisions volumes itself' 'StorageClass gp3                  created'
  same ebs.csi.eks.amazonaws.com "$(kube get storageclass gp3 -o jsonpath='{.provisioner}')"
  same 'eks.amazonaws.com/compute-type auto' "$(kube get storageclass gp3 -o jsonpath='{.allowedTopologies[0].matchLabelExpressions[0].key} {.allowedTopologies[0].matchLabelExpressions[0].values[0]}')"
  same '' "$(writes)"
}

@test "a class gp3 created by hand is used; one of the driver that Kubernetes has removed is refused" {
  kube create -f - <<'YAML'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gp3}
provisioner: ebs.csi.aws.com
parameters: {type: gp3, iops: "6000"}
YAML
  run -0 steps 01,07
  same 6000 "$(kube get storageclass gp3 -o jsonpath='{.parameters.iops}')"
  lacks 'StorageClass gp3                  c'
  setting STORAGE_CLASS=gp2
  run -1 runbook 07-ebs-csi
  says 'gp2 has the provisioner kubernetes.io/aws-ebs' 'Set STORAGE_CLASS=gp3'
}

@test "China: the policies of its own partition" {
  setting AWS_REGION=cn-north-1
  AWS_DEFAULT_REGION=cn-north-1 fresh
  run -0 steps 01,07
  export AWS_DEFAULT_REGION=cn-north-1
  same arn:aws-cn:iam::123456789012:role/$R "$(addon .serviceAccountRoleArn)"
  [[ "$(ask iam list-attached-role-policies --role-name $R -- .AttachedPolicies[0].PolicyArn)" == arn:aws-cn:iam::aws:policy/* ]]
}
