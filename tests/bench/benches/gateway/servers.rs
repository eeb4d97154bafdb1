//! The servers that are compared: the no-op, and Portcullis as it is shipped.

use crate::process::{Places, Process, free_port, on};
use portcullis_bench::address::Address;
use portcullis_bench::deployment::{self, DEMO};
use portcullis_bench::sign_in;
use portcullis_config::Source;
use portcullis_store_redb::RedbStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

pub const PORTCULLIS: &str = env!("CARGO_BIN_EXE_portcullis");
pub const NOOP: &str = env!("CARGO_BIN_EXE_noop");
pub const LOAD: &str = env!("CARGO_BIN_EXE_load");

/// The demo's `shared_secret`.
const SHARED_SECRET: &str = "ZGVtby1vbmx5LXNoYXJlZC1zZWNyZXQtMzItYnl0ZXM=";
/// The host whose route lets in by a claim.
const HOST: &str = "admin.localhost";

/// A server that answers Checks.
pub struct Server {
    pub process: Process,
    pub address: Address,
}

/// Portcullis' authz-servers, and the control plane behind them.
pub struct Portcullis {
    pub servers: Vec<Server>,
    _control_plane: Process,
}

/// Starts the no-op on `address`.
pub fn noop(
    name: &str,
    address: &Address,
    what: &str,
    file: &Path,
    directory: &Path,
    places: &Places,
) -> Server {
    let mut command = on(places.last.as_ref(), NOOP);
    command.arg(address.to_string()).arg(what).arg(file);
    Server {
        process: Process::start(name, &mut command, directory).says_ready(),
        address: address.clone(),
    }
}

/// The demo's configuration, without TLS, with a store on the disk.
pub fn config(directory: &Path, upstream: u16) -> PathBuf {
    let store = directory.join("sessions.redb");
    let mut text = adapted(DEMO, free_port(), free_port(), upstream);
    text += &format!(
        "
databroker_storage_type: file
databroker_storage_connection_string: file://{}
grpc_address: unix://{}
",
        store.display(),
        directory.join("control-plane.sock").display()
    );
    let path = directory.join("config.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

/// A configuration for this machine: no TLS, and ports that are free.
pub fn adapted(text: &str, port: u16, health: u16, upstream: u16) -> String {
    let text = text
        .replace("address: 127.0.0.1:8443", &format!("address: 127.0.0.1:{port}"))
        .replace("http://127.0.0.1:9081", &format!("http://127.0.0.1:{upstream}"));
    format!("{text}\ninsecure_server: true\nhealth_check_addr: 127.0.0.1:{health}\n")
}

/// Puts a session into the store that Portcullis will open; its cookie.
pub fn signed_in(runtime: &Runtime, config: &Path, directory: &Path) -> String {
    let text = std::fs::read_to_string(config).unwrap();
    let name = config.display().to_string();
    let (_, bundle) = deployment::built(&deployment::config(&[Source { name, text }]));
    let secret = &bundle.settings.keys.shared_secret;
    let store = RedbStore::open(&directory.join("sessions.redb"), secret).unwrap();
    let server = sign_in::server(Arc::new(store));
    server.feed().publish(bundle).unwrap();
    let (session, cookie) = sign_in::signed_in(&server, HOST);
    runtime.block_on(server.sessions().insert(session)).unwrap();
    cookie
}

/// Starts Portcullis: a control plane, which rests while others are measured, and
/// two authz-servers, one on a Unix socket and one on TCP.
pub fn portcullis(config: &Path, directory: &Path, places: &Places) -> Portcullis {
    let socket = directory.join("control-plane.sock");
    let mut command = on(places.others.as_ref(), PORTCULLIS);
    command.args(["control-plane", "-c"]).arg(config);
    let control_plane = Process::start("control-plane", &mut command, directory);
    let start = |name: &str, address: Address| {
        let mut command = on(places.last.as_ref(), PORTCULLIS);
        command
            .args(["authz-server", "--instance", name])
            .args(["--control-plane", &format!("unix://{}", socket.display())])
            .args(["--grpc-address", &place(&address)])
            .args(["--health-check-addr", &format!("127.0.0.1:{}", free_port())])
            .env("SHARED_SECRET", SHARED_SECRET);
        Server {
            process: Process::start(name, &mut command, directory).logs_ready(),
            address,
        }
    };
    Portcullis {
        servers: vec![
            start("authz-unix", Address::Unix(directory.join("authz.sock"))),
            start("authz-tcp", Address::Tcp(([127, 0, 0, 1], free_port()).into())),
        ],
        _control_plane: control_plane,
    }
}

/// An address as the command line takes it.
fn place(address: &Address) -> String {
    match address {
        Address::Unix(path) => format!("unix://{}", path.display()),
        Address::Tcp(address) => address.to_string(),
    }
}
