"""Every set of values gives a release that is right in every way."""

import base64
import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import chart
import kubernetes
from kubelet import Container
from value_sets import VALUE_SETS

SELECTOR = {"app.kubernetes.io/name": "portcullis", "app.kubernetes.io/instance": chart.RELEASE}


class ValueSets(unittest.TestCase):
    """A test for each set is added below."""

    def hold(self, values):
        objects = chart.render(values)
        self.valid(objects)
        self.secret_free(objects)
        self.found_by_selectors(objects, values.get("nameOverride"))
        for which, (metadata, spec) in chart.pods(objects).items():
            with self.subTest(pod=which):
                self.assertEqual(list(kubernetes.pod_security_problems(spec)), [])
                with tempfile.TemporaryDirectory() as root:
                    self.read_by_the_product(Container(Path(root), spec, objects))
        # Without a cluster nothing is random, and an upgrade is what an installation was.
        self.assertEqual(objects, chart.render(values))
        self.assertEqual(objects, chart.render(values, is_upgrade=True, is_install=False, revision=7))

    def valid(self, objects):
        names = [(o["kind"], o["metadata"]["name"]) for o in objects]
        self.assertEqual(len(names), len(set(names)), names)
        for found in objects:
            self.assertEqual(list(kubernetes.schema_problems(found)), [])
            self.assertEqual(list(kubernetes.name_problems(found)), [])

    def secret_free(self, objects):
        """No secret in a ConfigMap, an argument or a variable; and none that the chart made up."""
        self.assertEqual([o for o in chart.of_kind(objects, "Secret") if "data" in o], [])
        open_texts = [json.dumps(o) for o in chart.of_kind(objects, "ConfigMap")]
        for _, spec in chart.pods(objects).values():
            for container in spec["containers"]:
                open_texts.append(json.dumps([container["args"], container.get("env")]))
        for text in open_texts:
            self.assertNotRegex(text, r"(?i)(shared_secret|cookie_secret|client_secret|signing_key)\b(?!_file)")
            self.assertNotRegex(text, r"BEGIN [A-Z ]*PRIVATE KEY|Basic [A-Za-z0-9]")
            for word in re.findall(r"[A-Za-z0-9+/]{43}=", text):
                self.assertNotEqual(len(base64.b64decode(word)), 32, word)

    def found_by_selectors(self, objects, name):
        """Selectors are what they ever were, and find the pods that serve and no others."""
        wanted = {**SELECTOR, "app.kubernetes.io/name": name or "portcullis"}
        deployment = chart.one(objects, "Deployment")["spec"]
        found = [deployment["selector"]["matchLabels"], chart.one(objects, "Service")["spec"]["selector"]]
        for kind, key in [("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector"), ("PodMonitor", "selector")]:
            found += [o["spec"][key]["matchLabels"] for o in chart.of_kind(objects, kind)]
        for constraint in deployment["template"]["spec"].get("topologySpreadConstraints", []):
            found.append(constraint["labelSelector"]["matchLabels"])
        self.assertEqual([s for s in found if s != wanted], [])
        pods = chart.pods(objects)
        self.assertLessEqual(wanted.items(), pods["serves"][0]["labels"].items())
        self.assertFalse(wanted.items() <= pods["test"][0]["labels"].items())
        ports = {p["name"] for p in pods["serves"][1]["containers"][0]["ports"]}
        for port in chart.one(objects, "Service")["spec"]["ports"]:
            self.assertIn(port["targetPort"], ports)

    def read_by_the_product(self, container):
        """What is mounted is named, what is named is mounted, and `portcullis check` likes it."""
        config = {f for f in container.named_files() if f.startswith("/etc/portcullis/config/")}
        self.assertEqual(len(config), 1)
        named = container.named_files() - config
        # `check` is told nothing of what stands in the arguments of the process that serves.
        arguments = {f for f in container.files if f.startswith("/etc/portcullis/grpc-tls/")}
        if container.arguments()[0] != "check":
            self.assertEqual(named, container.files)
            return
        self.assertEqual(named, container.files - arguments)
        command = [*container.command(), "--format", "json"]
        said = subprocess.run(command, env=container.environment(), capture_output=True, text=True, timeout=20)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        self.assertNotIn("unknown_key", said.stdout)


def add(name, values):
    def test(self):
        self.hold(values)

    setattr(ValueSets, f"test_{name}", test)


for name, values in VALUE_SETS.items():
    add(name, values)


class Enough(unittest.TestCase):
    def test_there_are_forty_sets_at_least(self):
        self.assertGreaterEqual(len({json.dumps(v, sort_keys=True) for v in VALUE_SETS.values()}), 40)
