//! Client certificates.

use crate::{downstream_mtls, names};
use portcullis_harness::certificates::{Authority, Leaf};
use portcullis_harness::roles::{Beside, DropIn};
use portcullis_harness::wait::until;
use portcullis_harness::{Client, Site};

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', name: open, prefix: /open, to: '{upstream}', allow_public_unauthenticated_access: true}
- from: https://app.example.test:{port}
  name: named
  to: '{upstream}'
  policy: [{allow: {and: [{client_certificate: {san_dns: {ends_with: .laptops.example.test}}}]}}]
";

/// Whom the server trusts, and everything that a client may show.
struct Clients {
    authority: Authority,
    laptop: Leaf,
    printer: Leaf,
    by_intermediate: Leaf,
    server: Leaf,
    forged: Leaf,
}

impl Clients {
    fn new() -> Self {
        let authority = Authority::new("Clients of the tests").unwrap();
        let laptop = "mona.laptops.example.test";
        let middle = authority.intermediate("Between").unwrap();
        let mut by_intermediate = middle.issue_peer(&[laptop]).unwrap();
        by_intermediate.certificate.push_str(middle.pem());
        Self {
            laptop: authority.issue_peer(&[laptop]).unwrap(),
            printer: authority.issue_peer(&["printer.example.test"]).unwrap(),
            by_intermediate,
            server: authority.issue(&[laptop]).unwrap(),
            // An authority of the same name.
            forged: Authority::new("Clients of the tests")
                .unwrap()
                .issue_peer(&[laptop])
                .unwrap(),
            authority,
        }
    }
}

/// What becomes of a request to a path by whoever shows this.
fn asked(client: Client, leaf: Option<&Leaf>, url: &str) -> (u16, String) {
    let mut client = match leaf {
        Some(leaf) => client.presenting(&leaf.certificate, &leaf.key),
        None => client,
    };
    let answer = client.get_with(url, &[("Accept", "application/json")]);
    let code = match answer.status {
        200 => String::new(),
        _ => answer.json()["code"].as_str().unwrap_or_default().to_owned(),
    };
    (answer.status, code)
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

const FILTER: &str = "status_on_error: {code: ServiceUnavailable}\ninclude_peer_certificate: true\n";

#[test]
fn somebody_elses_envoy_hands_over_what_it_did_not_verify() {
    let clients = Clients::new();
    let globals = downstream_mtls(&clients.authority, "");
    let site = DropIn::start(&Beside {
        globals: &globals,
        filter: FILTER,
        asks_for_certificates: true,
        ..Beside::of(ROUTES)
    });
    let get = |leaf, path: &str| asked(site.client(), leaf, &site.url("app", path));
    assert_eq!(get(Some(&clients.laptop), "/named-laptop"), refused(200, ""));
    assert_eq!(get(Some(&clients.laptop), "/open/laptop"), refused(200, ""));
    assert_eq!(get(Some(&clients.printer), "/open/printer"), refused(200, ""));
    assert_eq!(
        get(Some(&clients.printer), "/named-printer"),
        refused(403, "policy_denied")
    );
    let passed = site.upstream.recorded().len();
    for path in ["/open/none", "/named-none"] {
        assert_eq!(get(None, path), refused(495, "client_certificate_required"));
    }
    for leaf in [&clients.forged, &clients.server, &clients.by_intermediate] {
        for path in ["/open/invalid", "/named-invalid"] {
            assert_eq!(get(Some(leaf), path), refused(495, "client_certificate_invalid"));
        }
    }
    assert_eq!(site.upstream.recorded().len(), passed);
}

#[test]
fn an_envoy_that_hands_over_none_is_told_what_to_set() {
    let clients = Clients::new();
    let globals = downstream_mtls(&clients.authority, ", enforcement: policy");
    let site = DropIn::start(&Beside {
        globals: &globals,
        asks_for_certificates: true,
        ..Beside::of(ROUTES)
    });
    // A client cannot say it in the place of Envoy.
    let client = site
        .client()
        .with("x-forwarded-client-cert", "By=a;Hash=b;Subject=\"CN=mona\"");
    let url = site.url("app", "/named-untold");
    assert_eq!(
        asked(client, Some(&clients.laptop), &url),
        refused(403, "policy_denied")
    );
    assert!(!site.upstream.saw("named-untold"));
    until("the decision is logged", || {
        names(&site, "named-untold", "include_peer_certificate")
    });
    assert_eq!(
        asked(site.client(), None, &site.url("app", "/open/x")),
        refused(200, "")
    );
}

#[test]
fn our_own_envoy_asks_and_the_policy_judges() {
    let clients = Clients::new();
    let site = Site::start_with(&downstream_mtls(&clients.authority, ""), ROUTES);
    let get = |leaf, path: &str| asked(site.client(), leaf, &site.url("app", path));
    assert_eq!(get(Some(&clients.laptop), "/named-laptop"), refused(200, ""));
    assert_eq!(
        get(Some(&clients.printer), "/named-printer"),
        refused(403, "policy_denied")
    );
    assert_eq!(
        get(None, "/open/none"),
        refused(495, "client_certificate_required")
    );
    for leaf in [&clients.forged, &clients.server, &clients.by_intermediate] {
        assert_eq!(
            get(Some(leaf), "/open/invalid"),
            refused(495, "client_certificate_invalid")
        );
    }
    // Our own pages are for everybody, or nobody could log in.
    assert_eq!(
        site.client()
            .get(&site.url("app", "/.well-known/pomerium/jwks.json"))
            .status,
        200
    );
    assert!(!site.upstream.saw("none") && !site.upstream.saw("invalid"));
}

#[test]
fn our_own_envoy_shows_intermediates_to_the_check_alone() {
    let clients = Clients::new();
    let site = Site::start_with(
        &downstream_mtls(&clients.authority, ", max_verify_depth: 2"),
        ROUTES,
    );
    let get = |leaf, path: &str| asked(site.client(), Some(leaf), &site.url("app", path));
    assert_eq!(get(&clients.by_intermediate, "/named-deep"), refused(200, ""));
    assert_eq!(
        site.upstream.one("named-deep").header("x-forwarded-client-cert"),
        None
    );
    assert_eq!(get(&clients.laptop, "/named-direct"), refused(200, ""));
    assert_eq!(
        get(&clients.forged, "/named-forged"),
        refused(495, "client_certificate_invalid")
    );
    // Without the intermediate it leads nowhere, and a header of the client's is no help.
    let leaf = clients
        .by_intermediate
        .certificate
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap();
    let alone = Leaf {
        certificate: leaf.to_owned(),
        ..clients.by_intermediate.clone()
    };
    let encoded = clients
        .by_intermediate
        .certificate
        .replace('\n', "%0A")
        .replace(' ', "%20");
    let client = site
        .client()
        .with("x-forwarded-client-cert", &format!("Chain=\"{encoded}\""));
    let url = site.url("app", "/named-alone");
    assert_eq!(
        asked(client, Some(&alone), &url),
        refused(495, "client_certificate_invalid")
    );
    assert!(!site.upstream.saw("named-alone") && !site.upstream.saw("named-forged"));
}
