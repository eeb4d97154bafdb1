//! A scripted client against the server's state machine, in both protocols:
//! whatever the order of changes, answers, refusals, lies and reconnects, the
//! client ends with what is served but for what it refuses, and never breaks on
//! the way.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic; that is how it fails"
)]

mod client;
mod server;
mod state;

use client::{Client, Manner};
use portcullis_xds::{DeltaRequest, DeltaStream, Limits, SotwRequest, SotwStream};
use proptest::{collection::vec, prelude::*};
use server::Protocol;
use state::{KINDS, ORDER, State, Step, state, step};

fn play(protocol: Protocol, manner: Manner, steps: Vec<Step>, last: &State) {
    let mut client = Client::new(protocol, manner);
    for (number, step) in steps.into_iter().enumerate() {
        client.play(number, step);
    }
    client.serve(last.served(1000));
    for _ in 0..=3 {
        let mut read = 0;
        while client.read() {
            read += 1;
            assert!(read < 1000, "the exchange does not end");
        }
        client.tick();
    }
    assert!(!client.lingers(), "two ticks are enough for all that goes");
    client.check_end();
}

fn manner() -> impl Strategy<Value = Manner> {
    (any::<bool>(), any::<bool>()).prop_map(|(partial, names)| Manner { partial, names })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_delta_client_ends_with_what_is_served_and_never_breaks(
        manner in manner(), steps in vec(step(), 1..40), last in state(),
    ) {
        play(Protocol::Delta, manner, steps, &last);
    }

    #[test]
    fn a_state_of_the_world_client_ends_with_what_is_served_and_never_breaks(
        manner in manner(), steps in vec(step(), 1..40), last in state(),
    ) {
        play(Protocol::Sotw, manner, steps, &last);
    }

    /// No request, however odd, panics or is answered without bound.
    #[test]
    fn arbitrary_requests_do_no_harm(
        requests in vec(
            (0..4_usize, vec("[a-c*]{0,2}", 0..4), vec("[a-c*]{0,2}", 0..4),
             vec(("[a-c]", "[0-2]"), 0..3), "[0-9]{0,2}", proptest::option::of(".*")),
            0..60,
        ),
        states in vec(state(), 1..4),
    ) {
        let mut delta = DeltaStream::new(&ORDER, Limits::default());
        let mut sotw = SotwStream::new(&ORDER, Limits::default());
        let mut states = states.into_iter().enumerate().cycle();
        for (n, (kind, subscribe, unsubscribe, initial_versions, nonce, error)) in requests.into_iter().enumerate() {
            if n % 7 == 0 && let Some((number, state)) = states.next() {
                prop_assert!(delta.on_change(state.served(number)).len() <= 5);
                prop_assert!(sotw.on_change(state.served(number)).len() <= 5);
            }
            let type_url = KINDS[kind].to_owned();
            let request = SotwRequest {
                type_url: type_url.clone(), names: subscribe.clone(), version: nonce.clone(), nonce: nonce.clone(),
                error: error.clone(),
            };
            prop_assert!(sotw.on_request(request).unwrap().responses.len() <= 5);
            let request = DeltaRequest { type_url, subscribe, unsubscribe, initial_versions, nonce, error };
            prop_assert!(delta.on_request(request).unwrap().responses.len() <= 5);
        }
    }
}
