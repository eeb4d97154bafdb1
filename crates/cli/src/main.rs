//! The binary `portcullis`.

use std::process::ExitCode;

/// A quarter less time for a Check than with the system's (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    portcullis_cli::main()
}
