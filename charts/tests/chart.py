"""The chart, rendered by Helm's own code."""

from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "charts/portcullis"
RELEASE = "demo"
NAMESPACE = "access"

Object = dict[str, Any]
Values = dict[str, Any]


@cache
def chart() -> helm_python.Chart:
    return helm_python.Chart.load(PLACE)


def render_texts(values: Values, name: str = RELEASE, **options: Any) -> dict[str, str]:
    """Every template's text; Helm holds the values against the schema first."""
    chart().validate_schema(values)
    return chart().render(values, name=name, namespace=NAMESPACE, **options)


def objects_of(texts: dict[str, str]) -> list[Object]:
    """The Kubernetes objects among them."""
    found = []
    for place, text in sorted(texts.items()):
        if not place.endswith("NOTES.txt"):
            found += [document for document in yaml.safe_load_all(text) if document]
    return found


def render(values: Values, name: str = RELEASE, **options: Any) -> list[Object]:
    return objects_of(render_texts(values, name, **options))


def notes(values: Values) -> str:
    return render_texts(values)["portcullis/templates/NOTES.txt"]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [o for o in objects if o["kind"] == kind]


def one(objects: list[Object], kind: str) -> Object:
    (found,) = of_kind(objects, kind)
    return found


def pods(objects: list[Object]) -> dict[str, tuple[Object, Object]]:
    """Metadata and spec of each pod: the one that serves, and that of `helm test`."""
    deployment = one(objects, "Deployment")["spec"]["template"]
    test = next(o for o in of_kind(objects, "Pod") if "helm.sh/hook" in o["metadata"]["annotations"])
    return {
        "serves": (deployment["metadata"], deployment["spec"]),
        "test": (test["metadata"], test["spec"]),
    }


def config_text(objects: list[Object]) -> str | None:
    """The rendered `config.yaml`, whatever it is kept in."""
    for found in objects:
        if found["kind"] in ("ConfigMap", "Secret") and found["metadata"]["name"].endswith("-config"):
            return (found.get("data") or found["stringData"])["config.yaml"]
    return None
