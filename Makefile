# `make demo` shows it, `make test` proves it. Both install what they need
# under `.cache/` and use one cargo profile, so dependencies are built once.
.PHONY: bench demo test setup

demo:
	@tests/setup.sh demo >&2
	@cargo build --profile ci --locked --workspace --bins
	@exec cargo run --profile ci --locked --quiet --package portcullis-demo

setup:
	@tests/setup.sh all

test: setup
	@tests/run.sh

# Times, instructions and allocations of the hot paths: docs/performance.md.
bench:
	@cd tests/bench && exec cargo bench
