//! Counts instructions: callgrind runs this program again for one case, and
//! counts only inside [`portcullis_measured`]. What does not succeed, or not in
//! time, is said and leaves a case without a count; it is never an error.

use crate::{Case, Meter};
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

/// The environment variable that makes this program run one case and no more.
const CASE: &str = "PORTCULLIS_BENCH_CASE";

/// The function that callgrind is told to count in, itself a name without a path
/// so that it can be found.
#[unsafe(no_mangle)]
#[inline(never)]
fn portcullis_measured(work: &mut dyn FnMut()) {
    work();
    // Whatever follows the call keeps it from becoming a jump.
    core::hint::black_box(());
}

struct Callgrind;

impl Meter for Callgrind {
    fn measure(&mut self, work: &mut dyn FnMut()) {
        portcullis_measured(work);
    }
}

struct Nothing;

impl Meter for Nothing {
    fn measure(&mut self, work: &mut dyn FnMut()) {
        work();
    }
}

/// Whether this is the run beneath callgrind: then the case is done, and the
/// program should end.
///
/// # Panics
/// If there is no such case.
#[must_use]
pub fn ran_as_child(cases: &[Case]) -> bool {
    let Ok(name) = std::env::var(CASE) else {
        return false;
    };
    let case = cases.iter().find(|case| case.name == name).expect("a case");
    let mut run = (case.set_up)();
    run(1, &mut Nothing);
    run(case.repeats, &mut Callgrind);
    true
}

/// Counts one case after the other, until valgrind is found to be missing or has
/// taken too long.
pub struct Counter {
    log: PathBuf,
    patience: Duration,
    left: Duration,
}

impl Counter {
    /// Waits 90 seconds for a case, and five minutes for all of them: valgrind runs
    /// one thread at a time, so that on a busy machine a case that waits for another
    /// thread may take very long. Its own words go into a file in `directory`.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self {
            log: directory.join("valgrind.log"),
            patience: Duration::from_secs(90),
            left: Duration::from_secs(300),
        }
    }

    /// Waits half an hour, for cases that somebody asked for.
    #[must_use]
    pub fn patient(self) -> Self {
        let half_an_hour = Duration::from_secs(1800);
        Self {
            patience: half_an_hour,
            left: half_an_hour,
            ..self
        }
    }

    /// Instructions of one operation; `None`, and a line that says why, where they
    /// could not be counted.
    pub fn count(&mut self, case: &Case) -> Option<f64> {
        if self.left.is_zero() {
            return None;
        }
        let started = Instant::now();
        let counted = self.beneath_valgrind(case, self.patience.min(self.left));
        self.left = self.left.saturating_sub(started.elapsed());
        match counted {
            Ok(total) => return Some(total / case.repeats as f64),
            Err(Failure::Missing(error)) => {
                println!("no instruction counts: valgrind: {error}");
                self.left = Duration::ZERO;
            }
            Err(Failure::Ended(text)) => println!("{}: no instruction counts: {text}", case.name),
            Err(Failure::Slow(patience)) => {
                println!("{}: no instruction counts: not within {patience:.0?}", case.name);
                if self.left.is_zero() {
                    println!("no further instruction counts");
                }
            }
        }
        None
    }

    fn beneath_valgrind(&self, case: &Case, patience: Duration) -> Result<f64, Failure> {
        // The words of the case before are not this one's.
        let _ = std::fs::remove_file(&self.log);
        let profile = std::env::var("PORTCULLIS_BENCH_PROFILE").unwrap_or_else(|_| "/dev/null".to_owned());
        let child = Command::new("valgrind")
            .args([
                "--fair-sched=try",
                "--tool=callgrind",
                "--collect-atstart=no",
                "--toggle-collect=portcullis_measured",
            ])
            .arg(format!("--callgrind-out-file={profile}"))
            .arg(format!("--log-file={}", self.log.display()))
            .arg(std::env::current_exe().map_err(Failure::Missing)?)
            .env(CASE, case.name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Failure::Missing)?;
        let status = wait(child, patience).ok_or(Failure::Slow(patience))?;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        if !status.success() {
            let last = log.lines().last().unwrap_or_default();
            return Err(Failure::Ended(format!("valgrind ended with {status}: {last}")));
        }
        log.lines()
            .find_map(|line| line.split_once("Collected : "))
            .and_then(|(_, total)| total.trim().parse().ok())
            .ok_or_else(|| Failure::Ended("valgrind named no count".to_owned()))
    }
}

enum Failure {
    Missing(std::io::Error),
    Ended(String),
    Slow(Duration),
}

/// How the process ended; `None` if it had to be killed.
fn wait(mut child: Child, patience: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Err(_) => break,
        }
    }
    // Killed, since a valgrind that hangs does not listen to a request to end.
    let _ = child.kill();
    let _ = child.wait();
    None
}

#[cfg(test)]
mod tests {
    use super::{Command, Duration, Instant, wait};

    #[test]
    fn what_hangs_is_killed_and_what_ends_is_waited_for() {
        let hanging = Command::new("sleep").arg("60").spawn().unwrap();
        let started = Instant::now();
        assert!(wait(hanging, Duration::from_millis(50)).is_none());
        assert!(started.elapsed() < Duration::from_secs(30));
        let ending = Command::new("false").spawn().unwrap();
        assert!(!wait(ending, Duration::from_secs(30)).unwrap().success());
    }
}
