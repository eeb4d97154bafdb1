//! The hand-written reader of a `CheckRequest` against the library's.

use envoy_types::ext_authz::v3::pb::{Address, CheckRequest};
use portcullis_authz_server::check::intake::{Context, read};
use portcullis_authz_server::check::message::Message;
use prost::Message as _;

/// Reads `data` with both. What both take says the same; what the library takes
/// is taken by ours too, once the library has written it anew (it passes over
/// groups, which ours refuses). What is read can be judged without a panic.
pub fn check_request(data: &[u8]) {
    let ours = Message::read(data);
    if let Ok(message) = &ours {
        let _judged = read(message);
    }
    let Ok(theirs) = CheckRequest::decode(data) else {
        return;
    };
    if let Ok(ours) = ours {
        compare(ours, &theirs);
    }
    let written = theirs.encode_to_vec();
    let ours = Message::read(&written);
    assert!(ours.is_ok(), "what the library writes is not read");
    if let Ok(ours) = ours {
        compare(ours, &theirs);
    }
}

/// A name twice in a map is two lines to ours, and doubt is for the intake; the
/// rest is the same.
fn compare<'a>(mut ours: Message<'a>, theirs: &'a CheckRequest) {
    let theirs = view(theirs);
    assert!(
        theirs.joined.iter().all(|line| ours.joined.contains(line)),
        "a line is missing"
    );
    ours.joined = theirs.joined.clone();
    assert_eq!(ours, theirs);
}

/// The library's message as ours.
fn view(check: &CheckRequest) -> Message<'_> {
    let mut view = Message::default();
    let Some(attributes) = &check.attributes else {
        return view;
    };
    view.certificate = attributes.source.as_ref().map_or("", |peer| &peer.certificate);
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
    let request = attributes.request.as_ref();
    let Some(http) = request.and_then(|request| request.http.as_ref()) else {
        return view;
    };
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
            let value = match line.raw_value.as_slice() {
                [] => line.value.as_bytes(),
                raw => raw,
            };
            (line.key.as_str(), value)
        })
        .collect();
    let joined = http.headers.iter();
    view.joined = joined
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    view
}
