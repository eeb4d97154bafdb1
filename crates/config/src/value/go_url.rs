//! URLs as Go's `net/url` reads them. The route id hashes these parts, so they must be Go's to the byte.

#[cfg(test)]
mod tests;

/// A URL in the parts of Go's `url.URL`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GoUrl {
    /// The scheme in lower case; empty if there is none.
    pub scheme: String,
    /// What follows the scheme if that is not a slash (`mailto:a@b`).
    pub opaque: String,
    /// User name and, if there is a colon, password; both decoded.
    pub user: Option<(String, Option<String>)>,
    /// Host and port as written, percent-decoded.
    pub host: String,
    /// The path, percent-decoded.
    pub path: String,
    /// The path as written if that is not how Go would write [`Self::path`]; else empty.
    pub raw_path: String,
    /// The path as written, always.
    pub path_as_written: String,
    /// No `//` between scheme and path (`file:/path`).
    pub omit_host: bool,
    /// A `?` with nothing after it.
    pub force_query: bool,
    /// The query as written.
    pub raw_query: String,
    /// The fragment, percent-decoded.
    pub fragment: String,
    /// The fragment as written if that is not how Go would write [`Self::fragment`]; else empty.
    pub raw_fragment: String,
}

/// Why a text is no URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// A control character.
    #[error("a control character in the URL")]
    Control,
    /// It begins with a colon.
    #[error("the scheme is missing before the colon")]
    Scheme,
    /// Without a scheme, the first segment of the path has a colon.
    #[error("the scheme has a forbidden character or is missing")]
    Colon,
    /// A `%` that is not followed by two hexadecimal digits, or where none may stand.
    #[error("an invalid percent escape")]
    Escape,
    /// A character that no host has.
    #[error("the host has a forbidden character")]
    Host,
    /// The port is not a number.
    #[error("the port is not a number")]
    Port,
    /// A character that no user information has.
    #[error("the user information has a forbidden character")]
    UserInfo,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Path,
    User,
    Fragment,
}

impl GoUrl {
    /// Reads a URL as `url.Parse` does: lenient about much, so check scheme and host afterwards.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err(UrlError::Control);
        }
        let mut url = Self::default();
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        url.fragment = decode(fragment, Part::Fragment)?;
        if encode(&url.fragment, Part::Fragment) != fragment {
            fragment.clone_into(&mut url.raw_fragment);
        }
        let (scheme, mut rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        if rest.ends_with('?') && rest.matches('?').count() == 1 {
            url.force_query = true;
            rest = rest.trim_end_matches('?');
        } else if let Some((path, query)) = rest.split_once('?') {
            query.clone_into(&mut url.raw_query);
            rest = path;
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if rest
                .split('/')
                .next()
                .is_some_and(|segment| segment.contains(':'))
            {
                return Err(UrlError::Colon);
            }
        }
        if let Some(after) = rest.strip_prefix("//")
            && (!url.scheme.is_empty() || !after.starts_with('/'))
        {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            url.read_authority(authority)?;
            rest = path;
        } else if !url.scheme.is_empty() && rest.starts_with('/') {
            url.omit_host = true;
        }
        url.path = decode(rest, Part::Path)?;
        if encode(&url.path, Part::Path) != rest {
            rest.clone_into(&mut url.raw_path);
        }
        rest.clone_into(&mut url.path_as_written);
        Ok(url)
    }

    /// The host without brackets and the port, if there is one.
    #[must_use]
    pub fn host_and_port(&self) -> (&str, Option<&str>) {
        let (host, port) = match self.host.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (self.host.as_str(), None),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        (bare, port.filter(|port| !port.is_empty()))
    }

    fn read_authority(&mut self, authority: &str) -> Result<(), UrlError> {
        let host = match authority.rsplit_once('@') {
            None => authority,
            Some((user, host)) => {
                let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
                if !user.bytes().all(allowed) {
                    return Err(UrlError::UserInfo);
                }
                self.user = Some(match user.split_once(':') {
                    None => (decode(user, Part::User)?, None),
                    Some((name, password)) => {
                        (decode(name, Part::User)?, Some(decode(password, Part::User)?))
                    }
                });
                host
            }
        };
        let after_host = if host.starts_with('[') {
            host.rsplit_once(']').ok_or(UrlError::Host)?.1
        } else {
            host.rfind(':').and_then(|at| host.get(at..)).unwrap_or_default()
        };
        let port = after_host.strip_prefix(':').unwrap_or(after_host);
        if !port.bytes().all(|b| b.is_ascii_digit()) || (port == after_host && !port.is_empty()) {
            return Err(UrlError::Port);
        }
        self.host = decode(host, Part::Host)?;
        Ok(())
    }
}

/// Scheme and rest; a text that does not begin like a scheme has none.
fn split_scheme(text: &str) -> Result<(&str, &str), UrlError> {
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err(UrlError::Scheme),
            b':' => {
                let (scheme, rest) = text.split_at_checked(at).unwrap_or((text, ""));
                return Ok((scheme, rest.strip_prefix(':').unwrap_or(rest)));
            }
            _ => return Ok(("", text)),
        }
    }
    Ok(("", text))
}

fn decode(text: &str, part: Part) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let (high, low) = match tail {
                [high, low, ..] => (hex(*high), hex(*low)),
                _ => (None, None),
            };
            let (Some(high), Some(low)) = (high, low) else {
                return Err(UrlError::Escape);
            };
            // In a host only what ASCII lacks may be escaped.
            if part == Part::Host && high < 8 {
                return Err(UrlError::Escape);
            }
            bytes.push(high << 4 | low);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            if part == Part::Host && *first < 0x80 && must_escape(*first, part) {
                return Err(UrlError::Host);
            }
            bytes.push(*first);
            rest = tail;
        }
    }
    // Go strings hold any bytes; what is not UTF-8 cannot be a path that we would match or send.
    String::from_utf8(bytes).map_err(|_| UrlError::Escape)
}

fn hex(b: u8) -> Option<u8> {
    char::from(b)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn encode(text: &str, part: Part) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if must_escape(b, part) {
            out.push_str(&format!("%{b:02X}"));
        } else {
            out.push(char::from(b));
        }
    }
    out
}

/// Go's `shouldEscape`.
fn must_escape(b: u8, part: Part) -> bool {
    if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
        return false;
    }
    match part {
        Part::Host => !b"!$&'()*+,;=:[]<>\"".contains(&b),
        Part::Path => !b"$&+,/:;=@".contains(&b),
        Part::User => !b"$&+,;=".contains(&b),
        Part::Fragment => !b"$&+,/:;=?@!()*".contains(&b),
    }
}
