//! Child processes that never outlive their parent.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

type Order = (Command, Sender<io::Result<Child>>);

/// The kernel sends a child its parent-death signal when the *thread* that made
/// it ends, and test threads end early. So one thread that never ends makes all.
static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (orders, inbox) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, reply) in inbox {
            let _ = reply.send(command.spawn());
        }
    });
    orders
});

/// A running child; dropping it ends it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output appended to the file `log`, in a process
    /// group of its own and bound to the life of this process.
    ///
    /// # Errors
    ///
    /// When the log cannot be written or the program cannot be started.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> io::Result<Self> {
        let out: File = OpenOptions::new().create(true).append(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0);
        die_with_parent(&mut command);
        let (reply, answer) = channel();
        SPAWNER
            .send((command, reply))
            .map_err(|_| io::Error::other("the spawning thread is gone"))?;
        let child = answer
            .recv()
            .map_err(|_| io::Error::other("the spawning thread is gone"))??;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_path_buf(),
        })
    }

    /// What the process is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that was written to the log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// How the process ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends a signal, for example `libc::SIGHUP`.
    pub fn signal(&self, signal: i32) {
        send_signal(self.child.id(), signal);
    }

    /// Waits for the end, at most `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            match self.exited() {
                Some(status) => return Some(status),
                None if Instant::now() >= deadline => return None,
                None => sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Asks for the end (SIGTERM) and, after `grace`, enforces it. Returns how
    /// the process ended of itself, or `None` when it had to be killed.
    pub fn stop(&mut self, grace: Duration) -> Option<ExitStatus> {
        if let Some(status) = self.exited() {
            return Some(status);
        }
        self.signal(libc::SIGTERM);
        let ended = self.wait(grace);
        if ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        ended
    }

    /// Polls `probe` until it returns a value.
    ///
    /// # Errors
    ///
    /// When the process ends first or `limit` passes; the message holds the end
    /// of the log.
    pub fn wait_for<T>(
        &mut self,
        limit: Duration,
        mut probe: impl FnMut() -> Option<T>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(value) = probe() {
                return Ok(value);
            }
            if let Some(status) = self.exited() {
                return Err(format!("{} ended with {status}:\n{}", self.name, self.log_tail()));
            }
            if Instant::now() >= deadline {
                return Err(format!(
                    "{} was not ready within {limit:?}:\n{}",
                    self.name,
                    self.log_tail()
                ));
            }
            sleep(Duration::from_millis(20));
        }
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Process {
    #[allow(clippy::print_stderr, reason = "a failing test's own output")]
    fn drop(&mut self) {
        let _ = self.stop(Duration::from_secs(5));
        // A test that fails once in a thousand runs must say all it can the first time.
        if std::thread::panicking() {
            eprintln!("the end of the log of {}:\n{}", self.name, self.log_tail());
        }
    }
}

#[allow(unsafe_code, reason = "the standard library has no call for PR_SET_PDEATHSIG")]
fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let hook = move || {
        // SAFETY: prctl and getppid take and return plain integers and are
        // async-signal-safe, as code between fork and exec must be.
        let (set, now) = unsafe {
            (
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL),
                libc::getppid(),
            )
        };
        // The parent may have died before the signal was set.
        if set == 0 && u32::try_from(now) == Ok(parent) {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    // SAFETY: the hook allocates nothing and touches no lock.
    unsafe {
        command.pre_exec(hook);
    }
}

#[allow(unsafe_code, reason = "the standard library sends no signal but SIGKILL")]
fn send_signal(pid: u32, signal: i32) {
    if let Ok(pid) = libc::pid_t::try_from(pid) {
        // SAFETY: kill takes plain integers; the pid is of our own unreaped child.
        unsafe {
            libc::kill(pid, signal);
        }
    }
}
