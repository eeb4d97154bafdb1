//! `evaluate` allocates nothing, however large the policy: a counting allocator
//! watches it.

#[cfg(test)]
mod counting {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    use portcullis_model::Claims;
    use portcullis_policy::{Http, Input, Legacy, Outcome, Policy, Subject, compile, evaluate};

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
            public: false,
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
            let input = Input { http, session, now };
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
}
