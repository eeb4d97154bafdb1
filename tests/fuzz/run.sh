#!/usr/bin/env bash
# Fuzzes one target without cargo-fuzz: run.sh TARGET [SECONDS]. What it finds is
# written to artifacts/TARGET; new inputs go to target/corpus/TARGET.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:?the target, one of the files in fuzz_targets without its ending}
seconds=${2:-120}
# What cargo-fuzz passes for coverage, all of it known to the stable compiler.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares \
-Ccodegen-units=1 -Cdebug-assertions"
host=$(rustc -vV | sed -n 's/^host: //p')
# With an explicit target, build scripts are not instrumented.
cargo build --release --locked --target "$host" --bin "$target"
folder=${CARGO_TARGET_DIR:-target}
mkdir -p "target/corpus/$target" "artifacts/$target"
exec "$folder/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
  -rss_limit_mb=2048 -artifact_prefix="artifacts/$target/" "target/corpus/$target" "corpus/$target"
