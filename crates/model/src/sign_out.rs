//! Where a sign-out leads in the end.

use crate::Host;

/// The longest URL, in bytes: it travels in the query of others.
const MAX_URL: usize = 2048;

/// Where a sign-out leads once everything has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignOut {
    /// `signout_redirect_url`; without it our own page says that it is done.
    pub redirect_url: Option<WebUrl>,
    /// Whether whoever asks to be signed out may name any other place
    /// (`runtime_flags.allow_any_sign_out_redirect_uri`).
    pub any_redirect: bool,
}

/// An absolute `http` or `https` URL in which every reader sees the same host: plain
/// characters, no user information, no backslash, at most 2,048 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl(String);

impl WebUrl {
    /// Reads a URL; `None` if it is not such a one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>');
        if text.len() > MAX_URL || !text.bytes().all(plain) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        if !["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
        {
            return None;
        }
        let authority = rest.split(['/', '?', '#']).next()?;
        let after_address = authority.rfind(']').unwrap_or_default();
        let colon = authority.get(after_address..)?.find(':');
        let (host, port) = match colon {
            None => (authority, None),
            Some(colon) => {
                let (host, port) = authority.split_at_checked(after_address + colon)?;
                (host, port.strip_prefix(':'))
            }
        };
        let is_port = |port: &str| {
            port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0)
        };
        let good = Host::parse(host).is_ok() && port.is_none_or(is_port);
        good.then(|| Self(text.to_owned()))
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the way there is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0
            .get(..8)
            .is_some_and(|start| start.eq_ignore_ascii_case("https://"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_the_web_are_taken_as_they_stand() {
        for text in [
            "https://www.example.com",
            "HTTPS://www.example.com/bye?a=b#c",
            "https://www.example.com:8443/",
            "https://[::1]:8443/bye",
            "https://192.0.2.1",
            "http://intranet/",
        ] {
            let url = WebUrl::parse(text).unwrap();
            assert_eq!(url.as_str(), text);
            assert_eq!(url.is_https(), !text.starts_with("http://"), "{text}");
        }
    }

    #[test]
    fn what_readers_see_differently_is_no_url() {
        for text in [
            "",
            "/bye",
            "//evil.example/",
            "www.example.com",
            "https:/evil.example",
            "https:evil.example",
            "https://",
            "https:///evil.example",
            "https://app.example.com@evil.example/",
            "https://app.example.com:x@evil.example/",
            "https://evil.example\\@app.example.com/",
            "https://evil.example\\.app.example.com/",
            "https://app.example.com:0/",
            "https://app.example.com:/",
            "https://app.example.com:99999/",
            "https://app.example.com:+443/",
            "https://a b/",
            "https://a\tb/",
            "https://app.example.com/\r\nx",
            "https://app.example.com/\"><script>",
            "https://\u{e4}.example/",
            "javascript:alert(1)",
            "javascript://app.example.com/%0aalert(1)",
            "data:text/html,x",
            "ftp://app.example.com/",
        ] {
            assert_eq!(WebUrl::parse(text), None, "{text}");
        }
        assert_eq!(WebUrl::parse(&format!("https://a/{}", "x".repeat(MAX_URL))), None);
    }
}
