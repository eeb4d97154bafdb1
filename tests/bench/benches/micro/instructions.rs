//! Counts instructions: callgrind runs this program again for one case, and
//! counts only inside [`portcullis_measured`].

use portcullis_bench::{Case, Meter, cases};
use std::process::Command;

/// The environment variable that makes this program run one case and no more.
pub const CASE: &str = "PORTCULLIS_BENCH_CASE";

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

/// The run beneath callgrind.
pub fn child(name: &str) {
    let case = cases()
        .into_iter()
        .find(|case| case.name == name)
        .expect("a case");
    let mut run = (case.set_up)();
    run(1, &mut Nothing);
    run(case.repeats, &mut Callgrind);
}

/// How long one case may take beneath valgrind, in seconds. It runs one thread at a
/// time, so that on a busy machine a case that waits for another thread may take
/// very long.
const PATIENCE: &str = "90";

/// Instructions of one operation; `None` without valgrind, or where it takes too
/// long.
pub fn count(case: &Case) -> Option<f64> {
    let profile = std::env::var("PORTCULLIS_BENCH_PROFILE").unwrap_or_else(|_| "/dev/null".to_owned());
    let output = Command::new("timeout")
        .args([
            PATIENCE,
            "valgrind",
            "--fair-sched=try",
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=portcullis_measured",
        ])
        .arg(format!("--callgrind-out-file={profile}"))
        .arg(std::env::current_exe().expect("this program"))
        .env(CASE, case.name)
        .output()
        .ok()?;
    match output.status.code() {
        Some(124) => {
            println!("{}: not counted, {PATIENCE} s were too short", case.name);
            return None;
        }
        // There is none.
        Some(127) => return None,
        _ => {}
    }
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", case.name);
    let collected = log.lines().find_map(|line| line.split_once("Collected : "))?;
    let total: f64 = collected.1.trim().parse().expect("a count");
    Some(total / case.repeats as f64)
}
