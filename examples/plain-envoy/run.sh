#!/usr/bin/env bash
# Starts the identity provider, the application, a stock Envoy with envoy.yaml and
# `portcullis authz-server -c config.yaml`, builds what is not built, and prints what
# to open; `ready` comes last. Ctrl-C ends everything.
exec bash "$(dirname "$0")/../demo/beside.sh" plain-envoy
