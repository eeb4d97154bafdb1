//! What client certificates are judged by.

use super::fixture::{at, span};
use super::*;
use portcullis_config::{ClientCertificates, Located, Pem, UNREADABLE_FILE};
use portcullis_policy::SanType;

struct Made {
    pem: String,
    list: String,
}

fn authority() -> Made {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2027, 1, 1),
        crl_number: rcgen::SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list
        .signed_by(&rcgen::Issuer::from_params(&params, &key))
        .unwrap();
    Made {
        pem,
        list: list.pem().unwrap(),
    }
}

fn asking(authorities: Pem, revoked: Option<Pem>) -> Config {
    let mut config = config([route("https://a.test", "http://u:1", Legacy::default())]);
    config.global.client_certificates = Some(ClientCertificates {
        authorities,
        revoked,
        default_deny: true,
        max_verify_depth: 2,
        names: vec![(SanType::Dns, "a".to_owned())],
    });
    config
}

fn inline(text: &str, line: u32) -> Pem {
    Pem::Inline(Located {
        value: text.as_bytes().to_vec(),
        span: span(line),
    })
}

#[test]
fn authorities_and_lists_judge_and_envoy_asks_for_what_they_sign() {
    let (ca, other) = (authority(), authority());
    let plain = config([route("https://a.test", "http://u:1", Legacy::default())]);
    let (before, _) = both(&plain);
    assert_eq!(
        before.listeners[Snapshot::LISTENER].value.client_certificates,
        None
    );

    // A key among them goes nowhere.
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let bundle = format!("comment\n{}{key}{}", ca.pem, other.pem);
    let (snapshot, bundle) = both(&asking(inline(&bundle, 4), Some(inline(&ca.list, 5))));
    let authorities = bundle.settings.client_authorities.as_ref().unwrap();
    let requirements = authorities.requirements();
    assert_eq!(
        (requirements.authorities.len(), requirements.revoked.len()),
        (2, 1)
    );
    assert_eq!((requirements.max_depth, requirements.names.len()), (2, 1));
    let asked = snapshot.listeners[Snapshot::LISTENER]
        .value
        .client_certificates
        .clone()
        .unwrap();
    assert_eq!(
        asked.authorities,
        format!("{}{}", ca.pem, other.pem).replace('\r', "")
    );
    assert!(asked.intermediates);
}

fn warnings(config: &Config, beside_another: bool) -> Vec<(&'static str, u32, String)> {
    let with = Materials {
        each_host_logs_in: beside_another,
        ..materials()
    };
    let built = build(config, &with);
    assert!(built.bundle.is_some());
    let found = built.diagnostics.into_iter();
    found
        .map(|found| (found.code, found.span.line, found.message))
        .collect()
}

#[test]
fn without_tls_nobody_is_asked_for_a_certificate_which_is_said() {
    let ca = authority();
    let mut config = asking(inline(&ca.pem, 4), None);
    assert_eq!(warnings(&config, false), []);
    config.global.insecure_server = true;
    let said = "`downstream_mtls` without TLS (`insecure_server`) asks no client for a certificate";
    let refusing = format!("{said}, and every route refuses everybody");
    assert_eq!(warnings(&config, false), [("no_effect", 4, refusing)]);
    // Another's Envoy may well speak TLS.
    assert_eq!(warnings(&config, true), []);
    let clients = config.global.client_certificates.as_mut().unwrap();
    clients.default_deny = false;
    assert_eq!(warnings(&config, false), [("no_effect", 4, said.to_owned())]);
    config.global.client_certificates = None;
    assert_eq!(warnings(&config, false), []);
}

#[test]
fn more_authorities_than_clients_take_are_warned_of() {
    let ca = authority().pem;
    let of = |number: usize| asking(inline(&ca.repeat(number), 4), None);
    assert_eq!(warnings(&of(50), false), []);
    let found = warnings(&of(51), false);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1), ("many_client_authorities", 4));
    assert!(found[0].2.contains("51 authorities"), "{found:?}");
    assert_eq!(warnings(&of(51), true), []);
}

#[test]
fn what_cannot_judge_forbids_the_configuration() {
    let ca = authority();
    let mut with = materials();
    with.files.insert("empty.pem".into(), Ok(Vec::new()));
    let code = |authorities: Pem, revoked: Option<Pem>| {
        let built = build(&asking(authorities, revoked), &with);
        assert!(built.snapshot.is_none() && built.bundle.is_none());
        let problems: Vec<_> = built
            .diagnostics
            .iter()
            .map(|found| (found.code, found.span.line))
            .collect();
        problems
    };
    let invalid = codes::CLIENT_AUTHORITY_INVALID;
    let good = || inline(&ca.pem, 4);
    assert_eq!(code(Pem::File(at("empty.pem", 6)), None), [(invalid, 6)]);
    assert_eq!(
        code(Pem::File(at("nowhere.pem", 6)), None),
        [(UNREADABLE_FILE, 6)]
    );
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert_eq!(code(inline(broken, 4), None), [(invalid, 4)]);
    let leaf = rcgen::generate_simple_self_signed(["a.test".to_owned()])
        .unwrap()
        .cert
        .pem();
    assert_eq!(code(inline(&leaf, 4), None), [(invalid, 4)]);
    assert_eq!(code(good(), Some(Pem::File(at("empty.pem", 7)))), [(invalid, 7)]);
    assert_eq!(
        code(good(), Some(Pem::File(at("nowhere.crl", 7)))),
        [(UNREADABLE_FILE, 7)]
    );
    assert_eq!(code(good(), Some(inline(&ca.pem, 5))), [(invalid, 5)]);
    let twice = format!("{0}{0}", ca.list);
    assert_eq!(code(good(), Some(inline(&twice, 5))), [(invalid, 4)]);
}

#[test]
fn a_body_is_held_back_where_the_policy_asks_for_calls() {
    let reads = |policy: &str| {
        let node = portcullis_document::parse_yaml(policy, &portcullis_document::Limits::default());
        let policy = portcullis_policy::parse(&node.unwrap().unwrap()).unwrap();
        let mut one = route("https://a.test", "http://u:1", Legacy::default());
        one.policy = portcullis_config::RoutePolicy::Valid(policy);
        let (snapshot, bundle) = both(&config([one]));
        let table = &snapshot.route_tables[Snapshot::ROUTE_TABLE].value;
        let routes = table.hosts.iter().flat_map(|host| &host.value.routes);
        let id = bundle.routes.keys().next().copied().unwrap();
        let read: Vec<bool> = routes
            .filter(|route| route.value.context == Context::Policy(id))
            .map(|route| route.value.reads_body)
            .collect();
        read
    };
    assert_eq!(reads("allow: {and: [accept: true]}"), [false]);
    assert_eq!(
        reads("[allow: {and: [accept: true]}, deny: {or: [mcp_tool: a]}]"),
        [true]
    );
}
