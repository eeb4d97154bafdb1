#!/usr/bin/env bash
# Starts the identity provider, the application, a stock Envoy with envoy.yaml and
# `portcullis authz-server -c config.yaml`, builds what is not built, and prints what
# to open; `ready` comes last. Ctrl-C ends everything.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Before anything is built; the launcher looks at all ports once more.
if (exec 3<>/dev/tcp/127.0.0.1/8443) 2>/dev/null; then
  echo "plain-envoy: port 8443 is in use; end what listens on it (an earlier demo?) and try again" >&2
  exit 1
fi

# Each step is a process group of its own, which a signal ends as a whole.
set -m
step=
trap '[ -z "$step" ] || kill -TERM -- "-$step" 2>/dev/null; exit 130' INT TERM HUP
run() {
  "$@" >&2 </dev/null &
  step=$!
  wait "$step"
  step=
}
run tests/setup.sh demo
run cargo build --profile ci --locked --workspace --bins
exec cargo run --profile ci --locked --quiet --package portcullis-demo -- plain-envoy
