#!/usr/bin/env bash
# Every suite, one after the other; all of them run even when one fails.
# The last line counts over all of them: `N passed, N failed`.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
passed=0 failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# A suite without tests of its own counts as one.
single() {
  local name=$1; shift
  echo "== $name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "== FAILED: $name"; fi
}

# Cargo's tests are counted one by one, from the line that closes each binary;
# a build that breaks, or a binary that dies, counts as one failure more.
cargo_tests() {
  local name=$1 log=$logs/cargo p f status; shift
  echo "== $name"
  cargo test --profile ci --workspace --locked --no-fail-fast "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  p=$(sed -n 's/^test result: .* \([0-9]*\) passed; .*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
  f=$(sed -n 's/^test result: .* \([0-9]*\) failed; .*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
  passed=$((passed + p)) failed=$((failed + f))
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then failed=$((failed + 1)); fi
  if [ "$p" -eq 0 ]; then echo "== FAILED: no test ran"; failed=$((failed + 1)); fi
}

# The chart's tests count themselves, in their last line.
chart_tests() {
  local log=$logs/charts status counted
  echo "== chart tests"
  python3 charts/tests/run.py 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  counted=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log")
  set -- ${counted:-0 0}
  passed=$((passed + $1)) failed=$((failed + $2))
  if [ "$status" -ne 0 ] && [ "$2" -eq 0 ]; then failed=$((failed + 1)); fi
  if [ "$1" -eq 0 ]; then echo "== FAILED: no test of the chart passed"; failed=$((failed + 1)); fi
}

# The end-to-end tests in which an Envoy takes its configuration from us, once more
# over the other xDS protocol: a gateway speaks delta unless it is told otherwise.
# (The tests of roles apart and of the command line see to both by themselves; what is
# left out beside them is about pages, commands, or an Envoy of somebody else's.)
state_of_the_world() {
  local names=() test
  for test in "$root"/tests/e2e/tests/*; do
    test=$(basename "$test" .rs)
    case $test in admin | attributes | command_line | demo | drop_in | examples_* | explained_paths | keys | pages | roles* | shapes) ;; *) names+=(--test "$test") ;; esac
  done
  PORTCULLIS_TEST_XDS=sotw cargo_tests "end-to-end tests over state-of-the-world xDS" "${names[@]}"
}

single "formatting" cargo fmt --all --check
single "clippy" cargo clippy --profile ci --workspace --all-targets --locked -- -D warnings
single "build" cargo build --profile ci --workspace --all-targets --locked
cargo_tests "cargo test"
state_of_the_world
chart_tests
single "cargo deny" "$root/.cache/tools/cargo-deny-0.20.2/cargo-deny" check --hide-inclusion-graph bans licenses sources

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
