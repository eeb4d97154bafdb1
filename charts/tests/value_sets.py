"""Values that people set, each of which must give a release that is right in every way."""

ROUTES = [
    {"from": "https://wiki.example.com", "to": "http://wiki.wiki.svc.cluster.local",
     "policy": [{"allow": {"and": [{"domain": {"is": "example.com"}}]}}]},
    {"from": "https://public.example.com", "to": "https://public.example.org",
     "allow_public_unauthenticated_access": True},
]
CONFIG = {"routes": ROUTES}
LOGIN = {
    "authenticate_service_url": "https://auth.example.com",
    "idp_provider": "oidc",
    "idp_provider_url": "https://login.example.org",
    "idp_client_id": "portcullis",
    "routes": ROUTES,
}
PLAIN = {"mode": "ext-authz", "extAuthz": {"plaintext": True}, "config": CONFIG}
GATEWAY_REF = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}


def gateway(**values):
    return {"config": CONFIG, **values}


def ext_authz(**values):
    return {**PLAIN, **values}


def istio(**policy):
    return ext_authz(istio={"enabled": True, "authorizationPolicy": {"namespace": "istio-ingress", **policy}})


VALUE_SETS = {
    "nothing": {},
    "routes": gateway(),
    "login": {"config": LOGIN, "identityProvider": {"existingSecret": "idp"}},
    "login_of_a_public_client": {"config": LOGIN, "identityProvider": {"publicClient": True}},
    "key_of_the_client_secret": {
        "config": LOGIN, "identityProvider": {"existingSecret": "idp", "clientSecretKey": "OIDC_SECRET"}},
    "own_secrets": gateway(secrets={"existingSecret": "own"}),
    "own_secrets_and_keys": gateway(
        secrets={"existingSecret": "own", "sharedSecretKey": "SHARED", "cookieSecretKey": "COOKIE"}),
    "own_secrets_alone": gateway(secrets={"existingSecret": "own", "generate": False}),
    "signing_key": gateway(signingKey={"existingSecret": "signing"}),
    "signing_key_of_a_key": gateway(signingKey={"existingSecret": "signing", "key": "ec.pem"}),
    "one_certificate": gateway(tls={"existingSecrets": ["wiki-tls"]}),
    "three_certificates": gateway(tls={"existingSecrets": ["a-tls", "b-tls", "c-tls"]}),
    "plain_http": gateway(gateway={"plainHttp": True}),
    "configuration_in_a_secret": gateway(configStorage="Secret"),
    "literal_token_in_a_secret": {
        "configStorage": "Secret",
        "config": {"routes": [{**ROUTES[1], "set_request_headers": {"Authorization": "Basic dXNlcjpwYXNz"}}]}},
    "header_of_the_identity_provider": {
        "config": {"routes": [
            {**ROUTES[1], "set_request_headers": {"Authorization": "Bearer ${pomerium.id_token}"}}]}},
    "own_config_map": {"existingConfig": {"name": "own-config"}, "tls": {"existingSecrets": ["wiki-tls"]}},
    "own_config_secret": {"existingConfig": {"kind": "Secret", "name": "own-config", "key": "portcullis.yaml"}},
    "own_config_everything": {
        "existingConfig": {"name": "own-config"}, "signingKey": {"existingSecret": "signing"},
        "identityProvider": {"existingSecret": "idp"}, "persistence": {"enabled": True}},
    "restart_on_change": gateway(restartOnConfigChange=True),
    "persistence": gateway(persistence={"enabled": True}),
    "persistence_of_a_claim": gateway(persistence={"enabled": True, "existingClaim": "state"}),
    "persistence_of_a_class": gateway(
        persistence={"enabled": True, "storageClass": "fast", "size": "5Gi", "accessModes": ["ReadWriteOncePod"]}),
    "several_pods": gateway(replicaCount=3, sessions={"perPod": True}, service={"sessionAffinity": "ClientIP"}),
    "autoscaling": gateway(autoscaling={"enabled": True}, sessions={"perPod": True}),
    "no_pods": gateway(replicaCount=0),
    "budget_in_percent": gateway(podDisruptionBudget={"maxUnavailable": "50%"}),
    "no_budget": gateway(podDisruptionBudget={"enabled": False}),
    "hard_spread": gateway(topologySpread={"whenUnsatisfiable": "DoNotSchedule", "zone": False}),
    "no_spread": gateway(topologySpread={"host": False, "zone": False}),
    "load_balancer": gateway(service={
        "type": "LoadBalancer", "externalTrafficPolicy": "Local", "loadBalancerClass": "example.com/internal",
        "loadBalancerSourceRanges": ["192.0.2.0/24"], "annotations": {"example.com/scheme": "internal"}}),
    "node_port": gateway(service={"type": "NodePort", "port": 8443, "labels": {"tier": "edge"}}),
    "image_by_digest": gateway(image={"registry": "registry.example.com", "digest": "sha256:" + "0a" * 32}),
    "image_of_a_global_registry": gateway(
        global_={"imageRegistry": "registry.example.com/", "imagePullSecrets": ["pull", "pull-too"]},
        image={"registry": "elsewhere.example.com", "repository": "team/portcullis", "tag": "0.1.0-1"}),
    "ipv6": gateway(bindAddress="::", ports={"proxy": 10443, "health": 10080}),
    "no_network_policy": gateway(networkPolicy={"enabled": False}),
    "narrow_network_policy": gateway(networkPolicy={
        "ingress": {"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}],
                    "healthFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]},
        "egress": {"identityProvider": {"to": [{"ipBlock": {"cidr": "203.0.113.7/32"}}], "ports": [443, 8443]},
                   "upstreams": [{"to": [{"podSelector": {"matchLabels": {"app": "wiki"}}}], "ports": [{"port": 80}]}],
                   "extra": [{"ports": [{"port": 15012, "protocol": "TCP"}]}]}}),
    "no_upstreams_and_any_dns": gateway(networkPolicy={"egress": {"upstreams": [], "dns": []}}),
    "pod_monitor": gateway(metrics={"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}),
    "scheduling": gateway(
        nodeSelector={"kubernetes.io/arch": "amd64"}, priorityClassName="system-cluster-critical",
        runtimeClassName="gvisor", tolerations=[{"key": "edge", "operator": "Exists", "effect": "NoSchedule"}],
        affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "edge", "operator": "Exists"}]}]}}}),
    "labels_and_annotations": gateway(
        commonLabels={"team": "access"}, podLabels={"sidecar.istio.io/inject": "true"},
        podAnnotations={"example.com/owner": "access"}),
    "ids_of_the_platform": gateway(securityContext={"runAsUser": None, "runAsGroup": None, "fsGroup": None}),
    "own_account": gateway(serviceAccount={"create": False, "name": "portcullis"}),
    "default_account": gateway(serviceAccount={"create": False}),
    "annotated_account": gateway(serviceAccount={"name": "edge", "annotations": {"example.com/role": "edge"}}),
    "extras": gateway(
        extraArgs=["--xds", "sotw"],
        extraEnv=[{"name": "TZ", "value": "UTC"},
                  {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        extraVolumes=[{"name": "authorities", "configMap": {"name": "authorities"}}],
        extraVolumeMounts=[{"name": "authorities", "mountPath": "/etc/authorities", "readOnly": True}],
        extraObjects=[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-extra"},
                       "data": {"chart": "{{ .Chart.Name }}"}}]),
    "no_drain": gateway(drainSeconds=0, logFormat="text", resources={"limits": {"cpu": 2, "memory": "1Gi"}}),
    "full_name": gateway(fullnameOverride="edge"),
    "own_name": gateway(nameOverride="edge"),
    "ext_authz": ext_authz(),
    "ext_authz_login": ext_authz(config=LOGIN, identityProvider={"existingSecret": "idp"}),
    "ext_authz_tls": ext_authz(extAuthz={"plaintext": False, "tls": {"existingSecret": "checks-tls"}}),
    "ext_authz_persistence": ext_authz(persistence={"enabled": True}),
    "ext_authz_several": ext_authz(sessions={"perPod": True}, replicaCount=2),
    "ext_authz_peers": ext_authz(networkPolicy={"ingress": {"from": [{"podSelector": {"matchLabels": {"app": "envoy"}}}]}}),
    "ext_authz_ports": ext_authz(ports={"grpc": 9000, "health": 9001}, service={"port": 9000}, bindAddress="::"),
    "ext_authz_keys": ext_authz(extAuthz={"plaintext": True, "jwks": True}, ports={"jwks": 9002}, bindAddress="::"),
    "istio_keys": {**istio(targetRefs=[GATEWAY_REF]), "extAuthz": {"tls": {"existingSecret": "checks-tls"}, "jwks": True}},
    "istio_selector": istio(selector={"istio": "ingressgateway"}),
    "istio_target": istio(targetRefs=[GATEWAY_REF]),
    "istio_without_policy": ext_authz(istio={"enabled": True, "authorizationPolicy": {"create": False}}),
    "istio_tls": {**istio(targetRefs=[GATEWAY_REF]), "extAuthz": {"tls": {"existingSecret": "checks-tls"}}},
}
for values in VALUE_SETS.values():
    if "global_" in values:
        values["global"] = values.pop("global_")
