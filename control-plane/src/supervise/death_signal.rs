//! The only unsafe code here: a child that dies with us.

use std::io;

use tokio::process::Command;

/// Makes the kernel kill the child when the thread that starts it ends, however
/// that happens. Without it an Envoy would go on after a killed supervisor, and
/// nobody would decide its checks or hear of it.
#[allow(
    unsafe_code,
    reason = "pre_exec runs between fork and exec; both calls are async-signal-safe"
)]
pub(super) fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: the closure runs in the child before exec. It calls prctl and
    // getppid alone, allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before the call.
            if libc::getppid().cast_unsigned() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}

/// Asks the child to end (SIGTERM). Errors do not matter: it may be gone.
#[allow(
    unsafe_code,
    reason = "kill takes two numbers; the child is not reaped yet, so the id is its own"
)]
pub(super) fn terminate(child: &tokio::process::Child) {
    if let Some(id) = child.id().and_then(|id| libc::pid_t::try_from(id).ok()) {
        // SAFETY: no memory is involved.
        unsafe {
            libc::kill(id, libc::SIGTERM);
        }
    }
}
