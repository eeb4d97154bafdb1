//! `evaluate` allocates nothing, however large the policy: a counting allocator
//! watches it.

#[cfg(test)]
mod counting {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    use portcullis_document::{Limits, parse_yaml};
    use portcullis_model::Claims;
    use portcullis_policy::{
        ClientCertificate, Device, Http, Input, Leaf, Legacy, Mcp, Outcome, Policy, PresentedKey, RecordSet,
        Ssh, Standing, Subject, compile, evaluate, parse,
    };

    struct Counting;

    thread_local! {
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }

    #[expect(
        unsafe_code,
        reason = "an allocator cannot be written otherwise; it only counts and passes on"
    )]
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            COUNT.set(COUNT.get() + 1);
            // SAFETY: the caller's promise is passed on unchanged.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            // SAFETY: the caller's promise is passed on unchanged.
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn evaluate_allocates_nothing() {
        let legacy = Legacy {
            cors_preflight: true,
            any_authenticated: false,
            domains: vec!["other.test".into()],
            claims: vec![(
                "groups".into(),
                (0..1_000).map(|i| format!("g{i}").into()).collect(),
            )],
            users: (0..10_000).map(|i| format!("user{i}@example.com")).collect(),
            ..Legacy::default()
        };
        let program = compile(&Policy::from_route(&legacy, None)).unwrap();
        let claims: Claims = [("groups".to_owned(), vec!["x".into(), 5.into()])]
            .into_iter()
            .collect();
        let subject = |email| Subject {
            session_id: "s",
            user_id: "u",
            email,
            claims: &claims,
            groups: None,
            devices: &[],
        };
        let http = Http {
            method: "GET",
            host: "app.example.com",
            path: "/",
            source_ip: None,
            origin: None,
            access_control_request_method: None,
        };
        let now = jiff::Timestamp::UNIX_EPOCH;
        for (session, allowed) in [
            (None, false),
            (Some(subject("user9999@example.com")), true),
            (Some(subject("nobody@example.com")), false),
        ] {
            let input = Input::http(http, session, now);
            let before = COUNT.get();
            let evaluation = evaluate(&program, &input);
            assert_eq!(COUNT.get() - before, 0, "{session:?}");
            assert_eq!(
                matches!(evaluation.outcome, Outcome::Allow(_)),
                allowed,
                "{session:?}"
            );
        }
        let before = COUNT.get();
        drop(std::hint::black_box(String::from("the counter counts")));
        assert!(COUNT.get() > before);
    }

    /// One criterion of each kind.
    const EVERYTHING: &str = "
- deny:
    nor:
      - reject:
      - http_path: {starts_with: /x}
      - mcp_tool: {not_in: [a, b]}
      - cors_preflight:
      - invalid_client_certificate:
- allow:
    and:
      - authenticated_user:
      - domain: {not: other.test}
      - claim/groups: {has: x, exclude: y}
      - groups: g
      - source_ip: [192.0.2.0/24, 2001:db8::/32]
      - device: {approved: true}
      - client_certificate: {san_dns: a.example.com}
      - date: {after: 1960-01-01}
      - day_of_week: mon-sun
      - time_of_day: {timezone: Europe/Berlin, after: '0:00', before: '23:59'}
      - record: {type: people, field: team, is: a}
      - ssh_username: {contains: l}
      - ssh_username_matches_email:
      - ssh_username_matches_claim: names
      - ssh_publickey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMizSjHfRWedEUz0u0fm+KhMlfhYp+I5tyMmj07IxwXy
- allow:
    or:
      - ssh_ca: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMizSjHfRWedEUz0u0fm+KhMlfhYp+I5tyMmj07IxwXy
      - source_ip: 10.0.0.0/8
      - source_ip: 10.0.0.0/16
      - claim/nothing: a
      - claim/nothing: b
";

    #[test]
    fn no_criterion_allocates() {
        let node = parse_yaml(EVERYTHING, &Limits::default()).unwrap().unwrap();
        let program = compile(&parse(&node).unwrap()).unwrap();
        let claims: Claims = [
            ("groups".to_owned(), vec!["x".into()]),
            ("names".to_owned(), vec!["alice".into()]),
        ]
        .into_iter()
        .collect();
        let groups = ["g".to_owned()];
        let devices = [Device {
            type_id: "any".to_owned(),
            credential_id: "c".to_owned(),
            standing: Standing::Approved,
        }];
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMizSjHfRWedEUz0u0fm+KhMlfhYp+I5tyMmj07IxwXy";
        let key = PresentedKey::from_authorized_key(key).unwrap();
        let mut records = RecordSet::new();
        let data = serde_json::json!({"team": "a"}).as_object().unwrap().clone();
        records.insert("people", "u", data, None).unwrap();
        let leaf = Leaf {
            fingerprint: [1; 32],
            spki_hash: [2; 32],
            san_dns: ["a.example.com".into()].into(),
            san_email: [].into(),
            san_uri: [].into(),
            san_ip: [].into(),
            san_user_principal_name: [].into(),
        };
        let subject = Subject {
            session_id: "s",
            user_id: "u",
            email: "alice@example.com",
            claims: &claims,
            groups: Some(&groups),
            devices: &devices,
        };
        let http = Http {
            method: "GET",
            path: "/x",
            source_ip: Some([192, 0, 2, 7].into()),
            ..Http::default()
        };
        let input = Input {
            client_certificate: ClientCertificate {
                presented: true,
                valid: true,
                leaf: Some(&leaf),
            },
            ssh: Some(Ssh {
                username: "alice",
                key: Some(&key),
            }),
            mcp: Mcp::Message {
                method: "tools/call",
                tool: Some("c"),
            },
            records: Some(&records),
            ..Input::http(http, Some(subject), jiff::Timestamp::UNIX_EPOCH)
        };
        // The second decision is as any other: what is made once is made.
        for warm in [false, true] {
            let before = COUNT.get();
            let evaluation = evaluate(&program, &input);
            let count = COUNT.get() - before;
            assert!(evaluation.allow.value, "{:?}", evaluation.allow.reasons);
            assert!(evaluation.deny.value);
            assert!(!warm || count == 0, "{count}");
        }
    }
}
