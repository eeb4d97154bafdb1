//! Portcullis beside one Envoy, with the routes of one seed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_harness::certificates::Authority;
use portcullis_harness::gateway::portcullis;
use portcullis_harness::process::Process;
use portcullis_harness::provider::{CLIENT_ID, CLIENT_SECRET};
use portcullis_harness::scripted::Script;
use portcullis_harness::wait::{PATIENCE, poll};
use portcullis_harness::{EnvoyProcess, Gateway, ScriptedProvider, ports, repository};
use tempfile::TempDir;

use crate::asked::Asked;
use crate::envoy;
use crate::oracle::{Judged, judge};
use crate::random::Random;
use crate::records::Logs;
use crate::reference::Reference;
use crate::routes::{Limits, Set};
use crate::upstream::{Seen, Upstreams};
use crate::wire::{Answer, Wire};

const START: Duration = Duration::from_secs(60);
/// Requests that are under way at the same time.
const CLIENTS: usize = 12;

/// Nobody logs in, but somebody could.
static PROVIDER: LazyLock<ScriptedProvider> = LazyLock::new(|| ScriptedProvider::start(Script::default()));

/// Whose Envoy it is, and how Portcullis learns which route serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Our own, which is told every route and sends its id.
    Ours,
    /// Istio's, which says nothing.
    Istio,
    /// A stock Envoy of bare defaults, which says nothing.
    Bare,
    /// Istio's, which names its route.
    IstioByName,
    /// A stock Envoy, which names its route.
    BareByName,
}

impl Kind {
    /// Two thirds of them are the three shapes that say nothing but what they must.
    pub(crate) fn of(seed: u64) -> Self {
        match seed % 6 {
            0 | 3 => Self::Ours,
            1 => Self::Istio,
            2 => Self::Bare,
            4 => Self::IstioByName,
            _ => Self::BareByName,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Istio => "istio",
            Self::Bare => "bare",
            Self::IstioByName => "istio, by name",
            Self::BareByName => "bare, by name",
        }
    }

    pub(crate) fn is_istio(self) -> bool {
        matches!(self, Self::Istio | Self::IstioByName)
    }

    pub(crate) fn is_by_name(self) -> bool {
        matches!(self, Self::IstioByName | Self::BareByName)
    }
}

pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) set: Set,
    /// The places of the routes in the order of Envoy's configuration.
    order: Vec<usize>,
    random: Random,
    gateway_port: u16,
    asked: usize,
    wires: Vec<Wire>,
    logs: Logs,
    upstreams: Upstreams,
    // In the order in which they end.
    _envoy: Process,
    _portcullis: Portcullis,
    _directory: TempDir,
}

enum Portcullis {
    Gateway(#[allow(dead_code, reason = "it ends with the world")] Gateway),
    Server(#[allow(dead_code, reason = "it ends with the world")] Process),
}

impl Drop for World {
    fn drop(&mut self) {
        self.upstreams.give_back();
    }
}

impl World {
    /// The world of a seed.
    pub(crate) fn start(seed: u64) -> Self {
        let kind = Kind::of(seed);
        let mut random = Random::new(seed);
        let limits = Limits {
            ports: match kind {
                Kind::Ours | Kind::BareByName => 60,
                // Most of what is asked of such a host is refused where the Envoy does not
                // say which route it is: a client can write any port.
                Kind::Bare => 15,
                // Has a listener for each port, and cuts off what a client writes.
                Kind::Istio | Kind::IstioByName => 0,
            },
            regex_rewrites: kind != Kind::Ours,
        };
        let set = Set::new(&mut random, limits);
        let mut order: Vec<usize> = (0..set.routes.len()).collect();
        if kind.is_by_name() {
            // Its routes are its own, and so is their order.
            random.shuffle(&mut order);
        }
        Self::with(kind, set, order, random)
    }

    /// A world of these routes, which Envoy has in this order.
    pub(crate) fn with(kind: Kind, set: Set, order: Vec<usize>, random: Random) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let here = directory.path();
        fs::create_dir(here.join("envoy")).expect("a temporary directory is writable");
        let upstreams = Upstreams::take();
        let port = ports::free();
        let gateway_port = ports::free();
        let (portcullis, log, bootstrap) = if kind == Kind::Ours {
            ours(here, &set, upstreams.ports(), gateway_port, port)
        } else {
            let (server, log, grpc) = server(here, &set, upstreams.ports());
            let of_envoy = envoy::foreign(kind, &set.routes, &order, upstreams.ports(), port, grpc);
            (server, log, of_envoy)
        };
        fs::write(here.join("envoy.yaml"), bootstrap).expect("a temporary directory is writable");
        let mut command = Command::new(repository::envoy().unwrap_or_else(|e| panic!("{e}")));
        command.args(["-c", "envoy.yaml", "--disable-hot-restart", "--concurrency", "1"]);
        command.args(["--log-level", "error", "--file-flush-interval-msec", "20"]);
        command.current_dir(here);
        let mut process = Process::spawn("Envoy", command, &here.join("envoy/envoy.log"))
            .unwrap_or_else(|e| panic!("Envoy does not start: {e}"));
        let open = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        process.wait_for(START, open).unwrap_or_else(|e| panic!("{e}"));
        Self {
            kind,
            set,
            order,
            random,
            gateway_port,
            asked: 0,
            wires: (0..CLIENTS).map(|_| Wire::new(port)).collect(),
            logs: Logs::new(&here.join(envoy::ACCESS_LOG), &log),
            upstreams,
            _envoy: process,
            _portcullis: portcullis,
            _directory: directory,
        }
    }

    /// Asks so many requests, several at a time, and judges each.
    pub(crate) fn batch(&mut self, requests: usize) -> Vec<Judged> {
        let one = |_| Asked::new(&mut self.random, &self.set, self.gateway_port);
        let batch = (0..requests).map(one).collect();
        self.ask(batch)
    }

    /// Asks these, and judges each, in their order.
    pub(crate) fn ask(&mut self, batch: Vec<Asked>) -> Vec<Judged> {
        let mark = |asked| {
            self.asked += 1;
            (format!("m{}", self.asked), asked)
        };
        let batch: Vec<(String, Asked)> = batch.into_iter().map(mark).collect();
        let next = AtomicUsize::new(0);
        let mut answers: Vec<(usize, Answer)> = std::thread::scope(|scope| {
            let clients: Vec<_> = self
                .wires
                .iter_mut()
                .map(|wire| {
                    scope.spawn(|| {
                        let mut answers = Vec::new();
                        while let at = next.fetch_add(1, Ordering::Relaxed)
                            && let Some((mark, asked)) = batch.get(at)
                        {
                            answers.push((at, wire.ask(asked, mark)));
                        }
                        answers
                    })
                })
                .collect();
            clients
                .into_iter()
                .flat_map(|client| client.join().expect("no client panics"))
                .collect()
        });
        answers.sort_by_key(|(at, _)| *at);
        self.finish();
        let mut seen = self.upstreams.drain();
        seen.retain(|seen| !seen.mark.starts_with("last"));
        let reference = Reference {
            routes: &self.set.routes,
            order: &self.order,
            is_ours: self.kind == Kind::Ours,
            authenticate_port: self.gateway_port,
        };
        let mut judged = Vec::new();
        for ((mark, asked), (_, answer)) in batch.into_iter().zip(answers) {
            let own: Vec<Seen> = seen.extract_if(.., |seen| seen.mark == mark).collect();
            let case = self.logs.case(asked, answer, &mark, own);
            judged.push(judge(&reference, self.kind, case));
        }
        for stray in seen {
            judged.push(Judged::stray(&format!(
                "{stray:?} arrived, and nobody asked for it"
            )));
        }
        let untold = self.logs.forget();
        if untold > 0 {
            judged.push(Judged::stray(&format!(
                "{untold} decisions let in what Envoy tells nothing of"
            )));
        }
        judged
    }

    /// Waits until everything is written down.
    fn finish(&mut self) {
        let mark = format!("last{}", self.asked);
        let answer = self.wires[0].ask(&Asked::last(), &mark);
        // The connection may be one that Envoy has ended by now.
        let (mark, answer) = if answer == Answer::Status(Some(200)) {
            (mark, answer)
        } else {
            let again = format!("{mark}-again");
            let answer = self.wires[0].ask(&Asked::last(), &again);
            (again, answer)
        };
        assert_eq!(
            answer,
            Answer::Status(Some(200)),
            "the request that every world serves"
        );
        let have = poll(PATIENCE, || self.logs.have(&mark).then_some(()));
        assert!(have.is_some(), "the logs do not tell of {mark}");
    }
}

/// What every configuration has.
fn configuration(set: &Set, upstreams: &[u16], keys: &str) -> String {
    let parameters = set
        .path_parameters
        .map_or(String::new(), |what| format!("path_parameters: {what}\n"));
    format!(
        "health_check_addr: 127.0.0.1:{}
idp_provider: oidc
idp_provider_url: {}
idp_client_id: {CLIENT_ID}
idp_client_secret: {CLIENT_SECRET}
shared_secret: c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=
cookie_secret: Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=
{parameters}{keys}routes:
{}",
        ports::free(),
        PROVIDER.issuer(),
        set.written(upstreams)
    )
}

/// An authz-server beside somebody else's Envoy: with its log and its port.
fn server(here: &Path, set: &Set, upstreams: &[u16]) -> (Portcullis, PathBuf, u16) {
    let grpc = ports::free();
    let config = configuration(set, upstreams, &format!("grpc_address: 127.0.0.1:{grpc}\n"));
    fs::write(here.join("config.yaml"), config).expect("a temporary directory is writable");
    let log = here.join("envoy/authz.log");
    let mut command = portcullis();
    command.args(["authz-server", "-c", "config.yaml"]);
    command.current_dir(here).env("TMPDIR", here);
    let mut process = Process::spawn("the authz-server", command, &log)
        .unwrap_or_else(|e| panic!("the authz-server does not start: {e}"));
    let open = || std::net::TcpStream::connect(("127.0.0.1", grpc)).ok();
    process.wait_for(START, open).unwrap_or_else(|e| panic!("{e}"));
    (Portcullis::Server(process), log, grpc)
}

/// A gateway, and what a second Envoy beside it is told: the same as its own, which is
/// held against what that has by xDS.
fn ours(
    here: &Path,
    set: &Set,
    upstreams: &[u16],
    gateway_port: u16,
    port: u16,
) -> (Portcullis, PathBuf, String) {
    let authority = Authority::new("Portcullis tests").expect("a key can be made");
    let leaf = authority.issue(&["*.example.test"]).expect("a key can be made");
    leaf.write(here).expect("a temporary directory is writable");
    let config = configuration(set, upstreams, &envoy::gateway_keys(gateway_port));
    let health = config
        .lines()
        .next()
        .and_then(|line| line.rsplit_once(':')?.1.parse().ok());
    let gateway = Gateway::start(here, &config, health.expect("the first line ends with a port"));
    let printed = portcullis()
        .args(["envoy-config", "-c", "config.yaml"])
        .current_dir(here)
        .output()
        .expect("portcullis starts");
    assert!(
        printed.status.success(),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let socket = find(here, "authz.sock").expect("a running gateway has a socket");
    let sockets = socket.parent().expect("a file is in a directory");
    let bootstrap = envoy::ours(&String::from_utf8_lossy(&printed.stdout), port, sockets);
    let own = EnvoyProcess::of(gateway.pid()).admin("/config_dump?resource=dynamic_route_configs");
    let own: serde_json::Value = serde_json::from_str(&own).expect("Envoy dumps JSON");
    let tables: Vec<_> = own["configs"].as_array().into_iter().flatten().collect();
    let own = tables
        .iter()
        .map(|table| &table["route_config"]["virtual_hosts"])
        .max_by_key(|hosts| hosts.as_array().map_or(0, Vec::len));
    assert_eq!(
        envoy::choices(own.expect("the gateway's Envoy has routes")),
        envoy::choices(envoy::route_table(&bootstrap)),
        "what is printed is what the gateway's own Envoy has"
    );
    (
        Portcullis::Gateway(gateway),
        here.join("gateway.log"),
        bootstrap.to_string(),
    )
}

fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.flatten();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    let here = paths
        .iter()
        .find(|path| path.file_name().is_some_and(|own| own == name));
    here.cloned().or_else(|| {
        paths
            .iter()
            .filter(|path| path.is_dir())
            .find_map(|path| find(path, name))
    })
}
