//! The script that keeps an upstream from setting cookies of ours, where it fails.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use portcullis_harness::certificates::Authority;
use portcullis_harness::process::Process;
use portcullis_harness::wait::PATIENCE;
use portcullis_harness::{Client, ports, repository};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::setter::Setter;

const SCRIPT: &str = "crates/envoy-config/src/cookies.lua";
const OURS: &str = "local ours = {[\"_pomerium\"]=\"_pomerium\"}\n";

/// An Envoy that runs the script on every answer of an application, which the gateway's
/// own Envoy does not let a test spoil.
struct Scripted {
    process: Process,
    setter: Setter,
    client: Client,
    port: u16,
    _directory: TempDir,
}

impl Scripted {
    /// With `spoilt` before the script.
    #[track_caller]
    fn start(spoilt: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (port, setter) = (ports::free(), Setter::start());
        let script = fs::read_to_string(repository::root().join(SCRIPT)).unwrap();
        let bootstrap = bootstrap(port, setter.port(), &format!("{spoilt}{OURS}{script}"));
        let file = directory.path().join("envoy.json");
        fs::write(&file, bootstrap.to_string()).unwrap();
        let mut command = Command::new(repository::envoy().unwrap());
        command.arg("-c").arg(file);
        command.args([
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "warning",
        ]);
        let log = directory.path().join("envoy.log");
        let mut process = Process::spawn("envoy", command, &log).unwrap();
        let open = || TcpStream::connect(("127.0.0.1", port)).ok();
        process.wait_for(PATIENCE, open).unwrap();
        Self {
            process,
            setter,
            client: Client::new(Authority::new("Portcullis tests").unwrap().der()),
            port,
            _directory: directory,
        }
    }

    /// The `Set-Cookie` values that come through.
    #[track_caller]
    fn through(&self, cookies: &[&str]) -> Vec<String> {
        let path = self.setter.setting(cookies);
        let mut client = self.client.clone();
        let answer = client.get(&format!("http://127.0.0.1:{}{path}", self.port));
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
        answer.head.all("set-cookie").map(str::to_owned).collect()
    }
}

fn bootstrap(port: u16, application: u16, script: &str) -> Value {
    const TYPES: &str = "type.googleapis.com/envoy.extensions.filters";
    let at = |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let manager = json!({
        "@type": format!("{TYPES}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "scripted",
        "route_config": {"virtual_hosts": [{
            "name": "everything",
            "domains": ["*"],
            "routes": [{"name": "policy-0", "match": {"prefix": "/"}, "route": {"cluster": "application"}}],
        }]},
        "http_filters": [
            {"name": "script", "typed_config": {
                "@type": format!("{TYPES}.http.lua.v3.Lua"),
                "default_source_code": {"inline_string": script},
            }},
            {"name": "router", "typed_config": {"@type": format!("{TYPES}.http.router.v3.Router")}},
        ],
    });
    let endpoint = json!({"endpoint": {"address": at(application)}});
    json!({"static_resources": {
        "listeners": [{
            "address": at(port),
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }],
        "clusters": [{
            "name": "application",
            "load_assignment": {"cluster_name": "application", "endpoints": [{"lb_endpoints": [endpoint]}]},
        }],
    }})
}

#[test]
fn ck_14_a_script_that_fails_lets_no_cookie_through() {
    let cookies = ["a=1", "_pomerium=planted-value", "b=2"];
    let whole = Scripted::start("");
    assert_eq!(whole.through(&cookies), ["a=1", "b=2"]);
    let log = whole.process.log();
    assert!(
        log.contains("the upstream of `policy-0` tried to set the cookie `_pomerium`"),
        "{log}"
    );

    // While it reads them; Envoy alone would pass the answer on as it is.
    let reading = Scripted::start("string.gsub = function() error('no more memory') end\n");
    assert_eq!(reading.through(&cookies), Vec::<String>::new());
    assert_eq!(reading.through(&[]), Vec::<String>::new());
    let log = reading.process.log();
    assert!(
        log.contains("the cookies of the upstream of `policy-0` cannot be read and are all taken out"),
        "{log}"
    );
    assert!(log.contains("no more memory"), "{log}");

    // While it writes what is left.
    let writing = Scripted::start("ipairs = nil\n");
    let through = writing.through(&cookies);
    assert!(!through.iter().any(|set| set.contains("planted")), "{through:?}");
    for scripted in [whole, reading, writing] {
        assert!(
            !scripted.process.log().contains("planted-value"),
            "a value is in the log"
        );
    }
}
