# `make demo` shows it, `make test` proves it. Both install what they need
# under `.cache/` and use one cargo profile, so dependencies are built once.
.PHONY: bench bench-policy demo differential test setup

demo:
	@tests/setup.sh demo >&2
	@cargo build --profile ci --locked --workspace --bins
	@exec cargo run --profile ci --locked --quiet --package portcullis-demo

setup:
	@tests/setup.sh all

test: setup
	@tests/run.sh

# What the hot paths cost, alone, through gRPC and through Envoy, into
# target/bench/report.json and micro.json: docs/performance.md.
bench:
	@envoy/install.sh >&2
	@cd tests/bench && exec cargo bench

# What a decision costs, beside regorus and cedar-policy in the same run, into
# target/bench/policy.json.
bench-policy:
	@cd tests/bench && exec cargo bench --package portcullis-bench-policy

# Random requests to random routes in every shape for PORTCULLIS_DIFFERENTIAL_SECONDS,
# into target/differential/report.json: docs/security/differential.md.
differential:
	@envoy/install.sh >&2
	@cargo build --profile ci --locked --package portcullis-cli
	@PORTCULLIS_DIFFERENTIAL_SECONDS=$${PORTCULLIS_DIFFERENTIAL_SECONDS:-600} \
	  cargo test --profile ci --locked --package portcullis-e2e --test differential -- \
	  --exact pa_21_run_by_the_clock --nocapture
