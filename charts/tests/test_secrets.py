"""Secrets are made once, kept, and refused where they are weak or missing."""

import base64
import unittest

import chart
import helm_python
from cluster import Cluster, secret, service_account
from kubelet import strong
from value_sets import CONFIG

VALUES = {"config": CONFIG}
NAME = f"{chart.RELEASE}-portcullis-secrets"
KEYS = ("shared-secret", "cookie-secret")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secrets_of(objects):
    return [o for o in chart.of_kind(objects, "Secret") if o["metadata"]["name"] == NAME]


def kept(**values: str):
    """The Secret as an earlier release left it, one of its values replaced."""
    data = {"shared-secret": strong(), "cookie-secret": strong()}
    data |= {name.replace("_", "-"): value for name, value in values.items()}
    return secret(NAME, {name: encoded(value) for name, value in data.items()})


class Secrets(unittest.TestCase):
    def refused(self, values, *objects):
        with Cluster(service_account(), *objects) as cluster:
            with self.assertRaises(helm_python.HelmError) as refused:
                cluster.render(values)
        return str(refused.exception)

    def test_a_first_installation_makes_two_random_secrets(self):
        with Cluster(service_account()) as cluster:
            (first,), (second,) = secrets_of(cluster.render(VALUES)), secrets_of(cluster.render(VALUES))
            self.assertEqual(cluster.written, [])
        made = [s["data"][key] for s in (first, second) for key in KEYS]
        self.assertEqual(len(set(made)), 4)
        for text in made:
            self.assertEqual(len(base64.b64decode(base64.b64decode(text), validate=True)), 32)
        self.assertEqual(first["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")

    def test_a_namespace_that_is_made_with_the_release_has_secrets_too(self):
        system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
        with Cluster(system) as cluster:
            self.assertEqual(len(secrets_of(cluster.render(VALUES))), 1)

    def test_an_upgrade_keeps_the_secrets(self):
        before = kept()
        with Cluster(service_account(), before) as cluster:
            for _ in range(2):
                (after,) = secrets_of(cluster.render(VALUES))
                self.assertEqual(after["data"], before["data"])

    def test_secrets_that_are_being_replaced_are_kept(self):
        before = kept(shared_secret=f"{strong()},{strong()}", cookie_secret=f"{strong()}\n{strong()}")
        with Cluster(service_account(), before) as cluster:
            (after,) = secrets_of(cluster.render(VALUES))
        self.assertEqual(after["data"], before["data"])

    def test_without_a_cluster_no_secret_is_rendered(self):
        self.assertEqual(secrets_of(chart.render(VALUES)), [])
        with Cluster() as nothing:
            self.assertEqual(secrets_of(nothing.render(VALUES)), [])

    def test_with_a_secret_of_ones_own_none_is_made(self):
        with Cluster(service_account()) as cluster:
            objects = cluster.render({**VALUES, "secrets": {"existingSecret": "own"}})
        self.assertEqual(chart.of_kind(objects, "Secret"), [])

    def test_what_a_kept_secret_made_the_rest_of_the_release_does_not_see(self):
        with Cluster(service_account(), kept()) as cluster:
            rest = [o for o in cluster.render(VALUES) if o["metadata"]["name"] != NAME]
        self.assertEqual(rest, chart.render(VALUES))

    def test_weak_secrets_are_refused_and_not_repeated(self):
        random = base64.b64decode(strong())
        for weak, words in {
            "hunter2": "is not 32 bytes in base64",
            strong() + "\n": "is not 32 bytes in base64",
            base64.b64encode(random[:31]).decode(): "is not 32 bytes in base64",
            base64.b64encode(bytes(32)).decode(): "is not random",
            ",".join(strong() for _ in range(9)): "has more than eight entries",
            f"{strong()},hunter2": "is not 32 bytes in base64",
        }.items():
            with self.subTest(weak=words):
                said = self.refused(VALUES, kept(cookie_secret=weak))
                self.assertIn(f"the key `cookie-secret` of the Secret `{NAME}` {words}", said)
                self.assertNotIn(weak.strip(), said)

    def test_a_secret_that_lacks_a_key_is_refused(self):
        lacking = secret("own", {"shared-secret": encoded(strong())})
        said = self.refused({**VALUES, "secrets": {"existingSecret": "own"}}, lacking)
        self.assertIn("the Secret `own` has no key `cookie-secret`", said)

    def test_keys_have_the_names_that_the_values_say(self):
        own = secret("own", {"A": encoded(strong()), "B": encoded(strong())})
        named = {"existingSecret": "own", "sharedSecretKey": "A", "cookieSecretKey": "B"}
        with Cluster(service_account(), own) as cluster:
            cluster.render({**VALUES, "secrets": named})
        said = self.refused({**VALUES, "secrets": {**named, "cookieSecretKey": "C"}}, own)
        self.assertIn("has no key `C`", said)

    def test_a_secret_that_somebody_will_make_later_is_waited_for(self):
        with Cluster(service_account()) as cluster:
            cluster.render({**VALUES, "secrets": {"existingSecret": "from-a-vault"}})
