//! End-to-end tests through a real Envoy; all of them stand in `tests/`.
//!
//! They need the `portcullis` binary in the same target directory, the pinned
//! Envoy (`envoy/install.sh`), Node 20 and, for one test, Debian's `chromium`
//! and `chromium-driver`. A missing one fails the tests that need it.
