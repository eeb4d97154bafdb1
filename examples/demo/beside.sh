#!/usr/bin/env bash
# `beside.sh SHAPE` starts one of the shapes in which Portcullis stands beside an Envoy that
# it does not configure: builds what is not built, and prints what to open; `ready` comes
# last. Ctrl-C ends everything. The scripts `run.sh` of the examples are what people start.
set -euo pipefail
shape=$1
cd "$(dirname "$0")/../.."

# Before anything is built; the launcher looks at all ports once more.
if (exec 3<>/dev/tcp/127.0.0.1/8443) 2>/dev/null; then
  echo "$shape: port 8443 is in use; end what listens on it (an earlier demo?) and try again" >&2
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
exec cargo run --profile ci --locked --quiet --package portcullis-demo -- "$shape"
