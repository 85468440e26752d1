"""An AWS emulator for the real `aws` command, on loopback: moto, with what it lacks of EKS, and knobs that inject faults.

    server.py --port 4566 --tls-port 4567 --dir DIR

moto serves sts, iam, s3, acm, route53, elbv2 and most of eks. Added here: add-ons, access entries, cluster versions,
an OIDC issuer in the form of EKS, the endpoint and CA of a cluster that really runs, and two webhooks for its API
server: one authenticates the tokens of `aws eks get-token`, the other injects AWS_ROLE_ARN into pods as EKS does.

    POST /runbook/reset                      an empty account (moto's own reset), knobs and counts at zero
    POST /runbook/cluster {name, region, endpoint, ca, ...}      a cluster that is ACTIVE
    POST /runbook/knobs {...}                see KNOBS
    POST /runbook/save {name}                keeps all of this under a name while the emulator runs
    POST /runbook/restore {name}             puts it back; 404 when nothing is kept under that name
    GET  /runbook/requests                   [{name, writes}] since the last reset or POST /runbook/requests
"""

import argparse
import base64
import copy
import functools
import json
import os
import re
import ssl
import sys
import threading
import time
import urllib.parse
from datetime import datetime, timedelta, timezone

os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from moto.core.base_backend import BackendDict  # noqa: E402
from moto.core.model_instances import reset_model_data  # noqa: E402
from moto.core.responses import ActionResult  # noqa: E402
from moto.eks import models, urls  # noqa: E402
from moto.eks.exceptions import (  # noqa: E402
    InvalidParameterException,
    InvalidRequestException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from moto.eks.models import eks_backends  # noqa: E402
from moto.eks.responses import EKSResponse  # noqa: E402
from moto.elbv2.responses import ELBV2Response  # noqa: E402
from moto.iam.models import AWSManagedPolicy, IAMBackend  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

ACCOUNT = "123456789012"
ADMIN = "AmazonEKSClusterAdminPolicy"

# What a test can set. `faults` replace the response of the service; the first that matches a request's name is used:
# {match: a regular expression, code, message, status, times}.
KNOBS = {
    # The statuses of an add-on after a write, one for each read; the last one stays.
    "addon": ["CREATING", "ACTIVE"],
    "health": [],
    "faults": [],
    # Whether the webhook of EKS changes pods: pods that are created while it is down do not get the role.
    "irsa": True,
    # The targets of target groups by a text in their ARN: {text: [{Target, TargetHealth}]}. The controller, which would
    # create the groups, is simulated.
    "targets": {},
    # How long a call takes, in seconds.
    "slow": 0,
}
knobs: dict = {}
requests: list = []
lock = threading.Lock()


def empty() -> None:
    """No account holds anything, and everything answers as AWS does."""
    BackendDict.reset()
    reset_model_data()
    knobs.clear()
    knobs.update(copy.deepcopy(KNOBS))
    requests.clear()


# ---- Faster empty accounts: every test resets its own --------------------------------------------------------------

init_aws_policies = IAMBackend._init_aws_policies
aws_policies: dict = {}


def copied_aws_policies(self):
    """The managed policies of AWS, a megabyte in each of six partitions, are read once."""
    if self.partition not in aws_policies:
        aws_policies[self.partition] = init_aws_policies(self)
    return [copy.copy(policy) for policy in aws_policies[self.partition]]


IAMBackend._init_aws_policies = copied_aws_policies
# Of those, a copy of an account needs its own counts of attachments only.
AWSManagedPolicy.__deepcopy__ = lambda policy, memo: copy.copy(policy)
# Nothing is signed with the keys of its certificates, so all share one.
rsa.generate_private_key = functools.cache(rsa.generate_private_key)


# ---- Accounts that are kept ----------------------------------------------------------------------------------------

kept: dict = {}


def copied(state: tuple) -> tuple:
    """A copy of what accounts hold, as pairs of the moto backend of a service and its accounts, of knobs and requests."""
    return copy.deepcopy(state, {id(backend): backend for backend, _ in state[0]})


def save(name: str) -> None:
    kept[name] = copied(([(backend, dict(backend)) for backend in set(BackendDict._instances)], knobs, requests))


def restore(name: str) -> bool:
    if name not in kept:
        return False
    accounts, kept_knobs, kept_requests = copied(kept[name])
    empty()
    for backend, held in accounts:
        backend.update(held)
        BackendDict._instances.append(backend)
    knobs.update(kept_knobs)
    requests.extend(kept_requests)
    return True


# ---- EKS: what moto lacks ---------------------------------------------------------------------------------------


def suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def issuer_of(name: str, region: str, born: str) -> str:
    import hashlib

    mark = hashlib.md5(f"{name}/{region}/{born}".encode()).hexdigest().upper()
    return f"https://oidc.eks.{region}.{suffix(region)}/id/{mark}"


original = models.Cluster.__init__


def cluster_init(self, *args, **kwargs):
    original(self, *args, **kwargs)
    region = kwargs["region_name"]
    self.identity = {"oidc": {"issuer": issuer_of(kwargs["name"], region, "first")}}
    self.addons = {}
    self.entries = {}
    self.access_config = {"authenticationMode": "API_AND_CONFIG_MAP"}
    self.resources_vpc_config = {
        "vpcId": "vpc-0123456789abcdef0",
        "endpointPublicAccess": True,
        "endpointPrivateAccess": True,
        **(self.resources_vpc_config or {}),
    }


models.Cluster.__init__ = cluster_init


def cluster_of(self, name):
    found = self.eks_backend.clusters.get(name)
    if not found:
        raise ResourceNotFoundException(
            clusterName=name, nodegroupName=None, fargateProfileName=None, addonName=None, message=f"No cluster found for name: {name}."
        )
    return found


def no_addon(cluster, addon):
    return ResourceNotFoundException(
        clusterName=cluster, addonName=addon, message=f"No addon: {addon} found in cluster: {cluster}"
    )


def addon_shown(addon):
    return {key: value for key, value in addon.items() if key != "next"}


def start_update(addon, status_meanwhile):
    """After a write, each read of the add-on advances its status by one."""
    addon["next"] = [status_meanwhile if status in ("CREATING", "UPDATING") else status for status in knobs["addon"]]
    addon["status"] = addon["next"][0]
    addon["health"] = {"issues": []}


def create_addon(self):
    name, cluster = self._get_param("addonName"), cluster_of(self, self._get_param("name"))
    if name in cluster.addons:
        raise ResourceInUseException(clusterName=cluster.name, addonName=name, message="Addon already exists.")
    if name not in ("aws-ebs-csi-driver", "vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent"):
        raise InvalidParameterException(clusterName=cluster.name, addonName=name, message="Addon specified is not supported")
    addon = {
        "addonName": name,
        "clusterName": cluster.name,
        "addonVersion": self._get_param("addonVersion") or "v1.66.0-eksbuild.1",
        "addonArn": f"{cluster.arn.replace(':cluster/', ':addon/')}/{name}/0",
        "serviceAccountRoleArn": self._get_param("serviceAccountRoleArn"),
        "configurationValues": self._get_param("configurationValues"),
        "tags": self._get_param("tags") or {},
        "publisher": "eks",
    }
    addon = {key: value for key, value in addon.items() if value is not None}
    start_update(addon, "CREATING")
    cluster.addons[name] = addon
    return ActionResult({"addon": addon_shown(addon)})


def describe_addon(self):
    name, cluster = self._get_param("addonName"), cluster_of(self, self._get_param("name"))
    addon = cluster.addons.get(name)
    if not addon:
        raise no_addon(cluster.name, name)
    steps = addon.get("next") or []
    if steps:
        addon["status"] = steps[0]
        if len(steps) > 1:
            steps.pop(0)
        bad = addon["status"] in ("DEGRADED", "CREATE_FAILED", "UPDATE_FAILED")
        addon["health"] = {"issues": knobs["health"] if bad else []}
    return ActionResult({"addon": addon_shown(addon)})


def update_addon(self):
    name, cluster = self._get_param("addonName"), cluster_of(self, self._get_param("name"))
    addon = cluster.addons.get(name)
    if not addon:
        raise no_addon(cluster.name, name)
    if addon["status"] in ("CREATING", "UPDATING"):
        raise ResourceInUseException(
            clusterName=cluster.name,
            addonName=name,
            message=f"Addon {name} cannot be updated as it is currently in {addon['status']} state",
        )
    for key in ("serviceAccountRoleArn", "configurationValues", "addonVersion"):
        if self._get_param(key):
            addon[key] = self._get_param(key)
    start_update(addon, "UPDATING")
    return ActionResult({"update": {"id": "0", "status": "InProgress", "type": "AddonUpdate", "params": [], "errors": []}})


def list_addons(self):
    return ActionResult({"addons": list(cluster_of(self, self._get_param("name")).addons)})


def delete_addon(self):
    name, cluster = self._get_param("addonName"), cluster_of(self, self._get_param("name"))
    if name not in cluster.addons:
        raise no_addon(cluster.name, name)
    return ActionResult({"addon": addon_shown(cluster.addons.pop(name))})


def describe_addon_versions(self):
    return ActionResult(
        {
            "addons": [
                {
                    "addonName": "aws-ebs-csi-driver",
                    "type": "storage",
                    "addonVersions": [
                        {
                            "addonVersion": "v1.66.0-eksbuild.1",
                            "compatibilities": [{"clusterVersion": "1.36", "defaultVersion": True}],
                        }
                    ],
                }
            ]
        }
    )


def describe_cluster_versions(self):
    rows = [
        ("1.36", "2027-08-02", "2028-08-02", "STANDARD_SUPPORT"),
        ("1.35", "2027-03-27", "2028-03-27", "STANDARD_SUPPORT"),
        ("1.34", "2026-12-02", "2027-12-02", "STANDARD_SUPPORT"),
        ("1.33", "2026-07-29", "2027-07-29", "EXTENDED_SUPPORT"),
        ("1.31", "2025-11-26", "2026-11-26", "EXTENDED_SUPPORT"),
        ("1.30", "2025-07-23", "2026-07-23", "UNSUPPORTED"),
    ]
    asked = self.querystring.get("clusterVersions") or []
    return ActionResult(
        {
            "clusterVersions": [
                {
                    "clusterVersion": version,
                    "clusterType": "eks",
                    "endOfStandardSupportDate": datetime.fromisoformat(f"{standard}T00:00:00+00:00"),
                    "endOfExtendedSupportDate": datetime.fromisoformat(f"{extended}T00:00:00+00:00"),
                    "status": status.lower(),
                    "versionStatus": status,
                }
                for version, standard, extended, status in rows
                if not asked or version in asked
            ]
        }
    )


def entry_shown(cluster, principal):
    return {"clusterName": cluster.name, "principalArn": principal, **cluster.entries[principal]["entry"]}


def describe_access_entry(self):
    cluster, principal = cluster_of(self, self._get_param("name")), urllib.parse.unquote(self._get_param("principalArn"))
    if principal not in cluster.entries:
        raise ResourceNotFoundException(
            clusterName=cluster.name, message=f"The specified principalArn could not be found: {principal}"
        )
    return ActionResult({"accessEntry": entry_shown(cluster, principal)})


def list_access_entries(self):
    return ActionResult({"accessEntries": list(cluster_of(self, self._get_param("name")).entries)})


def create_access_entry(self):
    cluster, principal = cluster_of(self, self._get_param("name")), self._get_param("principalArn")
    if cluster.access_config["authenticationMode"] == "CONFIG_MAP":
        raise InvalidRequestException(clusterName=cluster.name, message="The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
    if principal in cluster.entries:
        raise ResourceInUseException(clusterName=cluster.name, message="The specified access entry resource is already in use on this cluster.")
    cluster.entries[principal] = {
        "entry": {"username": principal, "kubernetesGroups": self._get_param("kubernetesGroups") or [], "type": "STANDARD"},
        "policies": [],
    }
    return ActionResult({"accessEntry": entry_shown(cluster, principal)})


def associate_access_policy(self):
    cluster, principal = cluster_of(self, self._get_param("name")), urllib.parse.unquote(self._get_param("principalArn"))
    if principal not in cluster.entries:
        raise ResourceNotFoundException(clusterName=cluster.name, message="The specified principalArn could not be found")
    cluster.entries[principal]["policies"].append(self._get_param("policyArn"))
    return ActionResult({"clusterName": cluster.name, "principalArn": principal})


for method in (
    create_addon,
    describe_addon,
    update_addon,
    list_addons,
    delete_addon,
    describe_addon_versions,
    describe_cluster_versions,
    describe_access_entry,
    list_access_entries,
    create_access_entry,
    associate_access_policy,
):
    setattr(EKSResponse, method.__name__, method)
for path in (
    "/addons/supported-versions$",
    "/cluster-versions$",
    "/clusters/(?P<name>[^/]+)/addons$",
    "/clusters/(?P<name>[^/]+)/addons/(?P<addonName>[^/]+)$",
    "/clusters/(?P<name>[^/]+)/addons/(?P<addonName>[^/]+)/update$",
    "/clusters/(?P<name>[^/]+)/access-entries$",
    "/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>.+)/access-policies$",
    "/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>.+)$",
):
    urls.url_paths["{0}" + path] = urls.response.dispatch

describe_original = EKSResponse.describe_cluster


def describe_cluster(self):
    """moto omits fields of newer versions of the API."""
    cluster = cluster_of(self, self._get_param("name"))
    described = {
        "name": cluster.name,
        "arn": cluster.arn,
        "createdAt": cluster.created_at,
        "version": cluster.version,
        "endpoint": cluster.endpoint,
        "roleArn": cluster.role_arn,
        "resourcesVpcConfig": cluster.resources_vpc_config,
        "kubernetesNetworkConfig": cluster.kubernetes_network_config,
        "identity": cluster.identity,
        "status": cluster.status,
        "certificateAuthority": cluster.certificate_authority,
        "platformVersion": "eks.9",
        "tags": cluster.tags,
        "accessConfig": cluster.access_config,
        **getattr(cluster, "more", {}),
    }
    return ActionResult({"cluster": described})


EKSResponse.describe_cluster = describe_cluster


def make_cluster(asked: dict) -> dict:
    """Creates the cluster that `asked` describes, instead of one of that name."""
    region, name = asked.get("region", "us-west-2"), asked["name"]
    backend = eks_backends[ACCOUNT][region]
    backend.clusters.pop(name, None)
    partition = backend.partition
    cluster = backend.create_cluster(
        name=name,
        role_arn=f"arn:{partition}:iam::{ACCOUNT}:role/eks-cluster",
        resources_vpc_config={"subnetIds": ["subnet-0a", "subnet-0b"]},
        version=asked.get("version", "1.36"),
    )
    if asked.get("endpoint"):
        cluster.endpoint = asked["endpoint"]
    if asked.get("ca"):
        cluster.certificate_authority = {"data": asked["ca"]}
    cluster.status = asked.get("status", "ACTIVE")
    cluster.identity = {"oidc": {"issuer": issuer_of(name, region, asked.get("born", "first"))}}
    # autoMode and the like: merged into the response of describe-cluster.
    cluster.more = asked.get("more", {})
    caller = f"arn:{partition}:sts::{ACCOUNT}:user/moto"
    if asked.get("access", "admin") != "none":
        policies = [f"arn:{partition}:eks::aws:cluster-access-policy/{ADMIN}"] if asked.get("access", "admin") == "admin" else []
        cluster.entries[caller] = {"entry": {"username": caller, "kubernetesGroups": [], "type": "STANDARD"}, "policies": policies}
    return {"issuer": cluster.identity["oidc"]["issuer"], "arn": cluster.arn}


@functools.cache
def client(service: str, url: str, region: str):
    import boto3

    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "x"}
    return boto3.client(service, endpoint_url=url, region_name=region, **keys)


def seed(url: str, asked: dict) -> dict:
    """Creates a hosted zone and a certificate, by the emulator's own API."""
    created, region = {}, asked.get("region", "us-west-2")
    if asked.get("zone"):
        zone = client("route53", url, region).create_hosted_zone(Name=asked["zone"], CallerReference=asked["zone"])
        created["zone"] = zone["HostedZone"]["Id"]
    if asked.get("host"):
        created["certificate"] = client("acm", url, region).request_certificate(DomainName=asked["host"], ValidationMethod="DNS")[
            "CertificateArn"
        ]
    with lock:
        requests.clear()
    return created


original_target_health = ELBV2Response.describe_target_health


def describe_target_health(self):
    arn = self._get_param("TargetGroupArn") or ""
    for text, targets in knobs["targets"].items():
        if text in arn:
            return ActionResult({"TargetHealthDescriptions": targets})
    return original_target_health(self)


ELBV2Response.describe_target_health = describe_target_health


# ---- The API server's webhooks ----------------------------------------------------------------------------------


def token_review(review: dict) -> dict:
    """Authenticates a token of `aws eks get-token` that was created with this account's credentials and has not expired."""
    token = review.get("spec", {}).get("token", "")
    status: dict = {"authenticated": False}
    try:
        if not token.startswith("k8s-aws-v1."):
            raise ValueError("not a token of EKS")
        text = token[len("k8s-aws-v1.") :]
        url = urllib.parse.urlparse(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
        query = dict(urllib.parse.parse_qsl(url.query))
        created = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if datetime.now(timezone.utc) - created > timedelta(minutes=15):
            raise ValueError("the token is older than 15 minutes")
        region = query["X-Amz-Credential"].split("/")[2]
        clusters = eks_backends[ACCOUNT][region].clusters.values()
        # The token does not contain the signed header with the cluster's name: the entries of all clusters count.
        for cluster in clusters:
            for principal, held in cluster.entries.items():
                admin = any(policy.endswith(ADMIN) for policy in held["policies"])
                groups = held["entry"]["kubernetesGroups"] + (["system:masters"] if admin else [])
                status = {"authenticated": True, "user": {"username": principal, "groups": groups}}
        if not status["authenticated"]:
            status["error"] = "the principal has no access entry"
    except (KeyError, ValueError) as error:
        status["error"] = str(error)
    return {"apiVersion": review.get("apiVersion", "authentication.k8s.io/v1"), "kind": "TokenReview", "status": status}


def inject(review: dict, service_account) -> dict:
    """Changes a new pod as the webhook of EKS does when its service account names a role: in every container."""
    asked = review["request"]
    answer: dict = {"uid": asked["uid"], "allowed": True}
    pod = asked["object"]
    account = service_account(asked["namespace"], pod["spec"].get("serviceAccountName", "default"))
    notes = (account or {}).get("metadata", {}).get("annotations", {})
    role = notes.get("eks.amazonaws.com/role-arn")
    if role and knobs["irsa"]:
        patch = []
        env = [
            {"name": "AWS_STS_REGIONAL_ENDPOINTS", "value": "regional"},
            {"name": "AWS_ROLE_ARN", "value": role},
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"},
        ]
        volume = {
            "name": "aws-iam-token",
            "projected": {
                "sources": [
                    {
                        "serviceAccountToken": {
                            "audience": notes.get("eks.amazonaws.com/audience", "sts.amazonaws.com"),
                            "expirationSeconds": 86400,
                            "path": "token",
                        }
                    }
                ]
            },
        }
        mount = {"name": "aws-iam-token", "readOnly": True, "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount"}
        for kind in ("containers", "initContainers"):
            for index, container in enumerate(pod["spec"].get(kind, [])):
                at = f"/spec/{kind}/{index}"
                patch.append({"op": "add", "path": f"{at}/env", "value": container.get("env", []) + env})
                patch.append({"op": "add", "path": f"{at}/volumeMounts", "value": container.get("volumeMounts", []) + [mount]})
        patch.append({"op": "add", "path": "/spec/volumes", "value": pod["spec"].get("volumes", []) + [volume]})
        answer.update(patchType="JSONPatch", patch=base64.b64encode(json.dumps(patch).encode()).decode())
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}


class Accounts:
    """Reads service accounts from the cluster with the client certificate in its kubeconfig."""

    def __init__(self, kubeconfig: str, folder: str):
        import yaml

        with open(kubeconfig) as file:
            config = yaml.safe_load(file)
        user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]

        def pem(of: dict, key: str, name: str) -> str:
            if key in of:
                return of[key]
            path = os.path.join(folder, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(base64.b64decode(of[f"{key}-data"]))
            return path

        self.server = cluster["server"]
        self.context = ssl.create_default_context(cafile=pem(cluster, "certificate-authority", "api-ca.pem"))
        self.context.load_cert_chain(
            pem(user, "client-certificate", "api-client.pem"), pem(user, "client-key", "api-client-key.pem")
        )

    def __call__(self, namespace: str, name: str):
        import urllib.request

        url = f"{self.server}/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
        try:
            with urllib.request.urlopen(url, context=self.context, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None


# ---- The server -------------------------------------------------------------------------------------------------


def named(environ: dict, body: bytes) -> tuple:
    """The name of a request, such as iam:CreateRole, eks:POST /clusters/c/addons or s3:PUT /b?lifecycle, and whether it writes."""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    service = scope.group(2) if scope else "?"
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        action = target.split(".")[-1]
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        action = (urllib.parse.parse_qs(body.decode()).get("Action") or ["?"])[0]
    else:
        query = environ.get("QUERY_STRING", "")
        verb = environ["REQUEST_METHOD"]
        return f"{service}:{verb} {environ['PATH_INFO']}{'?' + query if query else ''}", verb not in ("GET", "HEAD")
    return f"{service}:{action}", not re.match(r"(Get|List|Describe|Simulate|AssumeRole)", action)


def refusal(service: str, environ: dict, fault: dict) -> tuple:
    code, message, status = fault["code"], fault.get("message", ""), fault.get("status", 400)
    head = f"{status} Refused"
    if service in ("eks",):
        return head, [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)], json.dumps({"message": message})
    if service in ("acm",):
        return head, [("Content-Type", "application/x-amz-json-1.1")], json.dumps({"__type": code, "message": message})
    if environ["REQUEST_METHOD"] == "HEAD":
        return head, [("Content-Type", "application/xml")], ""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    if service != "s3":
        error = f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>"
    return head, [("Content-Type", "text/xml")], error


class Application:
    def __init__(self, accounts, url, folder):
        self.url, self.dir = url, folder
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.accounts = accounts

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ["PATH_INFO"]
        if path.startswith("/runbook/"):
            return self.control(path, environ["REQUEST_METHOD"], body, start_response)
        import io

        environ["wsgi.input"] = io.BytesIO(body)
        if path.startswith("/moto-api"):
            return self.moto(environ, start_response)
        name, writes = named(environ, body)
        if knobs["slow"]:
            time.sleep(knobs["slow"])
        fault = None
        with lock:
            requests.append({"name": name, "writes": writes})
            for one in knobs["faults"]:
                if re.search(one["match"], name) and one.get("times", 1) > 0:
                    if "times" in one:
                        one["times"] -= 1
                    fault = one
                    break
        if fault:
            status, headers, text = refusal(name.split(":")[0], environ, fault)
            start_response(status, headers)
            return [text.encode()]
        return self.moto(environ, start_response)

    def control(self, path, method, body, start_response):
        asked = json.loads(body) if body else {}
        if path == "/runbook/token-review":
            answer = token_review(asked)
        elif path == "/runbook/inject":
            answer = inject(asked, self.accounts)
        elif path == "/runbook/cluster":
            answer = make_cluster(asked)
            answer.update(seed(self.url, asked))
        elif path == "/runbook/addon":
            # Stores an add-on as it is given, without any validation.
            eks_backends[ACCOUNT][asked.pop("region", "us-west-2")].clusters[asked.pop("cluster")].addons[asked["addonName"]] = asked
            answer = {}
        elif path == "/runbook/knobs":
            with lock:
                knobs.update(asked)
            answer = knobs
        elif path == "/runbook/reset":
            with lock:
                empty()
            answer = {}
        elif path == "/runbook/save":
            with lock:
                save(asked["name"])
            answer = {}
        elif path == "/runbook/restore":
            with lock:
                if not restore(asked["name"]):
                    start_response("404 Not Found", [("Content-Type", "application/json")])
                    return [b"{}"]
            answer = {}
        elif path == "/runbook/requests":
            with lock:
                answer = list(requests)
                if method == "POST":
                    requests.clear()
        else:
            answer = {"ready": True, "dir": self.dir}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]


def main() -> None:
    read = argparse.ArgumentParser()
    read.add_argument("--port", type=int, required=True)
    read.add_argument("--tls-port", type=int)
    read.add_argument("--cert")
    read.add_argument("--key")
    read.add_argument("--kubeconfig")
    read.add_argument("--dir", default=".")
    given = read.parse_args()
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    empty()
    accounts = Accounts(given.kubeconfig, given.dir) if given.kubeconfig else (lambda namespace, name: None)
    application = Application(accounts, f"http://127.0.0.1:{given.port}", given.dir)
    if given.tls_port:
        # The API server calls admission webhooks by HTTPS only.
        secure = make_server("127.0.0.1", given.tls_port, application, threaded=True, ssl_context=(given.cert, given.key))
        threading.Thread(target=secure.serve_forever, daemon=True).start()
    plain = make_server("127.0.0.1", given.port, application, threaded=True)
    print("ready", flush=True)
    try:
        plain.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


main()
