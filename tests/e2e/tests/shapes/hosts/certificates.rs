//! A host that asks for client certificates beside one that does not: HO-06.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_harness::Client;
use portcullis_harness::certificates::{Authority, Leaf};
use portcullis_harness::roles::Beside;
use portcullis_harness::shapes::{Shape, World};

use super::super::support::{Seen, begin, judged as with_judge, one_of};
use super::rows::Must::{Refuse, Serve};
use super::rows::{http1, judged, mark};

const ROUTES: &str = r"
- {name: app, from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, set_request_headers: {X-Route: app}}
- {name: open, from: 'https://open.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: open}}
- {name: cert, from: 'https://cert.example.test:{port}', to: '{upstream}', policy: [{allow: {and: [{client_certificate: {san_dns: {is: client.example.test}}}]}}], set_request_headers: {X-Route: cert}}
";

/// Each client over each name in TLS to each host: the certificate of the connection
/// counts for the host that is asked for, and for nothing else.
fn by_host(world: &mut World, seen: &mut Seen, good: &Leaf, bad: &Leaf) {
    let showing = |leaf: &Leaf| world.client().presenting(&leaf.certificate, &leaf.key);
    let clients: [(&str, Client, bool); 3] = [
        ("no certificate", world.client(), false),
        ("another authority's", showing(bad), false),
        ("the right certificate", showing(good), true),
    ];
    for (what, client, is_good) in clients {
        for (name, client) in [
            ("open", client.clone()),
            ("cert", client.clone()),
            ("no name", client.without_server_name()),
        ] {
            let over = world.url(if name == "cert" { "cert" } else { "open" }, "/");
            let of_cert = if is_good {
                Serve("cert", "cert")
            } else {
                Refuse(403)
            };
            for (host, must) in [("open", Serve("open", "open")), ("cert", of_cert)] {
                let path = mark();
                let answer = client.raw(&over, &http1(world.authority(host), &path));
                let what = format!("{what}, TLS for `{name}`, Host `{host}`");
                judged(world, seen, &what, &Ok(answer), &path, must);
            }
        }
    }
}

#[test]
fn a_certificate_is_asked_for_by_the_host_and_not_by_the_name_in_tls() {
    let authority = Authority::new("Clients").unwrap();
    let stranger = Authority::new("Strangers").unwrap();
    let good = authority.issue_peer(&["client.example.test"]).unwrap();
    let bad = stranger.issue_peer(&["client.example.test"]).unwrap();
    let globals = format!(
        "downstream_mtls: {{ca: {}, enforcement: policy}}",
        STANDARD.encode(authority.pem())
    );
    let case = |world: &mut World, seen: &mut Seen| by_host(world, seen, &good, &bad);
    one_of("HO-06", begin(Shape::Ours, &globals, ROUTES), case);
    let beside = Beside {
        globals: &globals,
        filter: "status_on_error: {code: ServiceUnavailable}\ninclude_peer_certificate: true\n",
        asks_for_certificates: true,
        ..Beside::of(ROUTES)
    };
    one_of(
        "HO-06",
        with_judge(World::start_beside(Shape::Bare, &beside)),
        case,
    );
}
