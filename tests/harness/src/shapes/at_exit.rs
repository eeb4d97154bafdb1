//! What a test binary does when all of its tests are over.

use std::sync::{Mutex, Once, PoisonError};

type Work = Box<dyn FnOnce() -> Result<(), String> + Send>;

static WORK: Mutex<Vec<Work>> = Mutex::new(Vec::new());

/// Does something when the process ends: what tests share has no other end, since no
/// test knows that it is the last. An error is printed, and makes the process fail.
pub fn before_exit(work: impl FnOnce() -> Result<(), String> + Send + 'static) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(register);
    WORK.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Box::new(work));
}

#[allow(unsafe_code, reason = "the standard library has no call for atexit")]
fn register() {
    // SAFETY: `run` is a function of that type, and lives as long as the program.
    unsafe {
        libc::atexit(run);
    }
}

#[allow(
    unsafe_code,
    reason = "a process that is ending takes no other status otherwise"
)]
#[allow(clippy::print_stderr, reason = "a failing test's own output")]
extern "C" fn run() {
    let work = std::mem::take(&mut *WORK.lock().unwrap_or_else(PoisonError::into_inner));
    let mut fails = false;
    for work in work {
        // A panic must not leave a function that C calls; its message is printed already.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        if let Ok(Err(message)) = &done {
            eprintln!("{message}");
        }
        fails |= !matches!(done, Ok(Ok(())));
    }
    if fails {
        // SAFETY: it takes an integer and does not return.
        unsafe {
            libc::_exit(101);
        }
    }
}
