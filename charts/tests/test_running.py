"""The processes that the chart starts take its arguments and answer its probes."""

import json
import os
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import chart
from kubelet import Container, binary
from value_sets import CONFIG, PLAIN, VALUE_SETS

ENVOY = chart.ROOT / ".cache/envoy/1.40.0/envoy"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for held in sockets:
        held.bind(("0.0.0.0", 0))
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def status(port: int, path: str) -> int | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


class Running(unittest.TestCase):
    def started(self, root: str, values):
        objects = chart.render(values)
        _, spec = chart.pods(objects)["serves"]
        container = Container(Path(root), spec, objects)
        self.mounted = self.outside_of_tmp(root) | {"log"}
        environment = container.environment() | {"PORTCULLIS_ENVOY": str(ENVOY)}
        log = open(Path(root, "log"), "w")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            container.command(), env=environment, stderr=log, stdout=log, stdin=subprocess.DEVNULL, cwd=root)
        self.addCleanup(self.stopped, process)
        return container.container, process

    def outside_of_tmp(self, root: str) -> set[str]:
        places = {str(p.relative_to(root)) for p in Path(root).rglob("*")}
        return {p for p in places if p != "tmp" and not p.startswith("tmp/")}

    def stopped(self, process):
        if process.poll() is None:
            process.terminate()
            process.wait(20)

    def answers(self, container, process, log: Path):
        """All probes of the container, within a minute."""
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container[name]["httpGet"]
            until = time.monotonic() + 60
            while (answer := status(ports[probe["port"]], probe["path"])) != 200:
                self.assertIsNone(process.poll(), log.read_text())
                self.assertLess(time.monotonic(), until, f"{name}: {answer}\n{log.read_text()}")
                time.sleep(0.1)

    def test_a_gateway_answers_its_probes_and_ends_when_it_is_told(self):
        self.assertTrue(ENVOY.is_file(), f"no {ENVOY}: run `envoy/install.sh`")
        proxy, health = free_ports(2)
        values = {**VALUE_SETS["three_certificates"], "ports": {"proxy": proxy, "health": health}}
        with tempfile.TemporaryDirectory() as root:
            container, process = self.started(root, values)
            self.answers(container, process, Path(root, "log"))
            with socket.create_connection(("127.0.0.1", proxy), timeout=5):
                pass
            # The root file system is read-only in a pod: nothing is written but below /tmp.
            self.assertEqual(self.outside_of_tmp(root), self.mounted)
            self.assertTrue(any(Path(root, "tmp").iterdir()))
            process.terminate()
            self.assertEqual(process.wait(20), 0, Path(root, "log").read_text())

    def test_a_decider_alone_answers_its_probes(self):
        grpc, health = free_ports(2)
        with tempfile.TemporaryDirectory() as root:
            container, process = self.started(root, {**PLAIN, "ports": {"grpc": grpc, "health": health}})
            self.answers(container, process, Path(root, "log"))
            with socket.create_connection(("127.0.0.1", grpc), timeout=5):
                pass
            self.assertEqual(self.outside_of_tmp(root), self.mounted)
            process.terminate()
            self.assertEqual(process.wait(20), 0, Path(root, "log").read_text())

    def test_a_decider_shows_its_public_keys_to_anybody(self):
        grpc, health, keys = free_ports(3)
        ports = {"grpc": grpc, "health": health, "jwks": keys}
        with tempfile.TemporaryDirectory() as root:
            container, process = self.started(root, {**PLAIN, "extAuthz": {"plaintext": True, "jwks": True}, "ports": ports})
            self.answers(container, process, Path(root, "log"))
            address = f"http://127.0.0.1:{keys}/.well-known/pomerium/jwks.json"
            with urllib.request.urlopen(address, timeout=5) as answer:
                (key,) = json.load(answer)["keys"]
            self.assertEqual((key["alg"], "d" in key), ("ES256", False))
            process.terminate()
            self.assertEqual(process.wait(20), 0, Path(root, "log").read_text())

    def test_the_command_line_has_every_option_of_the_chart(self):
        for name in ("routes", "extras", "ext_authz", "ext_authz_tls", "ext_authz_keys"):
            _, spec = chart.pods(chart.render(VALUE_SETS[name]))["serves"]
            arguments = spec["containers"][0]["args"]
            command = [str(binary()), arguments[0], "--help"]
            said = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
            for option in [a for a in arguments if a.startswith("--")]:
                self.assertRegex(said.stdout, rf"{option}\b", name)

    def test_a_configuration_that_is_wrong_fails_the_test_of_the_release(self):
        broken = {"config": {**CONFIG, "authenticate_service_url": "not an address"}}
        objects = chart.render(broken)
        _, spec = chart.pods(objects)["test"]
        with tempfile.TemporaryDirectory() as root:
            container = Container(Path(root), spec, objects)
            said = subprocess.run(
                container.command(), env=container.environment(), capture_output=True, text=True, timeout=20)
        self.assertEqual(said.returncode, 1, said.stdout + said.stderr)
        self.assertIn("authenticate_service_url", said.stdout)
