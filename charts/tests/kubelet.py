"""What a kubelet does before it starts a container: the files of its volumes, its command."""

import base64
import os
import re
import secrets
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from chart import ROOT, config_text
from value_sets import CONFIG

Object = dict[str, Any]


@cache
def binary() -> Path:
    """The product, as cargo has built it for the other tests."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    found = (ROOT / target / "ci/portcullis").resolve()
    if not found.is_file():
        raise AssertionError(f"no {found}: build it with `cargo build --profile ci --bin portcullis`")
    return found


@cache
def certificate() -> tuple[str, str]:
    """A self-signed certificate, and its key."""
    with tempfile.TemporaryDirectory() as place:
        key, chain = Path(place, "key"), Path(place, "chain")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "2", "-subj", "/CN=wiki.example.com", "-addext", "subjectAltName=DNS:wiki.example.com",
             "-keyout", key, "-out", chain],
            check=True, capture_output=True)
        return chain.read_text(), key.read_text()


def strong() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def foreign_file(path: str) -> str:
    """What somebody's own Secret has for this file."""
    made = {
        "shared-secret": strong, "cookie-secret": strong, "client-secret": strong,
        "signing-key": lambda: certificate()[1],
        "tls.crt": lambda: certificate()[0], "tls.key": lambda: certificate()[1],
    }
    return made[path]()


class Container:
    """One container of a pod, with its files below a folder in the place of `/`."""

    def __init__(self, root: Path, spec: Object, objects: list[Object]):
        self.root = root
        (self.container,) = spec["containers"]
        self.files: set[str] = set()
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in self.container["volumeMounts"]:
            self._mount(mount["mountPath"], volumes[mount["name"]], config_text(objects))

    def _mount(self, place: str, volume: Object, text: str | None) -> None:
        (self.root / place[1:]).mkdir(parents=True, exist_ok=True)
        if volume["name"] == "config":
            named = Path(next(a for a in self.arguments() if a.startswith(place))).name
            own = yaml.safe_dump(CONFIG)
            self._write(f"{place}/{named}", self.moved(text if text is not None else own))
            return
        for item in volume.get("secret", {}).get("items", []):
            self._write(f"{place}/{item['path']}", foreign_file(item["path"]))
            self.files.add(f"{place}/{item['path']}")

    def _write(self, place: str, text: str) -> None:
        (self.root / place[1:]).write_text(text)

    def arguments(self) -> list[str]:
        return self.container["args"]

    def moved(self, text: str) -> str:
        """With the folder in the place of `/`."""
        return re.sub(r"(?<![\w.])/(etc/portcullis|var/lib/portcullis)", rf"{self.root}/\1", text)

    def command(self) -> list[str]:
        assert self.container["command"] == ["portcullis"]
        return [str(binary()), *map(self.moved, self.arguments())]

    def environment(self) -> dict[str, str]:
        (self.root / "tmp").mkdir(exist_ok=True)
        own = {e["name"]: self.moved(e["value"]) for e in self.container.get("env", []) if "value" in e}
        return {"PATH": "/usr/bin:/bin", "TMPDIR": str(self.root / "tmp"), **own}

    def says(self) -> str:
        """Everything that may name a file: configuration, arguments, variables."""
        texts = [self.moved(a) for a in self.arguments()] + list(self.environment().values())
        texts += [file.read_text() for file in (self.root / "etc/portcullis/config").iterdir()]
        return "\n".join(texts).replace(str(self.root), "")

    def named_files(self) -> set[str]:
        return set(re.findall(r"/etc/portcullis/[^\s\"']+", self.says()))
