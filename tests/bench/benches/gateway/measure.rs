//! The rounds.

use crate::process::{Process, on};
use crate::servers::{LOAD, Server};
use crate::world::World;
use portcullis_bench::figures::{Rounds, Slice, order};
use portcullis_bench::procfs::MachineTime;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// Kept connections through Envoy.
pub const CONNECTIONS: usize = 32;
/// Connections straight to the server, and Checks at a time on each.
pub const GRPC: (usize, usize) = (2, 32);
/// How long one variant is measured in a round.
pub const ENVOY_SECONDS: f64 = 2.0;
pub const GRPC_SECONDS: f64 = 1.5;
/// The same before the first round, which does not count.
const WARM_UP_SECONDS: f64 = 0.5;
/// What the server still does after the last answer (it writes its log) is its
/// work too.
const AFTER: Duration = Duration::from_millis(100);

/// What is measured: where the requests go, and whose work they are.
struct Variant<'a> {
    name: &'static str,
    envoy: Option<u16>,
    server: Option<&'a Server>,
    logs: bool,
}

/// Measures every variant in every round.
pub fn all(world: &World, rounds: usize) -> Rounds {
    let variants = variants(world);
    for variant in &variants {
        slice(world, variant, WARM_UP_SECONDS);
    }
    let mut figures = Rounds::default();
    for round in 0..rounds {
        for place in order(round, variants.len()) {
            let variant = &variants[place];
            let seconds = if variant.envoy.is_some() {
                ENVOY_SECONDS
            } else {
                GRPC_SECONDS
            };
            figures.add(variant.name, slice(world, variant, seconds));
        }
        println!("round {} of {rounds}", round + 1);
    }
    figures
}

fn variants(world: &World) -> Vec<Variant<'_>> {
    let mut variants = vec![Variant {
        name: "envoy_no_authz",
        envoy: Some(world.ports.no_authz),
        server: None,
        logs: false,
    }];
    let ours = [
        ["envoy_portcullis_unix", "grpc_portcullis_unix"],
        ["envoy_portcullis_tcp", "grpc_portcullis_tcp"],
    ];
    let others = [
        ["envoy_noop_unix", "grpc_noop_unix"],
        ["envoy_noop_tcp", "grpc_noop_tcp"],
    ];
    for (names, servers, ports, logs) in [
        (others, &world.noop, &world.ports.noop, false),
        (ours, &world.portcullis.servers, &world.ports.portcullis, true),
    ] {
        for (([through, straight], server), port) in names.into_iter().zip(servers).zip(ports) {
            for (name, envoy) in [(through, Some(*port)), (straight, None)] {
                variants.push(Variant {
                    name,
                    envoy,
                    server: Some(server),
                    logs,
                });
            }
        }
    }
    // For a profile of one alone.
    if let Ok(text) = std::env::var("PORTCULLIS_BENCH_VARIANTS") {
        variants.retain(|variant| variant.name.contains(&text));
    }
    // What is compared lies side by side.
    variants.sort_by_key(|variant| (variant.envoy.is_none(), variant.name.ends_with("tcp")));
    variants
}

fn slice(world: &World, variant: &Variant<'_>, seconds: f64) -> Slice {
    let server = variant.server.map(|server| &server.process);
    let used = |process: Option<&Process>| process.map_or(0.0, Process::processor_seconds);
    let mut load = load(world, variant, seconds);

    let machine = MachineTime::now();
    let (envoy, servers) = (used(Some(&world.envoy)), used(server));
    let output = load.output().unwrap();
    std::thread::sleep(AFTER);
    let (envoy, servers) = (used(Some(&world.envoy)) - envoy, used(server) - servers);
    let stolen = machine.stolen_until(MachineTime::now());

    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", variant.name);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answers = said["answers"].as_f64().unwrap();
    assert!(answers > 0.0, "{}: no answer", variant.name);
    let decisions = match server {
        Some(process) if variant.logs => process.take_decisions() as f64,
        _ => 0.0,
    };
    Slice {
        per_second: answers / said["seconds"].as_f64().unwrap(),
        envoy_us: if variant.envoy.is_some() {
            envoy * 1e6 / answers
        } else {
            0.0
        },
        server_us: servers * 1e6 / answers,
        stolen,
        logged: decisions / answers,
    }
}

fn load(world: &World, variant: &Variant<'_>, seconds: f64) -> Command {
    match (variant.envoy, variant.server) {
        (Some(port), _) => {
            let mut command = on(world.places.others.as_ref(), LOAD);
            command
                .args(["http", &format!("tcp:127.0.0.1:{port}")])
                .args([seconds.to_string(), CONNECTIONS.to_string()])
                .arg(&world.request);
            command
        }
        (None, Some(server)) => {
            let mut command = on(world.places.first.as_ref(), LOAD);
            let (connections, in_flight) = GRPC;
            command
                .args(["grpc", &server.address.to_string()])
                .args([
                    seconds.to_string(),
                    connections.to_string(),
                    in_flight.to_string(),
                ])
                .arg(&world.check);
            command
        }
        (None, None) => unreachable!("nobody to ask"),
    }
}
