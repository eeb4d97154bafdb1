"""The manifests of examples/istio: Kubernetes' own kinds by its schemas, the mesh's by what
they must say for a request to be asked about. The Envoys that Istio makes of them run in
tests/e2e/tests/examples_istio.rs."""

import json
import re
import unittest
from functools import cache

import chart
import kubernetes
import mesh_kinds
import yaml

PLACE = chart.ROOT / "examples/istio"
SHAPES = ("sidecar-ingress", "gateway-api", "ambient-waypoint")
# Of Istio itself, and there before anything of ours.
GIVEN = {"istio-ingress"}
EVERYTHING = [{}]


def load(path):
    return [document for document in yaml.safe_load_all((PLACE / path).read_text()) if document]


def resources(directory):
    """Every file that `kubectl apply -k` would read, and the objects in them."""
    (kustomization,) = load(f"{directory}/kustomization.yaml")
    files, objects = [f"{directory}/kustomization.yaml"], []
    for made in kustomization.get("configMapGenerator", []):
        files += [f"{directory}/{name}" for name in made["files"]]
        data = {name: (PLACE / directory / name).read_text() for name in made["files"]}
        metadata = {"name": made["name"], "namespace": made["namespace"]}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    for name in kustomization["resources"]:
        if name.startswith("../"):
            more = resources(name.removeprefix("../"))
        else:
            more = [f"{directory}/{name}"], load(f"{directory}/{name}")
        files, objects = files + more[0], objects + more[1]
    return files, objects


@cache
def shape(name):
    return resources(name)[1]


def of(objects, kind, **spec):
    return [o for o in objects if o["kind"] == kind and all(o["spec"].get(k) == v for k, v in spec.items())]


def named(objects, kind, name, namespace):
    (found,) = [o for o in objects if o["kind"] == kind
                and (o["metadata"]["name"], o["metadata"].get("namespace")) == (name, namespace)]
    return found


def attachment(policy):
    """What it holds for, which must be said in one way."""
    return policy["spec"].get("selector"), policy["spec"].get("targetRefs")


def filter_of(path, name):
    (listener,) = yaml.safe_load(path.read_text())["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return manager, next(f["typed_config"] for f in manager["http_filters"] if f["name"] == name)


(MESH_CONFIG,) = load("mesh-config.yaml")
(CONFIG,) = load("portcullis/config.yaml")
HOSTS = [route["from"].removeprefix("https://") for route in CONFIG["routes"]]
JWKS = "http://portcullis.portcullis.svc.cluster.local:5445/.well-known/pomerium/jwks.json"


class MeshExamples(unittest.TestCase):
    def test_every_file_belongs_to_a_shape_or_is_run(self):
        used = {file for name in SHAPES for file in resources(name)[0]}
        used |= {"mesh-config.yaml", "envoy.yaml", "second-envoy.yaml", "README.md", "run.sh"}
        self.assertEqual(used, {str(p.relative_to(PLACE)) for p in PLACE.rglob("*") if p.is_file()})

    def test_an_api_server_takes_every_field(self):
        for objects in map(shape, SHAPES):
            for found in objects:
                of_the_mesh = (found["apiVersion"], found["kind"]) in mesh_kinds.SPECS
                problems = mesh_kinds.of_object(found) if of_the_mesh else kubernetes.schema_problems(found)
                self.assertEqual(list(problems), [], found["metadata"])
            names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects]
            self.assertEqual(len(names), len(set(names)))
            spaces = GIVEN | {o["metadata"]["name"] for o in objects if o["kind"] == "Namespace"}
            self.assertLessEqual({n[1] for n in names} - {None}, spaces)

    def test_istio_and_kustomize_know_every_option(self):
        self.assertEqual(list(mesh_kinds.problems(MESH_CONFIG, mesh_kinds.MESH_CONFIG)), [])
        places = sorted(PLACE.rglob("kustomization.yaml"))
        self.assertGreaterEqual(len(places), 6)
        for place in places:
            (kustomization,) = load(place.relative_to(PLACE))
            self.assertEqual(list(mesh_kinds.problems(kustomization, mesh_kinds.KUSTOMIZATION)), [], place)

    def test_a_field_too_many_is_found_wherever_it_stands(self):
        def broken(found, *path):
            copy = json.loads(json.dumps(found))
            place = copy
            for key in path:
                place = place[key]
            place["made_up"] = "x"
            return list(mesh_kinds.of_object(copy))

        for objects in map(shape, SHAPES):
            for found in objects:
                if (found["apiVersion"], found["kind"]) in mesh_kinds.SPECS:
                    self.assertNotEqual(broken(found, "spec"), [], found["metadata"])
        objects = shape("sidecar-ingress")
        (peers,) = of(objects, "PeerAuthentication")
        self.assertNotEqual(broken(peers, "spec", "mtls"), [])
        # What kubectl said of a port that was no text.
        peers = {**peers, "spec": {**peers["spec"], "portLevelMtls": {5445: {"mode": "PERMISSIVE"}}}}
        self.assertEqual(list(mesh_kinds.of_object(peers)), ["PeerAuthentication.spec.portLevelMtls: the key 5445 is no text"])
        policy = named(objects, "AuthorizationPolicy", "portcullis", "portcullis")
        self.assertNotEqual(broken(policy, "spec", "rules", 0, "to", 0, "operation"), [])
        self.assertNotEqual(list(mesh_kinds.of_object({**policy, "spec": {**policy["spec"], "rules": {}}})), [])

    def test_every_request_of_the_gateway_is_asked_about(self):
        (provider,) = MESH_CONFIG["meshConfig"]["extensionProviders"]
        for objects in map(shape, SHAPES):
            (policy,) = of(objects, "AuthorizationPolicy", action="CUSTOM")
            self.assertEqual(policy["spec"]["rules"], EVERYTHING)
            self.assertEqual(policy["spec"]["provider"], {"name": provider["name"]})
            selector, references = attachment(policy)
            self.assertNotEqual(selector is None, references is None)
            for reference in references or []:
                gateway = named(objects, reference["kind"], reference["name"], policy["metadata"]["namespace"])
                self.assertEqual(gateway["apiVersion"].split("/")[0], reference["group"])
            if selector:
                (gateway,) = [o for o in of(objects, "Gateway") if "selector" in o["spec"]]
                self.assertEqual(selector["matchLabels"], gateway["spec"]["selector"])
                self.assertEqual(policy["metadata"]["namespace"], gateway["metadata"]["namespace"])

    def test_a_policy_without_a_rule_for_everything_is_refused_by_the_cluster(self):
        (provider,) = MESH_CONFIG["meshConfig"]["extensionProviders"]
        for objects in map(shape, SHAPES):
            (guard,) = of(objects, "ValidatingAdmissionPolicy", failurePolicy="Fail")
            (binding,) = of(objects, "ValidatingAdmissionPolicyBinding", validationActions=["Deny"])
            self.assertEqual(binding["spec"]["policyName"], guard["metadata"]["name"])
            self.assertEqual(set(binding["spec"]), {"policyName", "validationActions"}, "it holds for every namespace")
            (rule,) = guard["spec"]["matchConstraints"]["resourceRules"]
            self.assertEqual(rule, {"apiGroups": ["security.istio.io"], "apiVersions": ["*"],
                                    "operations": ["CREATE", "UPDATE"], "resources": ["authorizationpolicies"]})
            (validation,) = guard["spec"]["validations"]
            self.assertIn(f"provider.name != '{provider['name']}'", validation["expression"])
            # Each part of a rule that makes it one for less than everything.
            parts = mesh_kinds.SPECS["security.istio.io/v1", "AuthorizationPolicy"]["rules"][0]
            self.assertEqual(set(re.findall(r"!has\(rule\.(\w+)\)", validation["expression"])), set(parts))

    def test_the_provider_is_a_port_that_speaks_grpc_and_fails_closed(self):
        (provider,) = MESH_CONFIG["meshConfig"]["extensionProviders"]
        grpc = provider["envoyExtAuthzGrpc"]
        self.assertEqual((grpc["failOpen"], grpc["statusOnError"]), (False, "503"))
        self.assertIn(grpc["timeout"], ("1s", "2s", "3s", "4s", "5s"))
        name, namespace = grpc["service"].removesuffix(".svc.cluster.local").split(".")
        for objects in map(shape, SHAPES):
            service = named(objects, "Service", name, namespace)["spec"]
            self.assertNotEqual(service.get("clusterIP"), "None")
            (port,) = [p for p in service["ports"] if p["port"] == grpc["port"]]
            self.assertEqual((port["name"], port["appProtocol"]), ("grpc", "grpc"))

    def test_portcullis_starts_with_what_is_mounted(self):
        for objects in map(shape, SHAPES):
            deployment = named(objects, "Deployment", "portcullis", "portcullis")["spec"]
            pod = deployment["template"]["spec"]
            self.assertEqual(list(kubernetes.pod_security_problems(pod)), [])
            self.assertEqual(deployment["replicas"], 1, "sessions are in one process")
            (container,) = pod["containers"]
            mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
            self.assertEqual(container["args"][:3], ["authz-server", "-c", f"{mounts['config']}/config.yaml"])
            self.assertEqual({v["name"] for v in pod["volumes"]}, set(mounts))
            named(objects, "ConfigMap", pod["volumes"][0]["configMap"]["name"], "portcullis")
            ports = {p["name"]: p["containerPort"] for p in container["ports"]}
            flag, keys = container["args"][-2:]
            self.assertEqual(flag, "--jwks-address")
            places = [CONFIG["grpc_address"], keys, CONFIG["health_check_addr"]]
            self.assertEqual([f"0.0.0.0:{ports[name]}" for name in ("grpc", "http-jwks", "health")], places)
            files = {v for k, v in CONFIG.items() if k.endswith("_file")}
            readme = (chart.ROOT / "README.md").read_text()
            keys = re.findall(r"--from-(?:literal|file)=([a-z-]+)=", readme)
            self.assertEqual({f"{mounts['secrets']}/{key}" for key in keys}, files)

    def test_services_reach_pods_and_every_host_a_service(self):
        for objects in map(shape, SHAPES):
            services = {(s["metadata"]["name"], s["metadata"]["namespace"]): s["spec"] for s in of(objects, "Service")}
            for (_, namespace), service in services.items():
                pods = [d["spec"]["template"] for d in of(objects, "Deployment") if d["metadata"]["namespace"] == namespace]
                pods = [p for p in pods if service["selector"].items() <= p["metadata"]["labels"].items()]
                self.assertEqual(len(pods), 1)
                ports = {p["name"] for c in pods[0]["spec"]["containers"] for p in c["ports"]}
                self.assertLessEqual({p["targetPort"] for p in service["ports"]}, ports)
            reached = {}
            for route in of(objects, "VirtualService"):
                (destination,) = [r["destination"] for rule in route["spec"]["http"] for r in rule["route"]]
                name, namespace, *_ = destination["host"].split(".")
                reached[route["spec"]["hosts"][0]] = services[name, namespace], destination["port"]["number"]
            for route in of(objects, "HTTPRoute"):
                named(objects, "Gateway", route["spec"]["parentRefs"][0]["name"], route["spec"]["parentRefs"][0]["namespace"])
                (backend,) = [b for rule in route["spec"]["rules"] for b in rule["backendRefs"]]
                place = services[backend["name"], route["metadata"]["namespace"]], backend["port"]
                reached[route["spec"]["hostnames"][0]] = place
            self.assertEqual(list(reached), HOSTS)
            for service, port in reached.values():
                self.assertIn(port, [p["port"] for p in service["ports"]])

    def test_every_application_takes_assertions_of_its_own_host_alone(self):
        for objects in map(shape, SHAPES):
            checked = {}
            for found in of(objects, "RequestAuthentication"):
                (rule,) = found["spec"]["jwtRules"]
                host = rule["issuer"]
                self.assertEqual(rule["audiences"], [host])
                self.assertEqual(rule["jwksUri"], JWKS)
                self.assertEqual(rule["fromHeaders"], [{"name": "X-Pomerium-Jwt-Assertion"}])
                checked[host] = attachment(found), found["metadata"]["namespace"]
            self.assertEqual(list(checked), HOSTS)
            # What is not demanded may be missing.
            for host, (place, namespace) in checked.items():
                demands = [p for p in of(objects, "AuthorizationPolicy", action="ALLOW")
                           if attachment(p) == place and p["metadata"]["namespace"] == namespace]
                (demand,) = demands
                self.assertEqual(demand["spec"]["rules"], [{"when": [{"key": "request.auth.claims[aud]", "values": [host]}]}])

    def test_only_proxies_ask_and_ztunnel_can_hold_that(self):
        checks, keys = [[{"operation": {"ports": [port]}}] for port in ("5444", "5445")]
        for objects in map(shape, SHAPES):
            (peers,) = of(objects, "PeerAuthentication")
            selector = {"matchLabels": {"app": "portcullis"}}
            open_to_all = {"5445": {"mode": "PERMISSIVE"}}
            self.assertEqual(peers["spec"], {"selector": selector, "mtls": {"mode": "STRICT"}, "portLevelMtls": open_to_all})
            policies = [p for p in of(objects, "AuthorizationPolicy", action="ALLOW") if p["metadata"]["namespace"] == "portcullis"]
            rules = [rule for policy in policies for rule in policy["spec"]["rules"]]
            self.assertTrue(all(policy["spec"]["selector"] == selector for policy in policies))
            # The port of the public keys is for everybody, and no other is.
            self.assertEqual([rule for rule in rules if "from" not in rule], [{"to": keys}])
            for rule in (rule for rule in rules if "from" in rule):
                self.assertEqual([list(s["source"]) for s in rule["from"]], [["principals"]])
                self.assertEqual(rule["to"], checks)

    def test_istiod_finds_the_public_keys_by_the_name_of_the_service(self):
        name, namespace = JWKS.split("/")[2].split(".")[:2]
        number = int(JWKS.split("/")[2].rpartition(":")[2])
        for objects in map(shape, SHAPES):
            (port,) = [p for p in named(objects, "Service", name, namespace)["spec"]["ports"] if p["port"] == number]
            # istiod speaks HTTP/1.
            self.assertEqual((port["name"], port["appProtocol"]), ("http-jwks", "http"))

    def test_nobody_gets_past_the_waypoint(self):
        objects = shape("ambient-waypoint")
        labels = named(objects, "Namespace", "wiki", None)["metadata"]["labels"]
        self.assertEqual((labels["istio.io/use-waypoint"], labels["istio.io/ingress-use-waypoint"]), ("waypoint", "true"))
        waypoint = named(objects, "Gateway", "waypoint", "wiki")["spec"]
        self.assertEqual(waypoint["gatewayClassName"], "istio-waypoint")
        self.assertEqual([(l["port"], l["protocol"]) for l in waypoint["listeners"]], [(15008, "HBONE")])
        alone = named(objects, "AuthorizationPolicy", "by-the-waypoint-alone", "wiki")["spec"]
        self.assertEqual(alone["rules"], [{"from": [{"source": {"principals": ["cluster.local/ns/wiki/sa/waypoint"]}}]}])
        for deployment in [d for d in of(objects, "Deployment") if d["metadata"]["namespace"] == "wiki"]:
            pod = deployment["spec"]["template"]["metadata"]["labels"]
            self.assertLessEqual(alone["selector"]["matchLabels"].items(), pod.items())
        for policy in of(objects, "AuthorizationPolicy", action="CUSTOM"):
            self.assertNotIn("selector", policy["spec"], "a selector is ztunnel's, which asks nobody")

    def test_what_istio_has_no_field_for_is_what_an_envoy_has_run_with(self):
        manager, ext_authz = filter_of(chart.ROOT / "examples/plain-envoy/hardened.yaml", "envoy.filters.http.ext_authz")
        (found,) = of(shape("sidecar-ingress"), "EnvoyFilter")
        patches = [p["patch"]["value"]["typed_config"] for p in found["spec"]["configPatches"]]
        self.assertEqual([p["patch"]["operation"] for p in found["spec"]["configPatches"]], ["MERGE", "MERGE"])
        self.assertLessEqual(patches[0].items(), ext_authz.items())
        for key, value in patches[1].items():
            if key == "early_header_mutation_extensions":
                mutations = [m[key][0]["typed_config"]["mutations"] for m in (patches[1], manager)]
                self.assertTrue(all(m in mutations[1] for m in mutations[0]))
            else:
                self.assertEqual(value, manager[key])

    def test_the_envoys_are_those_of_the_manifests(self):
        (provider,) = MESH_CONFIG["meshConfig"]["extensionProviders"]
        grpc = provider["envoyExtAuthzGrpc"]
        _, rbac = filter_of(PLACE / "envoy.yaml", "envoy.filters.http.rbac")
        _, asks = filter_of(PLACE / "envoy.yaml", "envoy.filters.http.ext_authz")
        (policy,) = of(shape("sidecar-ingress"), "AuthorizationPolicy", action="CUSTOM")
        metadata = policy["metadata"]
        wanted = f"istio-ext-authz-{provider['name']}-ns[{metadata['namespace']}]-policy[{metadata['name']}]-rule[0]"
        self.assertEqual(list(rbac["shadow_rules"]["policies"]), [wanted])
        self.assertTrue(wanted.startswith(asks["filter_enabled_metadata"]["value"]["string_match"]["prefix"]))
        self.assertEqual(asks["grpc_service"]["envoy_grpc"]["cluster_name"], f"outbound|{grpc['port']}||{grpc['service']}")
        self.assertEqual(asks["grpc_service"]["timeout"], grpc["timeout"])
        _, tokens = filter_of(PLACE / "second-envoy.yaml", "envoy.filters.http.jwt_authn")
        (made,) = tokens["providers"].values()
        (rule,) = named(shape("sidecar-ingress"), "RequestAuthentication", "wiki", "wiki")["spec"]["jwtRules"]
        self.assertEqual((made["issuer"], made["audiences"], made["from_headers"], made["forward"]),
                         (rule["issuer"], rule["audiences"], rule["fromHeaders"], rule["forwardOriginalToken"]))
        self.assertEqual(made["remote_jwks"]["http_uri"]["uri"], rule["jwksUri"])
