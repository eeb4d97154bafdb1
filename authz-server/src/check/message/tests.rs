use super::*;
use crate::fixture::Ask;
use envoy_types::ext_authz::v3::pb::{Address, CheckRequest};
use proptest::prelude::*;
use prost::Message as _;

/// What the library's decoder makes of the same bytes.
fn by_library(bytes: &[u8]) -> Option<CheckRequest> {
    CheckRequest::decode(bytes).ok()
}

/// The library's message as ours.
fn view(check: &CheckRequest) -> Message<'_> {
    let mut view = Message::default();
    let Some(attributes) = &check.attributes else {
        return view;
    };
    let source = attributes.source.as_ref().and_then(|peer| peer.address.as_ref());
    if let Some(Address::SocketAddress(socket)) = source.and_then(|address| address.address.as_ref()) {
        view.source = &socket.address;
    }
    let extension = |name: &str| attributes.context_extensions.get(name).map(String::as_str);
    view.context = Context {
        internal: extension("internal"),
        route_id: extension("route_id"),
        terminal: extension("terminal"),
        route: extension("route"),
    };
    let source = attributes.source.as_ref();
    view.certificate = source.map_or("", |peer| &peer.certificate);
    if let Some(http) = attributes
        .request
        .as_ref()
        .and_then(|request| request.http.as_ref())
    {
        view.has_http = true;
        view.method = &http.method;
        view.path = &http.path;
        view.host = &http.host;
        view.scheme = &http.scheme;
        view.protocol = &http.protocol;
        view.text_body = &http.body;
        view.raw_body = &http.raw_body;
        let lines = http.header_map.iter().flat_map(|map| &map.headers);
        view.lines = lines
            .map(|line| {
                let raw = !line.raw_value.is_empty();
                let value = if raw {
                    &line.raw_value[..]
                } else {
                    line.value.as_bytes()
                };
                (line.key.as_str(), value)
            })
            .collect();
        let joined = http.headers.iter();
        view.joined = joined
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
    }
    sorted(view)
}

/// A map has no order.
fn sorted(mut message: Message<'_>) -> Message<'_> {
    message.joined.sort_unstable();
    message
}

fn ask() -> impl Strategy<Value = Ask> {
    let line = ("[a-z:-]{0,12}", proptest::collection::vec(any::<u8>(), 0..40));
    (
        any::<String>(),
        any::<String>(),
        any::<String>(),
        proptest::collection::vec(line, 0..8),
        proptest::collection::vec(("(internal|route_id|terminal|route|x)", any::<String>()), 0..5),
        any::<(bool, bool)>(),
        any::<(Vec<u8>, String)>(),
        any::<String>(),
        (any::<String>(), any::<String>()),
    )
        .prop_map(
            |(
                method,
                host,
                path,
                headers,
                context,
                (raw, hides),
                bodies,
                certificate,
                (scheme, protocol),
            )| Ask {
                method,
                host,
                path,
                headers,
                context,
                raw,
                hides,
                bodies,
                certificate,
                scheme,
                protocol,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_encoded_is_read_as_the_library_reads_it(ask in ask()) {
        let bytes = ask.request().encode_to_vec();
        let check = by_library(&bytes).unwrap();
        prop_assert_eq!(sorted(Message::read(&bytes).unwrap()), view(&check));
    }

    /// Two messages one after the other are one to a decoder: later values win.
    #[test]
    fn messages_are_merged_as_the_library_merges_them(first in ask(), second in ask()) {
        let mut bytes = first.request().encode_to_vec();
        second.request().encode(&mut bytes).unwrap();
        let check = by_library(&bytes).unwrap();
        let mut ours = sorted(Message::read(&bytes).unwrap());
        // A name twice in a map is two lines to us, and doubt is for the intake.
        if !first.raw && !second.raw {
            let theirs = view(&check);
            prop_assert!(theirs.joined.iter().all(|line| ours.joined.contains(line)));
            ours.joined = theirs.joined;
        }
        prop_assert_eq!(ours, view(&check));
    }

    /// Whatever a byte is changed to: no panic, and where both take it, one reading.
    #[test]
    fn damage_is_never_read_as_something_else(
        ask in ask(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let mut bytes = ask.request().encode_to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let (Ok(ours), Some(theirs)) = (Message::read(&bytes), by_library(&bytes)) {
            let (ours, theirs) = (sorted(ours), view(&theirs));
            prop_assert!(theirs.joined.iter().all(|line| ours.joined.contains(line)));
            prop_assert_eq!(Message { joined: Vec::new(), ..ours }, Message { joined: Vec::new(), ..theirs });
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _either = Message::read(&bytes);
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for bytes in [
        &b"\x0a"[..],                                    // a length is missing
        b"\x0a\x05\x22",                                 // and bytes
        b"\x08\x01",                                     // attributes as a number
        b"\x00\x01",                                     // the field 0
        b"\x0b\x0c",                                     // a group
        b"\x0e",                                         // a kind that there is not
        b"\x0d\x01\x02\x03",                             // half a number
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",     // more than 64 bits
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // more than ten bytes
        b"\x80\x80\x80\x80\x10\x00",                     // a key of more than 32 bits
        b"\x0a\x08\x22\x06\x12\x04\x12\x02\xc3\x28",     // a method that is no text
        b"\x0a\x0b\x52\x09\x0a\x02\xff\xff\x12\x03abc",  // nor the name of an extension
    ] {
        assert_eq!(Message::read(bytes), Err(Malformed), "{bytes:x?}");
        assert!(by_library(bytes).is_none(), "{bytes:x?}");
    }
    assert_eq!(Message::read(b""), Ok(Message::default()));
}

#[test]
fn fields_that_are_not_looked_at_are_passed_over() {
    let mut check = Ask::new().header("a", "b").request();
    let http = check
        .attributes
        .as_mut()
        .unwrap()
        .request
        .as_mut()
        .unwrap()
        .http
        .as_mut()
        .unwrap();
    http.id = "1".to_owned();
    http.size = -1;
    http.raw_body = vec![0xff; 300];
    let bytes = check.encode_to_vec();
    let message = Message::read(&bytes).unwrap();
    assert_eq!(sorted(message.clone()), view(&check));
    assert_eq!((message.source, message.method), ("192.0.2.7", "GET"));
}
