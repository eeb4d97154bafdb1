//! XA-07, XA-08: who comes to our doors without being Envoy, and by which paths.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use portcullis_harness::frames::{self, Request};
use portcullis_harness::roles::grpc::{ADS_DELTA, ADS_SOTW, FEED, STORE};
use portcullis_harness::roles::{Plan, Roles};
use portcullis_harness::shapes::{Shape, World};
use portcullis_harness::wait::until;
use portcullis_harness::{Client, Response};
use url::Url;

use super::super::support::each;
use super::asked::ROUTES;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const LOGS: &str = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
const UNAUTHENTICATED: &str = "16";

/// A gRPC call of `path`, exactly, with an empty message.
fn call(client: &Client, port: u16, path: &str, credential: Option<&str>) -> std::io::Result<Response> {
    let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "authz"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    fields.extend(credential.map(|value| ("authorization", value)));
    let request = Request {
        fields: frames::fields(&fields),
        body: vec![0; 5],
        ..Request::default()
    };
    frames::send(client, &url, &request)
}

/// Where Envoy asks in a shape in which that is a port.
fn door(world: &World) -> u16 {
    let config = std::fs::read_to_string(world.directory().join("config.yaml")).unwrap();
    let line = config
        .lines()
        .find_map(|line| line.strip_prefix("grpc_address: "))
        .unwrap();
    line.rsplit(':').next().unwrap().parse().unwrap()
}

fn sockets(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            sockets(&entry.path(), found);
        } else if kind.is_socket() {
            found.push(entry.path());
        }
    }
}

#[test]
fn a_stranger_finds_nothing_behind_our_doors() {
    each("XA-07", |world, seen| {
        if world.shape == Shape::Ours {
            // All our doors are sockets in a directory that is this user's alone.
            let mut found = Vec::new();
            sockets(world.directory(), &mut found);
            for name in ["authz.sock", "web.sock", "xds.sock", "envoy-admin.sock"] {
                let socket = found.iter().find(|path| path.ends_with(name));
                let socket = socket.unwrap_or_else(|| panic!("no {name} in {found:?}"));
                let mode = std::fs::metadata(socket.parent().unwrap())
                    .unwrap()
                    .permissions()
                    .mode();
                assert_eq!(mode & 0o077, 0, "{}: {mode:o}", socket.display());
                seen.note(name, "in a directory of mode 0700");
            }
            return;
        }
        let (client, port) = (world.client(), door(world));
        for path in [
            FEED,
            STORE,
            ADS_DELTA,
            ADS_SOTW,
            LOGS,
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ] {
            let answer = call(&client, port, path, None).unwrap();
            assert_eq!(
                (answer.status, answer.header("grpc-status")),
                (404, None),
                "{path}"
            );
            seen.note(path, "404: there is no such service");
        }
        // A check says what it is worth, which is nothing.
        let answer = call(&client, port, CHECK, None).unwrap();
        assert_eq!((answer.status, answer.header("grpc-status")), (200, None));
        // `status` first, and its code is 7.
        assert_eq!(
            (answer.body[5], &answer.body[7..9]),
            (0x0a, &[8, 7][..]),
            "{:?}",
            answer.body
        );
        seen.note("an empty check", "a denial");
    });
}

/// Paths that are not quite one, and what a stranger might hope they are.
fn odd(path: &str) -> Vec<String> {
    let (service, method) = path[1..].split_once('/').unwrap();
    vec![
        path[1..].to_owned(),
        format!("/{path}"),
        format!("{path}/"),
        format!("{path}/x"),
        format!("/{service}//{method}"),
        format!("/{service}/{}", method.to_lowercase()),
        format!("/{}/{method}", service.to_uppercase()),
        format!("/{service}/%{:02X}{}", method.as_bytes()[0], &method[1..]),
        format!("/./{service}/{method}"),
        format!("/x/..{path}"),
        format!("/{service}"),
        format!("/{service}/"),
        format!("{path};x"),
        format!("http://authz{path}"),
        "*".to_owned(),
    ]
}

#[test]
fn only_the_exact_path_of_a_method_is_one() {
    each("XA-08", |world, seen| {
        if world.shape == Shape::Ours {
            return;
        }
        let (client, port) = (world.client(), door(world));
        let before = world.decisions().len();
        for path in odd(CHECK) {
            match call(&client, port, &path, None) {
                Ok(answer) => {
                    let is_page = answer
                        .header("content-type")
                        .is_none_or(|kind| !kind.starts_with("application/grpc"));
                    assert!(
                        is_page || answer.header("grpc-status") == Some("12"),
                        "{path}: {:?}",
                        answer.head
                    );
                    assert!(
                        (400..500).contains(&answer.status) || !is_page,
                        "{path}: {}",
                        answer.status
                    );
                    seen.note(&path, "no check");
                }
                // Whether nobody was asked is told by the log alone.
                Err(_) => seen.note(&path, "no check"),
            }
        }
        // One that is asked, behind which in the log there is none of the others.
        let last = call(&client, port, CHECK, None).unwrap();
        assert_eq!((last.status, last.header("grpc-status")), (200, None));
        until("the check is in the log", || world.decisions().len() > before);
        let decided = world.decisions().split_off(before);
        assert_eq!(decided.len(), 1, "{decided:?}");
    });
}

/// Who may call is asked before anybody looks at the path, at the door of the control plane
/// too; and the token that an Envoy has opens what it is for by its exact path alone.
#[test]
fn no_path_leads_round_the_guard_of_the_control_plane() {
    let roles = Roles::start(&Plan::of(ROUTES));
    let client = roles.client();
    let bootstrap = std::fs::read_to_string(roles.directory().join("envoy.json")).unwrap();
    let bootstrap: serde_json::Value = serde_json::from_str(&bootstrap).unwrap();
    let token = "/dynamic_resources/ads_config/grpc_services/0/initial_metadata/0/value";
    let envoys = bootstrap.pointer(token).unwrap().as_str().unwrap().to_owned();
    let mut called = 0;
    for path in [FEED, STORE, ADS_DELTA, CHECK, LOGS] {
        for path in odd(path).iter().map(String::as_str).chain([path]) {
            if let Ok(answer) = call(&client, roles.grpc(), path, None) {
                assert_eq!(
                    answer.header("grpc-status"),
                    Some(UNAUTHENTICATED),
                    "{path}: {:?}",
                    answer.head
                );
                called += 1;
            }
        }
    }
    assert!(called > 50, "{called} answers");
    for path in [FEED, STORE].into_iter().flat_map(odd) {
        if let Ok(answer) = call(&client, roles.grpc(), &path, Some(&envoys)) {
            assert_eq!(
                answer.header("grpc-status"),
                Some(UNAUTHENTICATED),
                "{path}: {:?}",
                answer.head
            );
        }
    }
    // Under the name of Envoy's own service it gets as far as that service.
    for path in [
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/../portcullis.feed.v1.BundleFeed/Follow",
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/%2e%2e/portcullis.store.v1.RecordStore/Get",
    ] {
        if let Ok(answer) = call(&client, roles.grpc(), path, Some(&envoys)) {
            assert_eq!(
                answer.header("grpc-status"),
                Some("12"),
                "{path}: {:?}",
                answer.head
            );
        }
    }
}
