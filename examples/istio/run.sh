#!/usr/bin/env bash
# Starts the identity provider, the application, an Envoy with envoy.yaml as the gateway, a
# second one with second-envoy.yaml as the sidecar before the application, and `portcullis
# authz-server -c` with portcullis/config.yaml, all with the hosts of this machine in place
# of the examples'; builds what is not built, and prints what to open; `ready` comes last.
# Ctrl-C ends everything.
exec bash "$(dirname "$0")/../demo/beside.sh" istio
