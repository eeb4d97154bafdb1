use super::fixture::{at, certificate, files, inline, span};
use super::*;
use crate::CertificatePem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_config::{Located, Secret, UNREADABLE_FILE};
use secrecy::ExposeSecret as _;

/// The one problem of a configuration that cannot take effect: code, line and
/// message.
fn refused(config: &Config, materials: &Materials) -> (&'static str, u32, String) {
    let built = build(config, materials);
    assert!(built.snapshot.is_none() && built.bundle.is_none());
    let [problem] = built.diagnostics.as_slice() else {
        panic!("{:?}", built.diagnostics)
    };
    assert_eq!(problem.route, None);
    (problem.code, problem.span.line, problem.message.clone())
}

/// The names of the listener's certificates.
fn served(snapshot: &Snapshot) -> &[String] {
    snapshot.listeners[Snapshot::LISTENER]
        .value
        .certificates
        .as_deref()
        .unwrap()
}

#[test]
fn certificates_are_named_by_their_files_and_keep_the_name_when_renewed() {
    let mut with = materials();
    let mut config = config([]);
    config.global.certificates = vec![certificate(&mut with, "a"), certificate(&mut with, "b")];
    let old = build(&config, &with).snapshot.unwrap();
    let names = served(&old);
    assert_eq!((names.len(), old.secrets.len()), (2, 2));

    certificate(&mut with, "b");
    let new = build(&config, &with).snapshot.unwrap();
    let changes = diff(&old, &new);
    assert_eq!(changes.secrets.changed, [names[1].clone()]);
    assert!(
        changes.listeners.is_empty() && changes.hosts.is_empty(),
        "{changes:?}"
    );
}

#[test]
fn a_pair_listed_twice_is_one_certificate() {
    let mut with = materials();
    let mut config = config([]);
    let pair = certificate(&mut with, "a");
    config.global.certificates = vec![pair.clone(), pair];
    let snapshot = build(&config, &with).snapshot.unwrap();
    assert_eq!(served(&snapshot).len(), 1);
}

#[test]
fn without_a_certificate_a_self_signed_one_serves() {
    let mut with = materials();
    let bare = build(&config([]), &with).snapshot.unwrap();
    assert_eq!(served(&bare), ["certificate-self-signed"]);
    assert!(bare.secrets.is_empty());

    let made = rcgen::generate_simple_self_signed(["x.test".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    with.self_signed = Some(CertificatePem {
        chain: made.cert.pem(),
        key: key.into(),
    });
    let snapshot = build(&config([]), &with).snapshot.unwrap();
    assert_eq!(
        snapshot.secrets["certificate-self-signed"].value.chain,
        made.cert.pem()
    );
    assert_eq!(snapshot.listeners, bare.listeners);
}

#[test]
fn a_certificate_in_the_configuration_itself_is_rotated_in_place() {
    let inline = |lines: [u32; 2], key: Option<&str>| {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let own = made.signing_key.serialize_pem();
        portcullis_config::Certificate::Inline {
            chain: Located {
                value: made.cert.pem().into_bytes(),
                span: span(lines[0]),
            },
            key: Located {
                value: key.unwrap_or(&own).to_owned().into(),
                span: span(lines[1]),
            },
        }
    };
    let mut config = config([]);
    let of = |config: &Config| build(config, &materials()).snapshot.unwrap();
    config.global.certificates = vec![inline([5, 6], None)];
    let old = of(&config);
    assert_eq!(served(&old), ["certificate-inline"]);
    config.global.certificates = vec![inline([5, 6], None)];
    let changes = diff(&old, &of(&config));
    assert_eq!(changes.secrets.changed, ["certificate-inline"]);
    assert!(changes.listeners.is_empty(), "{changes:?}");

    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    config.global.certificates = vec![inline([5, 6], Some(&other))];
    let (code, line, message) = refused(&config, &materials());
    assert_eq!((code, line), (codes::CERTIFICATE_INVALID, 5));
    assert!(message.starts_with("`certificate` cannot serve: "), "{message}");
    config.global.certificates = vec![inline([5, 6], Some("nonsense"))];
    assert_eq!(refused(&config, &materials()).1, 6);
}

#[test]
fn an_insecure_server_has_no_certificates() {
    let mut with = materials();
    let mut config = config([]);
    config.global.certificates = vec![certificate(&mut with, "a")];
    config.global.insecure_server = true;
    let snapshot = build(&config, &with).snapshot.unwrap();
    let listener = &snapshot.listeners[Snapshot::LISTENER].value;
    assert_eq!((&listener.certificates, snapshot.secrets.len()), (&None, 0));
    let names: Vec<_> = listener
        .response_headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        names,
        ["X-Frame-Options", "X-XSS-Protection"],
        "nobody is told to insist on TLS"
    );
    config.global.certificates = vec![files("nowhere", 10, "nowhere", 11)];
    assert!(build(&config, &with).snapshot.is_none(), "still read");
}

#[test]
fn a_certificate_that_cannot_serve_is_refused_at_its_position() {
    let mut with = materials();
    let mut config = config([]);
    config.global.certificates = vec![certificate(&mut with, "a")];
    with.files.insert("a.crt".into(), Ok(b"nonsense".to_vec()));
    let (code, line, message) = refused(&config, &with);
    assert_eq!((code, line), (codes::CERTIFICATE_INVALID, 10));
    assert_eq!(
        message,
        "the certificate `a.crt` cannot serve: the certificate file holds no certificate"
    );

    certificate(&mut with, "a");
    with.files
        .insert("a.key".into(), Err("no such file or directory".into()));
    let (code, line, message) = refused(&config, &with);
    assert_eq!((code, line), (UNREADABLE_FILE, 11));
    assert_eq!(
        message,
        "the file `a.key` cannot be read: no such file or directory"
    );
    with.files.remove(std::path::Path::new("a.key"));
    assert_eq!(refused(&config, &with).0, UNREADABLE_FILE);
}

#[test]
fn keys_come_from_the_file_the_text_or_the_process() {
    let mut with = materials();
    let mut config = config([]);
    let keys = |config: &Config, materials: &Materials| {
        let bundle = build(config, materials).bundle.unwrap();
        let keys = &bundle.settings.keys;
        (keys.shared_secret.first()[0], keys.cookie_secret.first()[0])
    };
    assert_eq!(keys(&config, &with), (1, 2));
    config.global.shared_secret = vec![inline(&STANDARD.encode([3; 32]))];
    config.global.cookie_secret = vec![Secret::File(at("cookie", 20))];
    with.files
        .insert("cookie".into(), Ok(STANDARD.encode([4; 32]).into_bytes()));
    assert_eq!(keys(&config, &with), (3, 4));
}

#[test]
fn several_secrets_come_in_lists_files_and_lists_of_files() {
    let base64 = |byte: u8| STANDARD.encode([byte; 32]);
    let numbers = |secrets: &[Secret], with: &Materials| {
        let mut config = config([]);
        config.global.cookie_secret = secrets.to_vec();
        let bundle = build(&config, with).bundle.unwrap();
        let secrets = bundle.settings.keys.cookie_secret.all();
        secrets.map(|secret| secret[0]).collect::<Vec<_>>()
    };
    let mut with = materials();
    let mut file = |name: &str, text: String| {
        with.files.insert(name.into(), Ok(text.into_bytes()));
    };
    file("new", base64(5));
    file("both", format!("{}\n{}\n", base64(5), base64(4)));
    file("commas", format!("{}, {}", base64(4), base64(6)));
    file("bad", format!("{}\nc2hvcnQ=\n", base64(8)));
    file("nine", (0..9).map(base64).collect::<Vec<_>>().join("\n"));
    let file_at = |name: &str, line| Secret::File(at(name, line));
    let inline_two = [inline(&base64(2)), inline(&base64(1))];
    assert_eq!(numbers(&inline_two, &with), [2, 1]);
    assert_eq!(numbers(&[file_at("both", 1)], &with), [5, 4]);
    assert_eq!(
        numbers(&[file_at("new", 1), file_at("commas", 2)], &with),
        [5, 4, 6]
    );

    let mut config = config([]);
    let mut say = |files: &[Secret]| {
        config.global.cookie_secret = files.to_vec();
        refused(&config, &with)
    };
    let (code, line, message) = say(&[file_at("new", 7), file_at("bad", 8)]);
    assert_eq!((code, line), (codes::SECRET_INVALID, 8));
    let expected = "`cookie_secret`: number 3 of the list: the secret has 5 bytes, not 32";
    assert_eq!(message, expected);
    assert_eq!(
        say(&[file_at("nine", 9)]).2,
        "`cookie_secret`: there are more than 8 secrets"
    );
    assert_eq!(say(&[file_at("new", 7), file_at("none", 8)]).0, UNREADABLE_FILE);

    config.global.cookie_secret = vec![file_at("new", 7), file_at("both", 8)];
    let built = build(&config, &with);
    let [warning] = built.diagnostics.as_slice() else {
        panic!("{:?}", built.diagnostics)
    };
    assert_eq!((warning.code, warning.span.line), (codes::SECRET_REPEATED, 8));
    assert_eq!(
        warning.message,
        "`cookie_secret`: number 2 of the list is number 1 again"
    );
    let secrets = built.bundle.unwrap();
    assert_eq!(secrets.settings.keys.cookie_secret.all().count(), 2);
}

#[test]
fn several_signing_keys_are_each_checked() {
    let p256 = || rcgen::KeyPair::generate().unwrap().serialize_pem();
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut config = config([]);
    config.global.signing_key = Some(Secret::File(at("signing", 40)));
    let with = |text: String| {
        let mut with = materials();
        with.files.insert("signing".into(), Ok(text.into_bytes()));
        with
    };
    let (one, two) = (p256(), p256());
    let both = format!("{one}{two}");
    for text in [both.clone(), STANDARD.encode(&both)] {
        let bundle = build(&config, &with(text)).bundle.unwrap();
        let pem = bundle.settings.keys.signing_key_pem.as_ref().unwrap();
        assert_eq!(pem.expose_secret().trim(), both.trim());
    }
    let built = build(&config, &with(format!("{both}{one}")));
    assert!(built.bundle.is_some());
    let [warning] = built.diagnostics.as_slice() else {
        panic!("{:?}", built.diagnostics)
    };
    assert_eq!(
        (warning.code, warning.message.as_str()),
        (codes::SECRET_REPEATED, "`signing_key`: key 3 is key 1 again")
    );
    let nine: String = (0..9).map(|_| p256()).collect();
    for (text, expected) in [
        (
            format!("{one}{}", p384.serialize_pem()),
            "`signing_key`: key 2 is neither ECDSA on P-256 nor RSA",
        ),
        (nine, "`signing_key`: it holds more than 8 keys"),
    ] {
        assert_eq!(refused(&config, &with(text)).2, expected);
    }
}

#[test]
fn secrets_of_another_shape_are_refused_without_being_shown() {
    let cases: [(&[u8], &str); 5] = [
        (b"c2hvcnQ=", "`shared_secret`: the secret has 5 bytes, not 32"),
        (
            b"c2hvcnQ= ",
            "`shared_secret`: the secret has a line end or other white space",
        ),
        (
            b"c2hvcnQ=\n",
            "`shared_secret`: the secret has a line end or other white space",
        ),
        (
            b"???",
            "`shared_secret`: the secret is not base64 with the standard alphabet and padding",
        ),
        (&[0xff], "the file of `shared_secret` is not text"),
    ];
    let mut config = config([]);
    config.global.shared_secret = vec![Secret::File(at("shared", 30))];
    for (bytes, expected) in cases {
        let mut with = materials();
        with.files.insert("shared".into(), Ok(bytes.to_vec()));
        let (code, line, message) = refused(&config, &with);
        assert_eq!(
            (code, line, message.as_str()),
            (codes::SECRET_INVALID, 30, expected)
        );
    }
}

#[test]
fn a_signing_key_is_pem_or_base64_of_it_and_can_sign() {
    let p256 = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)
        .unwrap()
        .serialize_pem();
    let mut config = config([]);
    config.global.signing_key = Some(Secret::File(at("signing", 40)));
    let with = |bytes: &str| {
        let mut with = materials();
        with.files.insert("signing".into(), Ok(bytes.as_bytes().to_vec()));
        with
    };
    for good in [
        p256.clone(),
        format!("\n{p256}\n"),
        STANDARD.encode(&p256),
        STANDARD.encode(&p256) + "\n",
    ] {
        let bundle = build(&config, &with(&good)).bundle.unwrap();
        let pem = bundle.settings.keys.signing_key_pem.as_ref().unwrap();
        assert_eq!(pem.expose_secret().trim(), p256.trim());
    }
    let cert = rcgen::generate_simple_self_signed(["x.test".to_owned()])
        .unwrap()
        .cert
        .pem();
    for (bad, expected) in [
        ("!", "`signing_key`: the key is neither PEM nor base64 of PEM"),
        ("", "`signing_key`: the key is neither PEM nor base64 of PEM"),
        (cert.as_str(), "`signing_key`: it holds no private key"),
        (
            p384.as_str(),
            "`signing_key`: the key is neither ECDSA on P-256 nor RSA",
        ),
    ] {
        let (code, line, message) = refused(&config, &with(bad));
        assert_eq!(
            (code, line, message.as_str()),
            (codes::SECRET_INVALID, 40, expected)
        );
    }
}

#[test]
fn a_client_secret_file_loses_its_line_end() {
    let mut config = config([]);
    config.global.idp = Some(idp(""));
    config.global.idp.as_mut().unwrap().client_secret = Some(Secret::File(at("client", 50)));
    let mut with = materials();
    with.files.insert("client".into(), Ok(b" hush \n".to_vec()));
    let bundle = build(&config, &with).bundle.unwrap();
    let secret = bundle
        .settings
        .provider
        .as_ref()
        .unwrap()
        .client_secret
        .as_ref()
        .unwrap();
    assert_eq!(secret.expose_secret(), " hush ");
}

#[test]
fn every_problem_is_reported_at_once_in_order() {
    let mut config = config([]);
    config.global.certificates = vec![files("x.crt", 10, "x.key", 11)];
    config.global.shared_secret = vec![Secret::File(at("s", 5))];
    config.global.signing_key = Some(Secret::File(at("k", 20)));
    config.global.idp = Some(idp(""));
    config.global.idp.as_mut().unwrap().client_secret = Some(Secret::File(at("c", 15)));
    let lines: Vec<u32> = build(&config, &materials())
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.span.line)
        .collect();
    assert_eq!(lines, [5, 10, 11, 15, 20]);
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let mut with = materials();
    let mut config = config([route("https://a.test", "http://a", legacy("u"))]);
    // A key in the file itself.
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    config.global.signing_key = Some(inline(&ed25519.serialize_pem()));
    // A good certificate with a key file of rubbish.
    let pair = certificate(&mut with, "a");
    with.files.insert("a.key".into(), Ok(b"rubbish".to_vec()));
    config.global.certificates = vec![pair];
    // A file of an option that does not work yet.
    config.routes[0].unused_files = vec![at("nowhere", 40)];
    let found: Vec<_> = build(&config, &with)
        .diagnostics
        .iter()
        .map(|d| (d.code, d.span.line, d.route))
        .collect();
    assert_eq!(
        found,
        [
            ("secret_invalid", 2, None),
            ("certificate_invalid", 11, None),
            (UNREADABLE_FILE, 40, Some(0)),
        ]
    );
}

#[test]
fn a_route_that_names_an_unreadable_file_denies_alone() {
    let mut broken = route("https://a.test", "http://a", legacy("u"));
    broken.unused_files = vec![at("nowhere", 40)];
    let built = build(&config([broken]), &materials());
    let bundle = built.bundle.unwrap();
    assert!(
        bundle
            .routes
            .values()
            .all(|route| matches!(route.policy, RoutePolicy::Invalid { .. }))
    );
}

#[test]
fn a_flood_of_problems_is_cut_and_still_forbids() {
    let mut config = config([]);
    config.global.certificates = (0..2_000).map(|_| files("nowhere", 30, "nowhere", 31)).collect();
    let built = build(&config, &materials());
    assert!(built.snapshot.is_none());
    assert_eq!(built.diagnostics.len(), 1_001);
    let last = built.diagnostics.last().unwrap();
    assert_eq!(
        (last.code, last.severity),
        ("too_many_problems", portcullis_config::Severity::Error)
    );
}
