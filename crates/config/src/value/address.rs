//! `host:port`, where both may be missing.

use portcullis_model::Host;

/// Host (without the brackets of IPv6) and port of `host:port`, `:port`, `host` or nothing.
pub(crate) fn host_and_port(text: &str) -> Option<(Option<String>, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        None | Some("") => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse::<u16>().ok()?),
        Some(_) => return None,
    };
    if host.is_empty() {
        return Some((None, port));
    }
    let host = Host::parse(host).ok()?;
    let bare = host.as_str().trim_start_matches('[').trim_end_matches(']');
    Some((Some(bare.to_owned()), port))
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn both_parts_may_be_missing() {
        let some = |host: &str| Some(host.to_owned());
        for (text, expected) in [
            (":443", Some((None, Some(443)))),
            ("", Some((None, None))),
            ("0.0.0.0:8443", Some((some("0.0.0.0"), Some(8443)))),
            ("localhost", Some((some("localhost"), None))),
            ("[::1]:80", Some((some("::1"), Some(80)))),
            ("[::]", Some((some("::"), None))),
            ("::1", None),
            (":x", None),
            (":+1", None),
            (":65536", None),
            ("a b:1", None),
        ] {
            assert_eq!(host_and_port(text), expected, "{text}");
        }
    }
}
