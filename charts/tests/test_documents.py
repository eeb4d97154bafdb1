"""Every YAML example of the documentation is a set of values that renders."""

import re
import unittest

import chart
import yaml

PAGES = ("docs/kubernetes.md", "charts/portcullis/README.md", "charts/README.md")


class Documents(unittest.TestCase):
    def test_examples_are_values(self):
        count = 0
        for page in PAGES:
            for example in re.findall(r"```yaml\n(.*?)```", (chart.ROOT / page).read_text(), re.DOTALL):
                with self.subTest(page=page, example=example.splitlines()[0]):
                    self.assertTrue(chart.render(yaml.safe_load(example)))
                count += 1
        self.assertGreaterEqual(count, 3)

    def test_links_lead_to_files(self):
        for page in PAGES:
            place = chart.ROOT / page
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", place.read_text()):
                self.assertTrue((place.parent / link).exists(), f"{page}: {link}")

    def test_the_page_names_the_minors_that_the_tests_hold(self):
        import kubernetes

        page = (chart.ROOT / "docs/kubernetes.md").read_text()
        first, middle, last = kubernetes.MINORS
        self.assertIn(f"({first}, {middle} and {last})", page)
        self.assertIn(f">={first}.", chart.chart().metadata["kubeVersion"])
