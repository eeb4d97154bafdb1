"""The chart as such, its schema, and what its objects say."""

import json
import tempfile
import unittest
from pathlib import Path

import chart
import helm_python
import yaml
from value_sets import CONFIG, GATEWAY_REF, PLAIN, VALUE_SETS, istio

DEFAULTS = yaml.safe_load((chart.PLACE / "values.yaml").read_text())
SCHEMA = json.loads((chart.PLACE / "values.schema.json").read_text())
# Objects whose inside is others' to say: Portcullis' configuration, and Kubernetes'.
OPEN = {"config", "extraObjects", "nodeAffinity", "podAffinity", "podAntiAffinity", "configMap", "secret", "projected",
        "emptyDir", "csi", "downwardAPI", "persistentVolumeClaim", "ephemeral"}


def resolved(schema):
    return SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def groups(schema, path=()):
    """Every object of the values that has named parts."""
    if "properties" in schema:
        yield path
        for name, part in schema["properties"].items():
            yield from groups(part, (*path, name))


class Shape(unittest.TestCase):
    def test_helm_has_nothing_to_say_against_it(self):
        for values in ({}, {"config": CONFIG}, PLAIN):
            report = helm_python.lint(chart.PLACE, values, strict=True, namespace=chart.NAMESPACE)
            self.assertEqual(report["errors"], [])
            said = [m["error"] for m in report["messages"]]
            self.assertEqual(said, ["icon is recommended"])

    def test_the_archive_is_the_chart(self):
        with tempfile.TemporaryDirectory() as place:
            archive = helm_python.package(chart.PLACE, destination=place)
            with helm_python.Chart.load(archive) as packed:
                rendered = packed.render({"config": CONFIG}, name=chart.RELEASE, namespace=chart.NAMESPACE)
        self.assertEqual(rendered, chart.render_texts({"config": CONFIG}))

    def test_the_schema_names_every_value_and_no_other(self):
        def hold(values, schema, path):
            self.assertEqual(set(values), set(schema["properties"]), path)
            for name, part in schema["properties"].items():
                if "properties" in part and values[name] != {}:
                    hold(values[name], part, f"{path}.{name}")

        hold(DEFAULTS, SCHEMA, "values")

    def test_the_schema_closes_every_object(self):
        def walk(schema, name):
            if isinstance(schema, list):
                for part in schema:
                    walk(part, name)
            if not isinstance(schema, dict):
                return
            if schema.get("type") == "object" and name not in OPEN:
                self.assertIn("additionalProperties", schema, name)
                if "properties" in schema:
                    self.assertIs(schema["additionalProperties"], False, name)
            for key, part in schema.items():
                walk(part, name if key in ("items", "properties", "additionalProperties") else key)

        walk({k: v for k, v in SCHEMA.items() if k != "definitions"}, "values")
        walk(SCHEMA["definitions"], "definitions")

    def test_a_value_that_is_not_in_the_schema_is_refused_at_every_depth(self):
        paths = list(groups(SCHEMA))
        self.assertGreater(len(paths), 25)
        for path in paths:
            values = {"unheardOf": 1}
            for name in reversed(path):
                values = {name: values}
            with self.subTest(path=".".join(path)), self.assertRaisesRegex(helm_python.HelmValuesError, "unheardOf"):
                chart.chart().validate_schema(values)

    def test_every_value_is_in_the_readme(self):
        text = (chart.PLACE / "README.md").read_text()
        for name in DEFAULTS:
            self.assertRegex(text, rf"`{name}[`.]", name)

    def test_the_chart_has_the_version_of_the_product(self):
        cargo = (chart.ROOT / "Cargo.toml").read_text()
        self.assertIn(f'version = "{chart.chart().metadata["appVersion"]}"', cargo)

    def test_long_names_stay_within_what_kubernetes_takes(self):
        values = {"config": CONFIG, "persistence": {"enabled": True}, "nameOverride": "n" * 63}
        for values in (values, {**values, "fullnameOverride": "f" * 63}):
            for found in chart.render(values, name="r" * 53):
                self.assertLessEqual(len(found["metadata"]["name"]), 63)
                for label in found["metadata"]["labels"].values():
                    self.assertLessEqual(len(label), 63)

    def test_the_process_keeps_running_over_a_new_configuration(self):
        def template(**values):
            return chart.one(chart.render(values), "Deployment")["spec"]["template"]

        other = {"routes": CONFIG["routes"][:1]}
        self.assertEqual(template(config=CONFIG), template(config=other))
        self.assertNotEqual(template(config=CONFIG), template(config={**CONFIG, "Log_Level": "debug"}))
        restarts = [template(config=c, restartOnConfigChange=True) for c in (CONFIG, other)]
        self.assertNotEqual(*restarts)

    def test_one_process_holds_the_store(self):
        strategies = [chart.one(chart.render(VALUE_SETS[n]), "Deployment")["spec"]["strategy"] for n in ("persistence", "routes")]
        self.assertEqual(strategies, [
            {"type": "Recreate"}, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}])

    def test_the_autoscaler_has_the_last_word_on_pods(self):
        objects = chart.render(VALUE_SETS["autoscaling"])
        self.assertNotIn("replicas", chart.one(objects, "Deployment")["spec"])
        scaled = chart.one(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
        self.assertEqual(scaled["name"], chart.one(objects, "Deployment")["metadata"]["name"])


class Network(unittest.TestCase):
    def policy(self, values):
        return chart.one(chart.render(values), "NetworkPolicy")["spec"]

    def test_what_is_not_named_is_denied(self):
        for values in ({"config": CONFIG}, PLAIN):
            policy = self.policy(values)
            self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
            self.assertNotIn({}, policy["ingress"] + policy["egress"])

    def test_everybody_reaches_a_gateway_and_nobody_its_health(self):
        self.assertEqual(self.policy({"config": CONFIG})["ingress"], [{"ports": [{"port": "https"}]}])

    def test_checks_are_for_the_own_namespace_and_the_gateways(self):
        (rule,) = self.policy(PLAIN)["ingress"]
        self.assertEqual(rule, {"ports": [{"port": "grpc"}], "from": [{"podSelector": {}}]})
        (rule,) = self.policy(istio(targetRefs=[GATEWAY_REF]))["ingress"]
        gateways = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-ingress"}}}
        self.assertEqual(rule["from"], [{"podSelector": {}}, gateways])

    def test_public_keys_are_for_everybody_and_checks_are_not(self):
        checks, keys = self.policy({**PLAIN, "extAuthz": {"plaintext": True, "jwks": True}})["ingress"]
        self.assertEqual(checks, {"ports": [{"port": "grpc"}], "from": [{"podSelector": {}}]})
        self.assertEqual(keys, {"ports": [{"port": "http-jwks"}]})

    def test_who_only_decides_reaches_no_application(self):
        reached = [rule.get("to") for rule in self.policy(PLAIN)["egress"]]
        self.assertNotIn([{"namespaceSelector": {}}], reached)
        self.assertIn([{"namespaceSelector": {}}], [r.get("to") for r in self.policy({"config": CONFIG})["egress"]])


class Mesh(unittest.TestCase):
    def test_the_policy_asks_for_every_request(self):
        policy = chart.one(chart.render(istio(targetRefs=[GATEWAY_REF])), "AuthorizationPolicy")
        self.assertEqual(policy["metadata"]["namespace"], "istio-ingress")
        self.assertEqual(policy["spec"], {
            "targetRefs": [GATEWAY_REF], "action": "CUSTOM", "provider": {"name": "portcullis"}, "rules": [{}]})

    def test_the_notes_have_the_provider_to_paste(self):
        for extra in ({}, {"service": {"port": 9000}}):
            values = {**istio(selector={"istio": "ingressgateway"}), **extra}
            text = chart.notes(values)
            (provider,) = yaml.safe_load(text[text.index("meshConfig:"):])["meshConfig"]["extensionProviders"]
            service = chart.one(chart.render(values), "Service")
            policy = chart.one(chart.render(values), "AuthorizationPolicy")
            self.assertEqual(provider["name"], policy["spec"]["provider"]["name"])
            grpc = provider["envoyExtAuthzGrpc"]
            host = f"{service['metadata']['name']}.{chart.NAMESPACE}.svc.cluster.local"
            self.assertEqual((grpc["service"], grpc["port"]), (host, service["spec"]["ports"][0]["port"]))
            self.assertEqual((grpc["failOpen"], grpc["statusOnError"]), (False, "503"))

    def test_the_notes_have_the_address_of_the_public_keys(self):
        values = {**istio(selector={"istio": "ingressgateway"}), "extAuthz": {"plaintext": True, "jwks": True}}
        service = chart.one(chart.render(values), "Service")
        _, keys = service["spec"]["ports"]
        self.assertEqual(keys, {"name": "http-jwks", "port": 5445, "targetPort": "http-jwks", "appProtocol": "http"})
        place = f"{service['metadata']['name']}.{chart.NAMESPACE}.svc.cluster.local:{keys['port']}"
        self.assertIn(f"jwksUri: http://{place}/.well-known/pomerium/jwks.json\n", chart.notes(values))

    def test_envoy_and_istio_know_what_the_port_speaks(self):
        spoken = {"ext_authz": "grpc", "ext_authz_tls": "tls", "routes": "https", "plain_http": "http"}
        for name, protocol in spoken.items():
            (port,) = chart.one(chart.render(VALUE_SETS[name]), "Service")["spec"]["ports"]
            self.assertEqual(port["appProtocol"], protocol, name)

    def test_the_notes_name_the_next_step(self):
        self.assertIn("There is no route yet", chart.notes({}))
        self.assertIn("self-signed", chart.notes({"config": CONFIG}))
        self.assertNotIn("self-signed", chart.notes(VALUE_SETS["one_certificate"]))
        self.assertIn("Never set `failure_mode_allow`", chart.notes(PLAIN))
        self.assertIn("port 443", chart.notes({"config": CONFIG}))
        self.assertNotIn("failure_mode_allow: true", chart.notes(PLAIN))
