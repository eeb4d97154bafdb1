"""A Kubernetes API server with a handful of objects, for what the chart looks up."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import chart
import helm_python
import yaml

Object = dict[str, Any]
KINDS = {"Secret": "secrets", "ServiceAccount": "serviceaccounts", "Namespace": "namespaces"}


def place(found: Object) -> str:
    namespace = found["metadata"].get("namespace")
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"/api/v1{within}/{KINDS[found['kind']]}/{found['metadata']['name']}"


def service_account() -> Object:
    """That which every namespace has."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": chart.NAMESPACE}}


def secret(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "data": data, "metadata": {"name": name, "namespace": chart.NAMESPACE}}


class Cluster:
    """Serves `objects`, and nothing else, while its block runs."""

    def __init__(self, *objects: Object):
        self.objects = {place(o): o for o in objects}
        self.written: list[str] = []

    def answer(self, path: str) -> tuple[int, Object]:
        resources = [
            {"name": plural, "kind": kind, "namespaced": kind != "Namespace", "verbs": ["get", "list"], "singularName": ""}
            for kind, plural in KINDS.items()
        ]
        discovery = {
            "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources},
        }
        known = discovery | self.objects
        if path in known:
            return 200, known[path]
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        return 404, status

    def __enter__(self) -> "Cluster":
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                code, body = cluster.answer(self.path.split("?")[0])
                text = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def refuse(self):
                cluster.written.append(f"{self.command} {self.path}")
                self.send_error(405)

            do_POST = do_PUT = do_PATCH = do_DELETE = refuse

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        server = f"http://127.0.0.1:{self.server.server_port}"
        kubeconfig = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": server}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {}}],
        }
        self.config = helm_python.Config(kubeconfig_content=yaml.safe_dump(kubeconfig), namespace=chart.NAMESPACE)
        return self

    def __exit__(self, *_):
        self.config.close()
        self.server.shutdown()
        self.server.server_close()

    def render(self, values: Object) -> list[Object]:
        texts = self.config.render(chart.chart(), values, name=chart.RELEASE, namespace=chart.NAMESPACE)
        return chart.objects_of(texts)
