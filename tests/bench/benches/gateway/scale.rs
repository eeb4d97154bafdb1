//! Ten thousand routes, each with a destination of its own.

use crate::envoy;
use crate::process::{Process, free_port, on};
use crate::servers::{LOAD, PORTCULLIS, adapted};
use portcullis_bench::address::Address;
use portcullis_bench::deployment::{DEMO, add_route};
use portcullis_bench::figures::{median, rounded};
use portcullis_bench::http1::{Client, request};
use portcullis_bench::{Meter, cases, procfs};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const ROUTES: usize = 10_000;
/// How often an edit is made.
const EDITS: usize = 6;
/// How often whatever else can be repeated is.
const TIMES: usize = 3;
/// Longest time until a change is seen.
const PATIENCE: Duration = Duration::from_secs(240);
/// How often it is looked whether it is seen.
const LOOK: Duration = Duration::from_millis(1);

/// Measures what a large configuration costs. All times are in milliseconds.
pub fn measure() -> Value {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::Builder::new().prefix("bench-").tempdir().unwrap();
    let upstream = free_port();
    let mut command = on(None, LOAD);
    command.args(["upstream", &format!("tcp:127.0.0.1:{upstream}")]);
    let _upstream = Process::start("upstream", &mut command, directory.path()).says_ready();

    println!("{ROUTES} routes");
    // First, while nothing else is at work.
    let [parsed, built, encoded] =
        ["parse", "build", "encode"].map(|part| in_process(&format!("cold_10k_{part}")));
    let small = Deployment::new(directory.path(), "small", 0, upstream);
    let demo = Running::start(&runtime, directory.path(), &small);
    let (demo_ready, demo_answers) = (demo.ready, demo.answers);
    drop(demo);

    let mut large = Deployment::new(directory.path(), "large", ROUTES, upstream);
    let checked: Vec<f64> = (0..TIMES).map(|_| check(&large.path)).collect();
    let mut running = Running::start(&runtime, directory.path(), &large);
    let (mut policies, mut routes) = (Vec::new(), Vec::new());
    for _ in 0..EDITS {
        large.open = !large.open;
        policies.push(running.until_seen(&runtime, &large, "probe", large.open));
        large.added = !large.added;
        routes.push(running.until_seen(&runtime, &large, "added", large.added));
    }
    let envoy = procfs::children(running.process.pid());
    let megabytes = |pid: u32| rounded(procfs::resident_megabytes(pid));
    json!({
        "routes": ROUTES,
        "check_ms": spread(&checked),
        "parse_ms": spread(&parsed),
        "build_ms": spread(&built),
        "encode_ms": spread(&encoded),
        "start_to_ready_ms": rounded(running.ready),
        "start_to_last_route_answers_ms": rounded(running.answers),
        "start_to_ready_demo_ms": rounded(demo_ready),
        "start_to_last_route_answers_demo_ms": rounded(demo_answers),
        "policy_edited_to_decided_ms": spread(&policies),
        "route_added_or_removed_to_seen_ms": spread(&routes),
        "portcullis_rss_mb": megabytes(running.process.pid()),
        "envoy_rss_mb": envoy.first().map(|pid| megabytes(*pid)),
    })
}

/// A generated configuration and the file that it is in.
struct Deployment {
    path: PathBuf,
    name: &'static str,
    routes: usize,
    upstream: u16,
    port: u16,
    health: u16,
    /// Whether the route `probe` lets everybody in; otherwise nobody.
    open: bool,
    /// Whether there is a route `added`.
    added: bool,
}

impl Deployment {
    fn new(directory: &Path, name: &'static str, routes: usize, upstream: u16) -> Self {
        // Its directory is watched, so nothing else lies there.
        let home = directory.join(name);
        std::fs::create_dir(&home).unwrap();
        let made = Self {
            path: home.join("config.yaml"),
            name,
            routes,
            upstream,
            port: free_port(),
            health: free_port(),
            open: true,
            added: false,
        };
        made.write();
        made
    }

    /// Puts the file in place at once, as an editor does; from then on.
    fn write(&self) -> Instant {
        let mut text = DEMO.to_owned();
        let more = self.routes.saturating_sub(5);
        for index in 0..more {
            let [.., second, third] = index.to_be_bytes();
            add_route(
                &mut text,
                index,
                &format!("http://127.1.{second}.{third}:8080"),
                index % 50,
            );
        }
        let policy = if self.open { "accept" } else { "reject" };
        text += &self.route("probe", policy);
        if self.added {
            text += &self.route("added", "accept");
        }
        let text = adapted(&text, self.port, self.health, self.upstream);
        let beside = self.path.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        let now = Instant::now();
        std::fs::rename(beside, &self.path).unwrap();
        now
    }

    fn route(&self, name: &str, criterion: &str) -> String {
        let upstream = self.upstream;
        format!(
            "
- name: {name}
  from: https://{name}.apps.localhost:8443
  to: http://127.0.0.1:{upstream}
  policy:
  - allow:
      or:
      - {criterion}: true
"
        )
    }
}

/// A `portcullis run` with its Envoy.
struct Running {
    process: Process,
    client: Option<Client>,
    /// From the start of the process to the line `ready`.
    ready: f64,
    /// From there on to the first answer of the last route's upstream.
    answers: f64,
}

impl Running {
    fn start(runtime: &Runtime, directory: &Path, of: &Deployment) -> Self {
        let mut command = Command::new(PORTCULLIS);
        command.args(["run", "-c"]).arg(&of.path);
        command.arg("--envoy").arg(envoy::binary());
        let started = Instant::now();
        let process = Process::start(of.name, &mut command, directory).logs_ready();
        let ready = milliseconds(started);
        let mut running = Self {
            process,
            client: None,
            ready,
            answers: 0.0,
        };
        running.until(runtime, of.port, "probe", true);
        running.answers = milliseconds(started);
        running
    }

    /// Writes the file, and asks until the route of that name answers or no longer
    /// does.
    fn until_seen(&mut self, runtime: &Runtime, of: &Deployment, name: &str, answers: bool) -> f64 {
        let written = of.write();
        self.until(runtime, of.port, name, answers);
        let seen = milliseconds(written);
        // Nothing of this edit is left to be done when the next one comes.
        std::thread::sleep(Duration::from_millis(500));
        seen
    }

    fn until(&mut self, runtime: &Runtime, port: u16, name: &str, answers: bool) {
        let request = request(&format!("{name}.apps.localhost:8443"), "/", None);
        let end = Instant::now() + PATIENCE;
        while (runtime.block_on(self.ask(port, &request)) == Some(200)) != answers {
            assert!(Instant::now() < end, "`{name}` has not changed");
            std::thread::sleep(LOOK);
        }
    }

    async fn ask(&mut self, port: u16, request: &[u8]) -> Option<u16> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::open(&Address::Tcp(([127, 0, 0, 1], port).into()))
                .await
                .ok()?,
        };
        let status = client.ask(request).await.ok()?;
        self.client = Some(client);
        Some(status)
    }
}

/// `portcullis check`, from start to end.
fn check(config: &Path) -> f64 {
    let started = Instant::now();
    let output = Command::new(PORTCULLIS)
        .args(["check", "-c"])
        .arg(config)
        .output()
        .unwrap();
    let took = milliseconds(started);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    took
}

/// A case of the target `micro`.
fn in_process(name: &str) -> Vec<f64> {
    struct Stopwatch(Vec<f64>);
    impl Meter for Stopwatch {
        fn measure(&mut self, work: &mut dyn FnMut()) {
            let started = Instant::now();
            work();
            self.0.push(milliseconds(started));
        }
    }
    let case = cases().into_iter().find(|case| case.name == name).unwrap();
    let mut run = (case.set_up)();
    let mut stopwatch = Stopwatch(Vec::new());
    (0..TIMES).for_each(|_| run(1, &mut stopwatch));
    stopwatch.0
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn spread(times: &[f64]) -> Value {
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    json!({
        "median": median(times).map(rounded),
        "least": rounded(least),
        "most": rounded(most),
    })
}
