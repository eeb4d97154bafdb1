"""The fields of Istio's and the Gateway API's kinds, as far as the examples use them: what
is not here is refused, as an API server does by its schemas in strict mode. Each stands in
the CRDs of istio.io/api 1.31 and gateway-api 1.3 under this name and of this type."""

from typing import Any, Iterator


class OneOf(tuple):
    """A text out of these."""


class MapOf:
    """Any names, each with a value of this shape."""

    def __init__(self, shape: Any):
        self.shape = shape


class Anything:
    """What another program reads: an Envoy's own configuration."""


NAME = {"name": str}
SELECTOR = {"matchLabels": MapOf(str)}
TARGETS = [{"group": str, "kind": str, "name": str}]
MODE = {"mode": OneOf(("STRICT", "PERMISSIVE", "DISABLE"))}
OPERATION = {"hosts": [str], "ports": [str], "methods": [str], "paths": [str]}
SOURCE = {"principals": [str], "namespaces": [str]}
JWT_RULE = {"issuer": str, "audiences": [str], "fromHeaders": [NAME], "jwksUri": str, "jwks": str,
            "forwardOriginalToken": bool}
LISTENER_TLS = {"mode": OneOf(("Terminate", "Passthrough")), "certificateRefs": [NAME]}
NAMESPACES = {"from": OneOf(("All", "Same", "Selector")), "selector": SELECTOR}
PATCH = {
    "applyTo": OneOf(("HTTP_FILTER", "NETWORK_FILTER")),
    "match": {"context": OneOf(("GATEWAY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND")),
              "listener": {"filterChain": {"filter": {"name": str, "subFilter": NAME}}}},
    "patch": {"operation": OneOf(("MERGE",)), "value": Anything},
}

SPECS = {
    ("networking.istio.io/v1", "Gateway"): {
        "selector": MapOf(str),
        "servers": [{"port": {"number": int, "name": str, "protocol": OneOf(("HTTPS",))}, "hosts": [str],
                     "tls": {"mode": OneOf(("SIMPLE", "MUTUAL")), "credentialName": str}}],
    },
    ("networking.istio.io/v1", "VirtualService"): {
        "hosts": [str], "gateways": [str],
        "http": [{"route": [{"destination": {"host": str, "port": {"number": int}}}]}],
    },
    ("networking.istio.io/v1alpha3", "EnvoyFilter"): {"workloadSelector": {"labels": MapOf(str)}, "configPatches": [PATCH]},
    ("security.istio.io/v1", "AuthorizationPolicy"): {
        "selector": SELECTOR, "targetRefs": TARGETS, "action": OneOf(("ALLOW", "DENY", "CUSTOM")), "provider": NAME,
        "rules": [{"from": [{"source": SOURCE}], "to": [{"operation": OPERATION}], "when": [{"key": str, "values": [str]}]}],
    },
    ("security.istio.io/v1", "PeerAuthentication"): {"selector": SELECTOR, "mtls": MODE, "portLevelMtls": MapOf(MODE)},
    ("security.istio.io/v1", "RequestAuthentication"): {"selector": SELECTOR, "targetRefs": TARGETS, "jwtRules": [JWT_RULE]},
    ("gateway.networking.k8s.io/v1", "Gateway"): {
        "gatewayClassName": str,
        "listeners": [{"name": str, "port": int, "protocol": OneOf(("HTTPS", "HBONE")), "hostname": str,
                       "tls": LISTENER_TLS, "allowedRoutes": {"namespaces": NAMESPACES}}],
    },
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): {
        "parentRefs": [{"name": str, "namespace": str}], "hostnames": [str],
        "rules": [{"backendRefs": [{"name": str, "port": int}]}],
    },
}
# Of which each object has exactly one, or a policy would hold for a whole namespace.
TARGETED = {"AuthorizationPolicy", "RequestAuthentication"}
# https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
MESH_CONFIG = {"meshConfig": {
    "extensionProviders": [{"name": str, "envoyExtAuthzGrpc": {
        "service": str, "port": int, "timeout": str, "failOpen": bool, "statusOnError": str}}],
    "pathNormalization": {"normalization": OneOf(("NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"))},
}}
KUSTOMIZATION = {
    "apiVersion": OneOf(("kustomize.config.k8s.io/v1beta1",)), "kind": OneOf(("Kustomization",)), "resources": [str],
    "configMapGenerator": [{"name": str, "namespace": str, "files": [str]}],
    "generatorOptions": {"disableNameSuffixHash": bool},
}


def problems(value: Any, shape: Any, at: str = "") -> Iterator[str]:
    """What in `value` is not of `shape`."""
    if shape is Anything:
        yield from bad_keys(value, at)
    elif isinstance(shape, OneOf):
        if value not in shape:
            yield f"{at}: {value!r} is none of {', '.join(shape)}"
    elif isinstance(shape, type):
        # YAML's `on` is a boolean, and a boolean an integer of Python's.
        if type(value) is not shape:
            yield f"{at}: {value!r} is no {shape.__name__}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no list"
        else:
            for index, one in enumerate(value):
                yield from problems(one, shape[0], f"{at}[{index}]")
    elif not isinstance(value, dict):
        yield f"{at}: {value!r} is no map"
    else:
        for key, one in value.items():
            if not isinstance(key, str):
                yield f"{at}: the key {key!r} is no text"
            elif isinstance(shape, MapOf):
                yield from problems(one, shape.shape, f"{at}.{key}")
            elif key in shape:
                yield from problems(one, shape[key], f"{at}.{key}")
            else:
                yield f"{at}: there is no {key}"


def bad_keys(value: Any, at: str) -> Iterator[str]:
    """Keys that JSON cannot have, which `kubectl` refuses."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from bad_keys(one, f"{at}[{index}]")
    elif isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str):
                yield f"{at}: the key {key!r} is no text"
            yield from bad_keys(one, f"{at}.{key}")


def of_object(found: dict[str, Any]) -> Iterator[str]:
    """What an API server with these CRDs would refuse."""
    spec = SPECS[found["apiVersion"], found["kind"]]
    yield from problems(found, {"apiVersion": str, "kind": str, "metadata": Anything, "spec": spec}, found["kind"])
    if found["kind"] in TARGETED and len({"selector", "targetRefs"} & set(found["spec"])) != 1:
        yield f"{found['kind']}: one of `selector` and `targetRefs`"
    if found["kind"] == "PeerAuthentication" and "portLevelMtls" in found["spec"] and "selector" not in found["spec"]:
        yield "PeerAuthentication: `portLevelMtls` is for a `selector`"
