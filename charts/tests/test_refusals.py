"""What is refused, and the words that say what to do instead."""

import unittest

import chart
import helm_python
from kubelet import strong
from value_sets import CONFIG, GATEWAY_REF, LOGIN, PLAIN, ROUTES

# Name: values, and a part of the message.
REFUSALS = {
    "shared_secret": ({"config": {"shared_secret": "x"}}, "use the value `secrets.existingSecret`"),
    "cookie_secret": ({"config": {"cookie_secret": ["x"]}}, "use the value `secrets.existingSecret`"),
    "shared_secret_in_any_case": ({"config": {"Shared_SECRET": "x"}}, "`config.Shared_SECRET` is set by the chart"),
    "shared_secret_file": ({"config": {"shared_secret_file": "/x"}}, "secrets.existingSecret"),
    "client_secret": ({"config": {"idp_client_secret": "x"}}, "use the value `identityProvider.existingSecret`"),
    "signing_key": ({"config": {"signing_key": "x"}}, "use the value `signingKey.existingSecret`"),
    "certificate_key": ({"config": {"certificate_key": "x"}}, "use the value `tls.existingSecrets`"),
    "secret_even_in_a_secret": ({"configStorage": "Secret", "config": {"cookie_secret": "x"}}, "secrets.existingSecret"),
    "address": ({"config": {"address": ":443"}}, "use the value `ports.proxy`"),
    "health": ({"config": {"health_check_addr": ":1"}}, "use the value `ports.health`"),
    "storage": ({"config": {"databroker_storage_type": "file"}}, "use the value `persistence.enabled`"),
    "secret_in_a_variable": (
        {"extraEnv": [{"name": "SHARED_SECRET", "value": "x"}]}, "`extraEnv` has `SHARED_SECRET`"),
    "routes_in_a_variable": ({"extraEnv": [{"name": "ROUTES", "value": "x"}]}, "`extraEnv` has `ROUTES`"),
    "token_in_a_route": (
        {"config": {"routes": [{**ROUTES[0], "kubernetes_service_account_token": "x"}]}},
        "`config.routes[0].kubernetes_service_account_token` is a secret"),
    "client_secret_in_a_route": (
        {"config": {"routes": [{**ROUTES[0], "idp_client_secret": "x"}]}}, "`config.routes[0].idp_client_secret` is a secret"),
    "service_account": ({"config": {"IDP_service_account": "x"}}, "`config.IDP_service_account` is a secret"),
    "key_in_a_route": ({"config": {"Routes": [{"TLS_Client_Key": "x"}]}}, "configStorage: Secret"),
    "literal_header": (
        {"config": {"routes": [ROUTES[1], {**ROUTES[0], "set_request_headers": {"authorization": "Basic x"}}]}},
        "`config.routes[1].set_request_headers.authorization` looks like a secret"),
    "literal_api_key": (
        {"config": {"policy": [{"set_request_headers": {"X-Api-Key": "x"}}]}}, "looks like a secret"),
    "two_configurations": ({"config": CONFIG, "existingConfig": {"name": "own"}}, "exclude each other"),
    "certificates_of_an_own_configuration": (
        {"existingConfig": {"name": "own"}, "tls": {"existingSecrets": ["a", "b"]}}, "`existingConfig`"),
    "restart_on_what_is_not_seen": (
        {"existingConfig": {"name": "own"}, "restartOnConfigChange": True}, "`restartOnConfigChange`"),
    "no_secrets": ({"secrets": {"generate": False}}, "there is no secret"),
    "one_secret_for_both": ({"secrets": {"sharedSecretKey": "a", "cookieSecretKey": "a"}}, "are the same"),
    "no_client_secret": ({"config": LOGIN}, "the client's secret is missing"),
    "secret_of_a_public_client": (
        {"identityProvider": {"existingSecret": "a", "publicClient": True}}, "exclude each other"),
    "plain_http_with_a_certificate": (
        {"gateway": {"plainHttp": True}, "tls": {"existingSecrets": ["a"]}}, "exclude each other"),
    "checks_of_a_gateway": ({"extAuthz": {"plaintext": True}}, "is for `mode: ext-authz`"),
    "keys_of_a_gateway": ({"extAuthz": {"jwks": True}}, "is for `mode: ext-authz`"),
    "keys_on_the_port_of_checks": (
        {**PLAIN, "extAuthz": {"plaintext": True, "jwks": True}, "ports": {"jwks": 5444}}, "`ports.jwks` is a port of its own"),
    "istio_of_a_gateway": ({"istio": {"enabled": True}}, "is for `mode: ext-authz`"),
    "checks_in_clear_text": ({"mode": "ext-authz"}, "checks carry credentials"),
    "checks_both_ways": (
        {"mode": "ext-authz", "extAuthz": {"plaintext": True, "tls": {"existingSecret": "a"}}}, "exclude each other"),
    "certificates_of_no_gateway": ({**PLAIN, "tls": {"existingSecrets": ["a"]}}, "are for `mode: gateway`"),
    "open_checks": ({**PLAIN, "service": {"type": "LoadBalancer"}}, "of type ClusterIP"),
    "istio_of_no_namespace": ({**PLAIN, "istio": {"enabled": True}}, "authorizationPolicy.namespace` is missing"),
    "istio_of_everything": (
        {**PLAIN, "istio": {"enabled": True, "authorizationPolicy": {"namespace": "a"}}}, "every workload"),
    "istio_of_both": (
        {**PLAIN, "istio": {"enabled": True, "authorizationPolicy": {
            "namespace": "a", "selector": {"a": "b"}, "targetRefs": [GATEWAY_REF]}}}, "not both"),
    "several_pods": ({"replicaCount": 2}, "pods do not share sessions"),
    "autoscaling": ({"autoscaling": {"enabled": True}}, "pods do not share sessions"),
    "several_pods_of_one_store": (
        {"replicaCount": 2, "sessions": {"perPod": True}, "persistence": {"enabled": True}}, "one process"),
    "autoscaling_backwards": (
        {"sessions": {"perPod": True}, "autoscaling": {"enabled": True, "minReplicas": 9}}, "minReplicas"),
    "no_time_to_drain": ({"drainSeconds": 25}, "terminationGracePeriodSeconds"),
    "one_port_for_both": ({"ports": {"health": 8443}}, "a port of its own"),
    # What the schema refuses.
    "unknown_value": ({"replicas": 1}, "replicas"),
    "unknown_mode": ({"mode": "split"}, "mode"),
    "low_port": ({"ports": {"proxy": 443}}, "/ports/proxy"),
    "root": ({"securityContext": {"runAsUser": 0}}, "runAsUser"),
    "latest": ({"image": {"tag": "latest"}}, "tag"),
    "tag_as_digest": ({"image": {"digest": "latest"}}, "digest"),
    "volume_of_the_host": ({"extraVolumes": [{"name": "a", "hostPath": {"path": "/"}}]}, "hostPath"),
    "volume_of_ours": ({"extraVolumes": [{"name": "secrets", "emptyDir": {}}]}, "extraVolumes"),
    "mount_over_ours": ({"extraVolumeMounts": [{"name": "a", "mountPath": "/etc/portcullis"}]}, "mountPath"),
    "selector_label": ({"podLabels": {"app.kubernetes.io/name": "x"}}, "invalid propertyName"),
    "provider_of_istio": ({"istio": {"providerName": "Not_a_label"}}, "providerName"),
    "argument_of_two_words": ({"extraArgs": ["--xds sotw"]}, "extraArgs"),
}


class Refusals(unittest.TestCase):
    """A test for each is added below."""

    def test_what_is_refused_here_is_right_without_the_fault(self):
        chart.render({"config": CONFIG})
        chart.render(PLAIN)

    def test_no_message_repeats_a_secret(self):
        secret = strong()
        for key in ("shared_secret", "cookie_secret", "idp_client_secret", "signing_key"):
            with self.assertRaises(helm_python.HelmError) as refused:
                chart.render({"config": {key: secret}})
            self.assertNotIn(secret, str(refused.exception))


def add(name, values, words):
    def test(self):
        with self.assertRaises(helm_python.HelmError) as refused:
            chart.render(values)
        self.assertIn(words, str(refused.exception))

    setattr(Refusals, f"test_{name}_is_refused", test)


for name, (values, words) in REFUSALS.items():
    add(name, values, words)
