//! SSH keys and certificates, as lines and as sent over the wire.

use portcullis_document::{Limits, parse_json};
use portcullis_policy::{Http, Input, PresentedKey, Ssh, compile, evaluate, parse};

/// Reads `data` as a key. Nothing panics; what is read has the bytes that were
/// given; a policy can list it, and then it holds.
pub fn ssh_key(data: &[u8]) {
    if let Ok(key) = PresentedKey::from_wire(data) {
        assert_eq!(key.blob(), data);
        assert!(key.to_string().starts_with("SHA256:"));
    }
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let read = PresentedKey::from_authorized_key(text);
    let policy = serde_json::json!({"allow": {"or": [{"ssh_publickey": text}]}}).to_string();
    let Ok(Some(node)) = parse_json(&policy, &Limits::default()) else {
        return;
    };
    let listed = parse(&node);
    assert_eq!(read.is_ok(), listed.is_ok(), "listed by its line, or not");
    let (Ok(key), Ok(listed)) = (read, listed) else {
        return;
    };
    assert_eq!(PresentedKey::from_wire(key.blob()).as_ref(), Ok(&key));
    let Ok(program) = compile(&listed) else {
        return;
    };
    let mut input = Input::http(Http::default(), None, jiff::Timestamp::UNIX_EPOCH);
    input.ssh = Some(Ssh {
        username: "alice",
        key: Some(&key),
    });
    assert!(evaluate(&program, &input).allow.value, "it is listed");
}
