//! Chains are made by rcgen, which knows nothing of who verifies them.

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType as Name,
    SerialNumber, date_time_ymd,
};

use super::*;
use crate::certificate::LeafError;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-06-01T00:00:00Z")
}

/// Valid in 2025 and 2026 unless it is told otherwise.
struct Made {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: String,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn client() -> CertificateParams {
    let mut params = params("a client");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.serial_number = Some(SerialNumber::from(7_u64));
    params.subject_alt_names = vec![
        Name::Rfc822Name("mona@example.com".try_into().unwrap()),
        Name::DnsName("laptop.example.com".try_into().unwrap()),
    ];
    params
}

fn root(params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Made {
        der: certificate.der().to_vec(),
        pem: certificate.pem(),
        issuer: Issuer::new(params, key),
    }
}

fn below(params: CertificateParams, above: &Made) -> Made {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &above.issuer).unwrap();
    Made {
        der: certificate.der().to_vec(),
        pem: certificate.pem(),
        issuer: Issuer::new(params, key),
    }
}

fn requirements(authorities: &[&Made]) -> ClientRequirements {
    ClientRequirements {
        authorities: authorities.iter().map(|made| made.der.clone()).collect(),
        max_depth: 1,
        ..ClientRequirements::default()
    }
}

fn by(authorities: &[&Made]) -> ClientAuthorities {
    ClientAuthorities::new(requirements(authorities)).unwrap()
}

fn chain(certificates: &[&Made]) -> ClientChain {
    let text: String = certificates.iter().map(|made| made.pem.as_str()).collect();
    ClientChain::from_pem(&text).unwrap()
}

fn crl(of: &Made, serials: &[u64], partial: bool) -> Vec<u8> {
    let revoked = serials.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2026, 1, 1),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2026, 9, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: partial.then(|| rcgen::CrlIssuingDistributionPoint {
            distribution_point: rcgen::CrlDistributionPoint {
                uris: vec!["http://ca.test/1.crl".to_owned()],
            },
            scope: Some(rcgen::CrlScope::UserCertsOnly),
        }),
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&of.issuer).unwrap().der().to_vec()
}

#[test]
fn a_certificate_is_valid_that_an_authority_signed_for_a_client() {
    let (ca, other) = (root(authority("ca")), root(authority("other")));
    let mona = below(client(), &ca);
    assert!(by(&[&ca]).verify(&chain(&[&mona]), now()));
    assert!(by(&[&other, &ca]).verify(&chain(&[&mona]), now()));
    assert!(!by(&[&other]).verify(&chain(&[&mona]), now()));

    // By one of the same name, and by itself.
    let impostor = root(authority("ca"));
    assert!(!by(&[&ca]).verify(&chain(&[&below(client(), &impostor)]), now()));
    assert!(!by(&[&ca]).verify(&chain(&[&root(client())]), now()));

    // No usage at all is any.
    let mut any = client();
    any.extended_key_usages.clear();
    assert!(by(&[&ca]).verify(&chain(&[&below(any, &ca)]), now()));
    let mut server = client();
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert!(!by(&[&ca]).verify(&chain(&[&below(server, &ca)]), now()));
}

#[test]
fn time_is_that_of_the_clock_for_leaf_and_authority() {
    let ca = root(authority("ca"));
    let mona = below(client(), &ca);
    let valid = |text: &str| by(&[&ca]).verify(&chain(&[&mona]), at(text));
    assert!(!valid("2024-12-31T23:59:59Z") && valid("2025-01-01T00:00:00Z"));
    assert!(valid("2027-01-01T00:00:00Z") && !valid("2027-01-01T00:00:01Z"));
    assert!(!valid("1969-12-31T23:59:59Z"));

    let mut short = authority("ca");
    short.not_after = date_time_ymd(2026, 1, 1);
    let short = root(short);
    let mona = below(client(), &short);
    assert!(by(&[&short, &ca]).verify(&chain(&[&mona]), at("2025-06-01T00:00:00Z")));
    assert!(!by(&[&short, &ca]).verify(&chain(&[&mona]), now()));
}

#[test]
fn depth_counts_what_stands_above_the_leaf() {
    let ca = root(authority("ca"));
    let middle = below(authority("middle"), &ca);
    let lower = below(authority("lower"), &middle);
    let (two, three) = (below(client(), &middle), below(client(), &lower));
    let up_to = |max_depth| {
        let requirements = ClientRequirements {
            max_depth,
            ..requirements(&[&ca])
        };
        ClientAuthorities::new(requirements).unwrap()
    };
    let valid = |max_depth, certificates: &[&Made]| up_to(max_depth).verify(&chain(certificates), now());
    assert!(!valid(1, &[&two, &middle]) && valid(2, &[&two, &middle]));
    assert!(!valid(2, &[&three, &lower, &middle]) && valid(3, &[&three, &middle, &lower]));
    assert!(valid(0, &[&three, &lower, &middle]));

    // Without the intermediate there is no way up, unless it counts as an authority.
    assert!(!valid(0, &[&two]));
    assert!(by(&[&middle]).verify(&chain(&[&two]), now()));
    let mut added = chain(&[&two]);
    added.add_intermediates(&format!("{}{}", ca.pem, middle.pem));
    assert!(up_to(0).take_intermediates() && !up_to(1).take_intermediates());
    assert!(up_to(0).verify(&added, now()));

    // What is no authority signs nothing.
    let mona = below(client(), &ca);
    let grandchild = below(client(), &mona);
    assert!(!valid(0, &[&grandchild, &mona]));
}

/// Authorities that signed themselves under one name: any of them may have signed any other.
fn circle(count: usize) -> Vec<Made> {
    (0..count).map(|_| root(authority("circle"))).collect()
}

#[test]
fn certificates_that_name_one_another_leave_the_verifier_no_choice() {
    let ca = root(authority("ca"));
    let circle = circle(8);
    let mut leaf = client();
    leaf.use_authority_key_identifier_extension = true;
    let rogue = below(leaf, &circle[5]);
    let mut all = vec![&rogue];
    all.extend(&circle);
    let unlimited = ClientAuthorities::new(ClientRequirements {
        max_depth: 0,
        ..requirements(&[&ca])
    });
    let unlimited = unlimited.unwrap();
    let presented = chain(&all);
    assert_eq!(presented.intermediates(), 8);
    let way = unlimited.way_up(&presented);
    assert_eq!(way.len(), 2, "one of a name");
    assert_eq!(*way[1].der, *circle[5].der, "the one whose key signed");
    assert!(!unlimited.verify(&presented, now()));

    // Two names that sign each other: no name comes again.
    let (ping, pong) = (root(authority("ping")), root(authority("pong")));
    let rounds: Vec<Made> = (0..4)
        .flat_map(|_| [below(authority("ping"), &pong), below(authority("pong"), &ping)])
        .collect();
    let rogue = below(client(), &ping);
    let mut all = vec![&rogue];
    all.extend(&rounds);
    assert_eq!(unlimited.way_up(&chain(&all)).len(), 3);
    // No more than are allowed are looked at.
    assert_eq!(by(&[&ca]).way_up(&chain(&all)).len(), 1);
}

#[test]
fn strangers_among_the_intermediates_do_not_hide_the_way() {
    let (ca, former) = (root(authority("ca")), root(authority("former ca")));
    let middle = below(authority("middle"), &ca);
    let lower = below(authority("lower"), &middle);
    let mut leaf = client();
    leaf.use_authority_key_identifier_extension = true;
    let mona = below(leaf, &lower);
    let unlimited = ClientAuthorities::new(ClientRequirements {
        max_depth: 3,
        ..requirements(&[&ca])
    });
    let valid = |certificates: &[&Made]| unlimited.as_ref().unwrap().verify(&chain(certificates), now());
    // One of the same name with another key, and the same one signed by another.
    let namesake = below(authority("lower"), &middle);
    let key = KeyPair::try_from(middle.issuer.key().serialize_der()).unwrap();
    let crossed = authority("middle").signed_by(&key, &former.issuer).unwrap();
    let crossed = Made {
        der: crossed.der().to_vec(),
        pem: crossed.pem(),
        issuer: Issuer::new(authority("middle"), key),
    };
    let stranger = root(authority("stranger"));
    for certificates in [
        [&mona, &lower, &middle, &ca, &stranger, &namesake],
        [&mona, &ca, &stranger, &middle, &namesake, &lower],
        [&mona, &namesake, &crossed, &lower, &middle, &former],
        [&mona, &former, &crossed, &namesake, &middle, &lower],
    ] {
        assert!(valid(&certificates));
    }
    assert!(!valid(&[&mona, &lower, &crossed, &former, &stranger, &namesake]));
}

#[test]
fn a_verdict_is_steady_until_something_begins_or_ends() {
    let ca = root(authority("ca"));
    let mut short = authority("middle");
    short.not_before = date_time_ymd(2025, 3, 1);
    short.not_after = date_time_ymd(2026, 10, 1);
    let middle = below(short, &ca);
    let mut brief = authority("brief");
    brief.not_after = date_time_ymd(2026, 7, 1);
    let brief = root(brief);
    let mut leaf = client();
    leaf.not_after = date_time_ymd(2026, 12, 1);
    let mona = below(leaf, &middle);
    let authorities = ClientAuthorities::new(ClientRequirements {
        revoked: vec![crl(&middle, &[], false)],
        max_depth: 2,
        ..requirements(&[&ca, &brief])
    })
    .unwrap();
    let presented = chain(&[&mona, &middle]);
    let day = |text: &str| at(&format!("{text}T00:00:00Z")).as_second();
    let steady = authorities.steady(&presented, now());
    assert_eq!(steady, day("2025-03-01") + 1..day("2026-07-01"));
    let mut verdicts = Vec::new();
    let mut time = day("2024-12-01");
    while time < day("2027-02-01") {
        let when = Timestamp::from_second(time).unwrap();
        let steady = authorities.steady(&presented, when);
        assert!(steady.contains(&time));
        let verdict = authorities.verify(&presented, when);
        let last = steady.end.min(day("2028-01-01")) - 1;
        for other in [
            steady.start.max(0),
            last,
            i64::midpoint(steady.start.max(0), last),
        ] {
            let other = Timestamp::from_second(other).unwrap();
            assert_eq!(authorities.verify(&presented, other), verdict, "{when} {other}");
        }
        if verdicts.last() != Some(&verdict) {
            verdicts.push(verdict);
        }
        time = steady.end;
    }
    assert_eq!(verdicts, [false, true, false]);
    // It ends with the list of its issuer, before the issuer.
    let valid = |text| authorities.verify(&presented, at(text));
    assert!(valid("2026-08-31T23:59:59Z") && !valid("2026-09-01T00:00:00Z"));
}

#[test]
fn a_revoked_leaf_is_not_valid() {
    let (ca, other) = (root(authority("ca")), root(authority("other")));
    let mona = below(client(), &ca);
    let valid = |revoked: &[Vec<u8>], when| {
        let requirements = ClientRequirements {
            revoked: revoked.to_vec(),
            ..requirements(&[&ca])
        };
        let authorities = ClientAuthorities::new(requirements).unwrap();
        authorities.verify(&chain(&[&mona]), when)
    };
    assert!(valid(&[crl(&ca, &[8], false)], now()));
    assert!(!valid(
        &[crl(&other, &[], false), crl(&ca, &[8, 7], false)],
        now()
    ));
    // A list of somebody else, and one in the authority's name.
    assert!(valid(&[crl(&other, &[7], false)], now()));
    let impostor = root(authority("ca"));
    assert!(!valid(&[crl(&impostor, &[], false)], now()));
    // One that has expired says nothing any more.
    assert!(!valid(&[crl(&ca, &[8], false)], at("2026-10-01T00:00:00Z")));
}

#[test]
fn one_of_the_names_must_be_there() {
    let ca = root(authority("ca"));
    let mona = below(client(), &ca);
    let valid = |names: &[(SanType, &str)]| {
        let names = names.iter().map(|(kind, text)| (*kind, (*text).to_owned()));
        let requirements = ClientRequirements {
            names: names.collect(),
            ..requirements(&[&ca])
        };
        let authorities = ClientAuthorities::new(requirements).unwrap();
        authorities.verify(&chain(&[&mona]), now())
    };
    assert!(valid(&[(SanType::Dns, ".*\\.example\\.com")]));
    assert!(valid(&[(SanType::Uri, ".*"), (SanType::Email, "mona@.*")]));
    assert!(!valid(&[(SanType::Dns, "example\\.com")]) && !valid(&[(SanType::Uri, ".*")]));
}

#[test]
fn what_cannot_be_used_is_refused() {
    let ca = root(authority("ca"));
    let error = |requirements: ClientRequirements| ClientAuthorities::new(requirements).unwrap_err();
    let none = error(ClientRequirements::default());
    assert_eq!(none, ClientAuthoritiesError::NoAuthority);
    let many = ClientRequirements {
        authorities: vec![ca.der.clone(); 1001],
        ..ClientRequirements::default()
    };
    assert_eq!(error(many), ClientAuthoritiesError::TooMany);
    let large = ClientRequirements {
        revoked: vec![vec![0; 3 << 20]],
        ..requirements(&[&ca])
    };
    assert_eq!(error(large), ClientAuthoritiesError::TooMany);
    let mut broken = requirements(&[&ca, &ca]);
    broken.authorities[1].push(0);
    assert_eq!(error(broken), ClientAuthoritiesError::Unreadable(2));
    let leaf = below(client(), &ca);
    let no_authority = error(requirements(&[&ca, &leaf]));
    assert_eq!(no_authority, ClientAuthoritiesError::NotAnAuthority(2));
    let mut mute = authority("ca");
    mute.key_usages = vec![KeyUsagePurpose::CrlSign];
    let mute = error(requirements(&[&root(mute)]));
    assert_eq!(mute, ClientAuthoritiesError::NotAnAuthority(1));

    let lists = |revoked: &[&[u8]]| {
        error(ClientRequirements {
            revoked: revoked.iter().map(|list| list.to_vec()).collect(),
            ..requirements(&[&ca])
        })
    };
    let whole = crl(&ca, &[], false);
    assert_eq!(lists(&[&whole, &ca.der]), ClientAuthoritiesError::List(2));
    let again = crl(&ca, &[7], false);
    assert_eq!(lists(&[&whole, &again]), ClientAuthoritiesError::TwoLists(2));
    let partial = crl(&ca, &[], true);
    assert_eq!(lists(&[&partial]), ClientAuthoritiesError::PartialList(1));

    let names = ClientRequirements {
        names: vec![(SanType::Dns, "(".to_owned())],
        ..requirements(&[&ca])
    };
    assert!(matches!(error(names), ClientAuthoritiesError::Names(_)));
}

#[test]
fn a_chain_begins_with_a_leaf_and_has_an_end() {
    let ca = root(authority("ca"));
    let mona = below(client(), &ca);
    assert_eq!(ClientChain::from_pem("").unwrap_err(), LeafError::Pem);
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let text = format!("{key}{}", mona.pem);
    assert_eq!(ClientChain::from_pem(&text).unwrap_err(), LeafError::Pem);
    let long = "\n".repeat(200_000) + &mona.pem;
    assert_eq!(ClientChain::from_pem(&long).unwrap_err(), LeafError::TooLarge);

    // Of one certificate one copy is kept, and of many the first.
    let text = format!("{0}{0}{key}{1}{1}", mona.pem, ca.pem);
    assert_eq!(ClientChain::from_pem(&text).unwrap().intermediates(), 1);
    let mut many = chain(&[&mona]);
    for number in 0..20 {
        many.add_intermediates(&root(authority(&format!("ca {number}"))).pem);
    }
    assert_eq!(many.intermediates(), 8);
    let mut few = chain(&[&mona]);
    few.add_intermediates(&("\n".repeat(200_000) + &ca.pem));
    assert!(few.intermediates() == 0);
}

#[test]
fn without_names_a_leaf_keeps_its_key() {
    let leaf = chain(&[&root(client())]).into_leaf();
    assert_eq!(leaf.san_email.len(), 1);
    let bare = leaf.clone().without_names();
    assert_eq!(
        (bare.fingerprint, bare.spki_hash),
        (leaf.fingerprint, leaf.spki_hash)
    );
    assert!(bare.san_email.is_empty() && bare.san_dns.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damage_is_no_fault(place in 0_usize..4096, byte: u8, cut in 0_usize..3) {
        use base64::Engine as _;
        let ca = root(authority("ca"));
        let mona = below(client(), &ca);
        let mut der = mona.der.clone();
        let place = place % der.len();
        der[place] = byte;
        der.truncate(der.len() - cut);
        let body = base64::engine::general_purpose::STANDARD.encode(&der);
        let text = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        if let Ok(chain) = ClientChain::from_pem(&text) {
            prop_assert_eq!(by(&[&ca]).verify(&chain, now()), der == mona.der);
        }
        let authorities = ClientRequirements { authorities: vec![der.clone()], ..ClientRequirements::default() };
        prop_assert!(ClientAuthorities::new(authorities).is_err());
        let revoked = ClientRequirements { revoked: vec![der], ..requirements(&[&ca]) };
        prop_assert!(ClientAuthorities::new(revoked).is_err());
    }
}
