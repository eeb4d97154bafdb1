"""What Kubernetes asks of an object: its schemas, and the restricted level of Pod Security."""

import json
from functools import cache, lru_cache
from typing import Any, Iterator

import kubernetes_validate
from kubernetes_validate import utils

Object = dict[str, Any]

# The oldest that `Chart.yaml` allows, one in between, and the newest with schemas.
MINORS = ("1.30", "1.34", "1.37")
# Of which Kubernetes itself has no schema.
FOREIGN = {"AuthorizationPolicy", "PodMonitor"}
NAMED_ONLY_BY_KUBERNETES = 63

# The library reads a file of several megabytes for each object.
utils.schema_contents = lru_cache(maxsize=None)(utils.schema_contents)


@cache
def _invalid(text: str, minor: str) -> str | None:
    try:
        kubernetes_validate.validate(json.loads(text), minor, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{minor}: {'.'.join(map(str, error.path))}: {error.message}"
    return None


def schema_problems(found: Object) -> Iterator[str]:
    if found["kind"] in FOREIGN:
        return
    for minor in MINORS:
        if problem := _invalid(json.dumps(found, sort_keys=True), minor):
            yield f"{found['kind']} {problem}"


# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def pod_security_problems(spec: Object) -> Iterator[str]:
    """What the restricted level refuses, and what this chart promises beside it."""
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name
    if spec.get("automountServiceAccountToken") is not False:
        yield "the token of the service account is mounted"
    if spec.get("enableServiceLinks") is not False:
        yield "services of the namespace become variables, which are options"
    for volume in spec["volumes"]:
        if kinds := set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']}: {kinds}"
    pod = spec.get("securityContext", {})
    if pod.get("sysctls"):
        yield "sysctls"
    if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "seccomp"
    if pod.get("runAsNonRoot") is not True or pod.get("runAsUser") == 0:
        yield "root"
    for container in spec.get("initContainers", []) + spec["containers"]:
        yield from _container_problems(container)


def _container_problems(container: Object) -> Iterator[str]:
    name, context = container["name"], container.get("securityContext", {})
    wanted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for key, value in wanted.items():
        if context.get(key) != value:
            yield f"{name}: {key} is {context.get(key)}"
    for key in set(context) - set(wanted):
        yield f"{name}: {key}"
    for port in container.get("ports", []):
        if "hostPort" in port:
            yield f"{name}: hostPort"
        if port["containerPort"] < 1024:
            yield f"{name}: port {port['containerPort']} is for root"


def name_problems(found: Object) -> Iterator[str]:
    metadata = found["metadata"]
    if not 0 < len(metadata["name"]) <= NAMED_ONLY_BY_KUBERNETES:
        yield f"the name `{metadata['name']}`"
    for key, value in metadata.get("labels", {}).items():
        if len(value) > 63:
            yield f"the label {key}: {value}"
