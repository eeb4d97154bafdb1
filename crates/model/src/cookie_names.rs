//! The names of our cookies.

/// What stands behind the configured name (`cookie_name`) in each: the session cookie
/// of a route host and that of the authenticate host, the browser cookie of the
/// authenticate host (Pomerium's) and that of a route host (ours).
const ENDS: [&str; 4] = ["", "_authenticate", "_csrf", "_binding"];

/// Every cookie that we set, under the configured name: session, session of the
/// authenticate host, csrf and binding. Nobody else may set one of them, and no
/// upstream gets one.
#[must_use]
pub fn cookie_names(configured: &str) -> [String; 4] {
    ENDS.map(|end| format!("{configured}{end}"))
}

#[cfg(test)]
mod tests {
    use super::cookie_names;

    #[test]
    fn they_are_pomeriums_and_one_of_our_own() {
        assert_eq!(
            cookie_names("_pomerium"),
            [
                "_pomerium",
                "_pomerium_authenticate",
                "_pomerium_csrf",
                "_pomerium_binding"
            ]
        );
    }
}
