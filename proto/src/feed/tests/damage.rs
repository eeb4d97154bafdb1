//! Updates that do not arrive as they were sent.

use bytes::Bytes;

use super::*;
use crate::feed::MAX_PROGRAM;
use crate::generated::feed as wire;

/// An update of several parts, and the bundle that it makes.
fn several() -> (Bundle, Vec<Update>) {
    let routes = (0..7_000).map(|id| route(id, &program(&["a", "b"])));
    let bundle = Bundle::new(settings(1), routes);
    let parts = updates(&bundle, None);
    assert!(parts.len() >= 3, "{}", parts.len());
    (bundle, parts)
}

/// Feeds what arrives of the parts; the errors, and the bundle that came out.
fn feed(parts: impl IntoIterator<Item = Update>) -> (Vec<WireError>, Option<Arc<Bundle>>) {
    let mut assembler = Assembler::new(None);
    let (mut errors, mut last) = (Vec::new(), None);
    for part in parts {
        match assembler.push(part) {
            Ok(bundle) => last = bundle.or(last),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(
        assembler.held().map(|held| &held.version),
        last.as_ref().map(|last| &last.version)
    );
    (errors, last)
}

#[test]
fn a_missing_part_is_noticed_once() {
    let (_, parts) = several();
    for missing in 0..parts.len() {
        let rest = parts
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != missing)
            .map(|(_, part)| part.clone());
        let (errors, bundle) = feed(rest);
        assert!(bundle.is_none(), "without {missing}");
        // Without its end an update is only not whole yet.
        let expected: &[WireError] = if missing == parts.len() - 1 {
            &[]
        } else {
            &[WireError::OutOfOrder]
        };
        assert_eq!(errors, expected, "without {missing}");
    }
}

#[test]
fn parts_out_of_order_or_twice_are_refused_and_the_whole_helps() {
    let (bundle, parts) = several();
    let reversed = parts.iter().rev().cloned();
    assert_eq!(
        feed(reversed.clone()).1.map(|bundle| bundle.version.clone()),
        None
    );
    let mut twice = parts.clone();
    twice.insert(1, parts[1].clone());
    let (errors, none) = feed(twice.clone());
    assert_eq!((errors, none.is_none()), (vec![WireError::OutOfOrder], true));
    // The sender begins anew, on the same stream.
    let (_, whole) = feed(twice.into_iter().chain(parts));
    assert_eq!(whole.unwrap().version, bundle.version);
}

#[test]
fn an_update_that_is_given_up_leaves_nothing() {
    let (_, parts) = several();
    let other = Bundle::new(settings(2), [route(1, &program(&["c"]))]);
    let given_up = parts.into_iter().take(1).chain(updates(&other, None));
    let (errors, bundle) = feed(given_up);
    assert_eq!(errors, []);
    assert_eq!(bundle.unwrap().version, other.version);
}

#[test]
fn an_update_from_another_base_is_refused() {
    let held = Arc::new(Bundle::new(settings(1), [route(1, &program(&["a"]))]));
    let other = Bundle::new(settings(1), [route(2, &program(&["a"]))]);
    let new = Bundle::new(settings(1), [route(3, &program(&["a"]))]);
    let mut assembler = Assembler::new(Some(Arc::clone(&held)));
    let refused = assembler.push(updates(&new, Some(&other)).remove(0));
    assert_eq!(refused.unwrap_err(), WireError::UnknownBase);
    assert_eq!(assembler.held().unwrap().version, held.version);
    let whole = assembler.push(updates(&new, None).remove(0)).unwrap();
    assert_eq!(whole.unwrap().version, new.version);
    // And from nothing at all.
    let refused = Assembler::new(None).push(updates(&new, Some(&other)).remove(0));
    assert_eq!(refused.unwrap_err(), WireError::UnknownBase);
}

#[test]
fn what_is_not_what_it_says_is_refused() {
    let bundle = Bundle::new(settings(1), [route(1, &program(&["a"]))]);
    let good = updates(&bundle, None).remove(0);
    let spoil = |change: &dyn Fn(&mut Update)| {
        let mut update = good.clone();
        change(&mut update);
        Assembler::new(None).push(update).unwrap_err()
    };
    type Spoil<'a> = &'a dyn Fn(&mut Update);
    let keys = |u: &mut Update, change: &dyn Fn(&mut wire::Keys)| {
        let keys = u.settings.as_mut().and_then(|settings| settings.keys.as_mut());
        change(keys.unwrap());
    };
    let cases: [(Spoil<'_>, WireError); 15] = [
        (&|u| u.version = "0".repeat(64), WireError::Version),
        (&|u| u.routes[0].allow_websockets = true, WireError::Version),
        (&|u| u.routes.clear(), WireError::Version),
        (&|u| u.hosts_added.clear(), WireError::Version),
        (&|u| u.settings = None, WireError::Malformed("settings")),
        (&|u| u.routes[0].policy = None, WireError::Malformed("policy")),
        (&|u| u.routes[0].port = Some(65_536), WireError::Malformed("port")),
        (&|u| u.routes[0].host = "a b".into(), WireError::Malformed("host")),
        (&|u| u.programs.clear(), WireError::UnknownProgram),
        (
            &|u| u.programs[0].content = Bytes::from_static(b"{}"),
            WireError::Malformed("program"),
        ),
        (
            &|u| u.programs[0].digest = Bytes::from_static(b"short"),
            WireError::Malformed("digest"),
        ),
        (
            &|u| keys(u, &|keys| keys.cookie_secret = Bytes::from_static(b"short")),
            WireError::Malformed("secret"),
        ),
        (
            &|u| {
                keys(u, &|keys| {
                    keys.other_cookie_secrets = vec![Bytes::from_static(b"short")]
                })
            },
            WireError::Malformed("secret"),
        ),
        (
            &|u| {
                keys(u, &|keys| {
                    let others = (10..18).map(|byte| Bytes::from(vec![byte; 32]));
                    keys.other_shared_secrets = others.collect();
                });
            },
            WireError::Malformed("secret"),
        ),
        (
            &|u| {
                keys(u, &|keys| {
                    keys.other_shared_secrets = vec![Bytes::from(vec![9; 32])];
                });
            },
            WireError::Version,
        ),
    ];
    for (at, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(spoil(change), expected, "case {at}");
    }
}

#[test]
fn a_provider_is_what_its_id_says() {
    let mut settings = arbitrary::plain_settings(1);
    settings.provider = Some(portcullis_bundle::Provider::new(
        "oidc".into(),
        "https://idp.example.com".into(),
        "client".into(),
        None,
        Vec::new(),
    ));
    let mut update = updates(&Bundle::new(Arc::new(settings), []), None).remove(0);
    let provider = update
        .settings
        .as_mut()
        .and_then(|s| s.provider.as_mut())
        .unwrap();
    provider.issuer_url = "https://evil.example.com".into();
    assert_eq!(
        Assembler::new(None).push(update).unwrap_err(),
        WireError::Malformed("provider")
    );
}

#[test]
fn a_program_without_end_is_refused() {
    let digest = Bytes::from_static(&[0; 32]);
    let piece = Bytes::from(vec![b' '; MAX_PART / 2]);
    let mut assembler = Assembler::new(None);
    let endless = (0..).map(|part| Update {
        part,
        programs: vec![wire::Program {
            digest: digest.clone(),
            content: piece.clone(),
            more: true,
        }],
        ..Update::default()
    });
    let refused = endless.take(1_000).find_map(|part| assembler.push(part).err());
    assert_eq!(refused, Some(WireError::TooLarge("programs")));
    const { assert!(MAX_PROGRAM < 1_000 * MAX_PART / 2) };

    // Half a program is none.
    let half = Update {
        programs: vec![wire::Program {
            digest,
            content: piece,
            more: true,
        }],
        version: "0".repeat(64),
        ..Update::default()
    };
    assert_eq!(assembler.push(half).unwrap_err(), WireError::OutOfOrder);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the bytes become on their way: an error, or exactly the bundle
    /// that the sender has; never a panic, never another bundle.
    #[test]
    fn damaged_bytes_never_make_another_bundle(
        bundle in bundle(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = updates(&bundle, None).remove(0).encode_to_vec();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        if let Ok(update) = Update::decode(&*bytes)
            && let Ok(Some(arrived)) = Assembler::new(None).push(update)
        {
            prop_assert_eq!(&arrived.version, &bundle.version);
        }
    }

    #[test]
    fn bytes_of_any_kind_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(update) = Update::decode(&*bytes) {
            let _ = Assembler::new(None).push(update);
        }
    }
}
