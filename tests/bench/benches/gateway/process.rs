//! Processes that end with the benchmark.

use portcullis_bench::procfs;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to begin or to end.
const PATIENCE: Duration = Duration::from_secs(240);

/// One process; it ends when this is dropped.
pub struct Process {
    child: Child,
    name: String,
    /// What it writes to standard error.
    pub log: PathBuf,
}

impl Process {
    /// Starts `command`; its log goes beneath `directory`.
    pub fn start(name: &str, command: &mut Command, directory: &Path) -> Self {
        // Not beside the configuration: who watches that is told of every file there.
        let logs = directory.join("logs");
        std::fs::create_dir_all(&logs).unwrap();
        let log = logs.join(format!("{name}.log"));
        // Appended to, so that it can be emptied while the process writes.
        let file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            child,
            name: name.to_owned(),
            log,
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the line `ready` on its standard output.
    pub fn says_ready(mut self) -> Self {
        let mut line = String::new();
        let output = self.child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "{}: {}", self.name, self.tail());
        self
    }

    /// Waits for the line in its log that says that it serves.
    pub fn logs_ready(mut self) -> Self {
        self.wait_until(|process| {
            let log = std::fs::read_to_string(&process.log).unwrap();
            log.lines().any(|line| line.contains("\"message\":\"ready\""))
        });
        self
    }

    /// Looks every few milliseconds, as long as the process lives.
    pub fn wait_until(&mut self, mut reached: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !reached(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended: {}", self.name, self.tail());
            assert!(
                Instant::now() < end,
                "{} does not begin: {}",
                self.name,
                self.tail()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Processor time so far, in seconds.
    pub fn processor_seconds(&self) -> f64 {
        procfs::processor_seconds(self.pid())
    }

    /// How many decisions its log has; the log is empty then.
    pub fn take_decisions(&self) -> usize {
        let file = File::open(&self.log).unwrap();
        let decisions = BufReader::new(file)
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.contains("authorize check"))
            .count();
        let file = OpenOptions::new().write(true).open(&self.log).unwrap();
        file.set_len(0).unwrap();
        decisions
    }

    fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // In the shell it is built in; the program may not be installed.
        let kill = format!("kill -TERM {}", self.pid());
        let _asked = Command::new("sh").args(["-c", &kill]).status();
        let end = Instant::now() + Duration::from_secs(15);
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Which processors a process may use; `None` where all have to share.
#[derive(Clone, Default)]
pub struct Places {
    /// Envoy, and what asks the server directly, which is done while Envoy rests.
    pub first: Option<String>,
    /// The server that is measured.
    pub last: Option<String>,
    /// What asks Envoy, and the upstream: beside the server, or on processors of
    /// their own where there are more than two.
    pub others: Option<String>,
}

impl Places {
    /// Of the processors that there are.
    pub fn of(processors: &[usize]) -> Self {
        let names: Vec<String> = processors.iter().map(usize::to_string).collect();
        match names.as_slice() {
            [] | [_] => Self::default(),
            [first, middle @ .., last] => Self {
                first: Some(first.clone()),
                last: Some(last.clone()),
                others: Some(if middle.is_empty() {
                    last.clone()
                } else {
                    middle.join(",")
                }),
            },
        }
    }
}

/// A program on some processors.
pub fn on(place: Option<&String>, program: impl AsRef<Path>) -> Command {
    match place {
        None => Command::new(program.as_ref()),
        Some(processors) => {
            let mut command = Command::new("taskset");
            command.args(["-c", processors]).arg(program.as_ref());
            command
        }
    }
}

/// A TCP port that nobody has.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
