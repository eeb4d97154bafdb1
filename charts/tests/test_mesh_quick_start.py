"""The commands of README.md for a mesh, run as they are written on a clean copy, with stand-ins
for what speaks to a cluster; and what the configuration is then."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import chart
import yaml
from kubelet import binary, strong
from test_mesh_examples import GIVEN, PLACE, of, resources

DOMAIN, ISSUER, CLIENT, REGISTRY = "example.net", "https://login.example.net", "portcullis", "registry.example.net"
SHAPE = "sidecar-ingress"
STAND_IN = """#!/usr/bin/env python3
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]) + "\\n")
"""


def blocks():
    """The commands of the section, and what stands between them."""
    section = (chart.ROOT / "README.md").read_text().split("### In a mesh\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


class QuickStart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        shutil.copytree(PLACE, cls.place / "examples/istio")
        for name in ("client-secret", "tls.crt", "tls.key"):
            (cls.place / name).write_text(name)
        tools = cls.place / "tools"
        tools.mkdir()
        for name in ("helm", "kubectl"):
            (tools / name).write_text(STAND_IN)
            (tools / name).chmod(0o755)
        calls = cls.place / "calls"
        _, commands = blocks()
        environment = {"PATH": f"{tools}:{os.environ['PATH']}", "CALLS": str(calls), "HOME": str(cls.place)}
        subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=cls.place, env=environment, check=True)
        cls.calls = [json.loads(line) for line in calls.read_text().splitlines()]

    def test_without_a_cluster_it_is_one_command_of_a_script_that_is_there(self):
        first, _ = blocks()
        (script,) = re.findall(r"^bash (\S+)", first, re.MULTILINE)
        self.assertTrue((chart.ROOT / script).is_file())

    def test_no_name_of_the_examples_is_left(self):
        for path in (self.place / "my-mesh").rglob("*.yaml"):
            self.assertEqual(re.findall(r"\S*example\.(?:com|org)\S*", path.read_text()), [], path)
        config = yaml.safe_load((self.place / "my-mesh/portcullis/config.yaml").read_text())
        self.assertEqual((config["idp_provider_url"], config["idp_client_id"]), (ISSUER, CLIENT))
        self.assertEqual([route["from"] for route in config["routes"]], [f"https://wiki.{DOMAIN}", f"https://admin.{DOMAIN}"])
        images = re.findall(r"image: (\S+)/", "".join(p.read_text() for p in (self.place / "my-mesh").rglob("*.yaml")))
        self.assertEqual(set(images), {REGISTRY})

    def test_nothing_but_names_is_replaced(self):
        back = [(ISSUER, "https://login.example.org"), (REGISTRY, "registry.example.com"), (DOMAIN, "example.com")]
        for path in PLACE.rglob("*.yaml"):
            text = (self.place / "my-mesh" / path.relative_to(PLACE)).read_text()
            for ours, theirs in back:
                text = text.replace(ours, theirs)
            self.assertEqual(text, path.read_text())

    def test_each_command_finds_what_the_ones_before_have_made(self):
        namespaces, made, applied = set(GIVEN), {}, None
        self.assertEqual(self.calls[0][:3], ["helm", "upgrade", "istiod"])
        for call in self.calls:
            # Everything is there before what needs it is applied.
            self.assertIsNone(applied, call)
            files = [call[at + 1] for at, word in enumerate(call) if word == "-f"]
            files += [word.rpartition("=")[2] for word in call if re.match("--(from-file|cert|key)=", word)]
            for file in files:
                self.assertTrue((self.place / file).is_file(), call)
            if call[:3] == ["kubectl", "apply", "-f"]:
                (file,) = files
                self.assertEqual(file, f"my-mesh/{SHAPE}/namespaces.yaml")
                documents = yaml.safe_load_all((self.place / file).read_text())
                namespaces |= {document["metadata"]["name"] for document in documents}
            elif call[:3] == ["kubectl", "apply", "-k"]:
                (applied,) = call[3:]
            elif call[0] == "kubectl":
                flag, namespace, create, secret, kind, name, *_ = call[1:]
                self.assertEqual((flag, create, secret), ("-n", "create", "secret"))
                self.assertIn(namespace, namespaces)
                made[namespace, name] = kind
        self.assertEqual(applied, f"my-mesh/{SHAPE}")
        _, objects = resources(SHAPE)
        wanted = {("istio-ingress", server["tls"]["credentialName"]): "tls"
                  for gateway in of(objects, "Gateway") for server in gateway["spec"]["servers"]}
        for deployment in of(objects, "Deployment"):
            for volume in deployment["spec"]["template"]["spec"].get("volumes", []):
                if "secret" in volume:
                    wanted[deployment["metadata"]["namespace"], volume["secret"]["secretName"]] = "generic"
        self.assertEqual(made, wanted)

    def test_the_secrets_are_strong(self):
        literals = dict(word.removeprefix("--from-literal=").split("=", 1)
                        for call in self.calls for word in call if word.startswith("--from-literal="))
        self.assertEqual(set(literals), {"shared-secret", "cookie-secret"})
        self.assertEqual([len(base64.b64decode(value, validate=True)) for value in literals.values()], [32, 32])
        self.assertEqual(len(set(literals.values())), 2)

    def test_the_product_has_nothing_to_say_against_the_configuration(self):
        environment = {"PATH": os.environ["PATH"]}
        for name in ("shared-secret", "cookie-secret", "idp-client-secret"):
            (self.place / name).write_text(strong())
            environment[f"{name.upper().replace('-', '_')}_FILE"] = str(self.place / name)
        config = self.place / "my-mesh/portcullis/config.yaml"
        said = subprocess.run([binary(), "check", "-c", config, "--for", "authz-server"], env=environment,
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(said.stdout + said.stderr, "0 errors, 0 warnings\n")

    def test_what_is_said_to_be_yours_is_in_the_examples(self):
        readme = (PLACE / "README.md").read_text()
        rows = re.findall(r"^\| `([^`]+)` \|", readme.split("## What is yours")[1], re.MULTILINE)
        self.assertGreaterEqual(len(rows), 8)
        everything = "".join(path.read_text() for path in PLACE.rglob("*.yaml"))
        for row in rows:
            self.assertIn(row, everything)
