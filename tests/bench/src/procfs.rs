//! What Linux says of processes and of the machine.

use std::fs;

/// Processor time is counted in hundredths of a second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time in seconds that a process has used so far, its threads
/// together.
///
/// # Panics
///
/// When there is no such process.
#[must_use]
pub fn processor_seconds(pid: u32) -> f64 {
    let path = format!("/proc/{pid}/stat");
    let line = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    ticks(&line).unwrap_or_else(|| panic!("{path}: {line}")) / TICKS_PER_SECOND
}

/// User and system time in a line of `/proc/PID/stat`. The name in parentheses
/// may hold spaces and parentheses.
fn ticks(line: &str) -> Option<f64> {
    let mut fields = line.get(line.rfind(')')? + 1..)?.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

/// Memory that a process has at this moment, in millions of bytes.
///
/// # Panics
///
/// When there is no such process.
#[must_use]
pub fn resident_megabytes(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kilobytes = status.lines().find_map(|line| {
        let (number, _) = line.strip_prefix("VmRSS:")?.trim().split_once(' ')?;
        number.parse::<f64>().ok()
    });
    kilobytes.unwrap_or_default() * 1024.0 / 1e6
}

/// The processes that a process has started.
#[must_use]
pub fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| {
            let pids = line.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.collect::<Vec<u32>>()
        })
        .collect()
}

/// The machine's time until now: all of it, and what the hypervisor gave to
/// others, in ticks of all processors.
#[derive(Clone, Copy)]
pub struct MachineTime {
    all: f64,
    stolen: f64,
}

impl MachineTime {
    /// As of now.
    ///
    /// # Panics
    ///
    /// Without `/proc/stat`.
    #[must_use]
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap();
        Self::read(&text).unwrap_or_else(|| panic!("/proc/stat: {text}"))
    }

    fn read(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let fields: Vec<f64> = line
            .split_whitespace()
            .map_while(|field| field.parse().ok())
            .collect();
        Some(Self {
            // The last two, of guests, are counted among the first two too.
            all: fields.iter().take(8).sum(),
            stolen: *fields.get(7)?,
        })
    }

    /// The part of the time between that was stolen, from 0 to 1.
    #[must_use]
    pub fn stolen_until(self, later: Self) -> f64 {
        let all = later.all - self.all;
        if all > 0.0 {
            (later.stolen - self.stolen) / all
        } else {
            0.0
        }
    }
}

/// The processors that this process may use.
///
/// # Panics
///
/// When Linux does not say.
#[must_use]
pub fn processors() -> Vec<usize> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap();
    list_of(list).unwrap_or_else(|| panic!("`{list}` is no list of processors"))
}

/// `0-2,5` in full.
fn list_of(text: &str) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        all.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_hides_nothing() {
        let line = "7 (a (b) 9 9) S 1 7 7 0 -1 4194560 11 22 33 44 250 130 5 6 20 0 3 0 99 1 2";
        assert_eq!(ticks(line), Some(380.0));
        assert_eq!(ticks("7 (a) S 1"), None);
        assert!(processor_seconds(std::process::id()) < 1e6);
    }

    #[test]
    fn steal_is_a_part_of_all_time() {
        let at = |text| MachineTime::read(text).unwrap();
        let before = at("intr 1\ncpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
        let after = at("cpu  60 0 20 100 0 0 0 20 50 0\n");
        assert!((before.stolen_until(after) - 0.2).abs() < 1e-9);
        assert!(before.stolen_until(before).abs() < 1e-9);
    }

    #[test]
    fn lists_of_processors_are_written_out() {
        assert_eq!(list_of("\t0-2,5\n"), Some(vec![0, 1, 2, 5]));
        assert_eq!(list_of("3"), Some(vec![3]));
        assert_eq!(list_of("x"), None);
        assert!(!processors().is_empty());
    }
}
