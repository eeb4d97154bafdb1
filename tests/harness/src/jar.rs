//! Cookies as a browser keeps them: by host, path and age.

use cookie::Cookie;
use cookie::time::{Duration, OffsetDateTime};
use url::Url;

#[derive(Clone, Debug)]
struct Kept {
    host: String,
    path: String,
    name: String,
    value: String,
    secure: bool,
}

/// A browser's cookies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jar(Vec<Kept>);

impl Jar {
    /// Takes in one `Set-Cookie` value of an answer from `url`.
    pub(crate) fn store(&mut self, url: &Url, header: &str) {
        let Ok(cookie) = Cookie::parse(header.to_owned()) else {
            return;
        };
        let host = host(url);
        let path = cookie
            .path()
            .filter(|p| p.starts_with('/'))
            .map_or_else(|| default_path(url), ToOwned::to_owned);
        let name = cookie.name().to_owned();
        self.0
            .retain(|kept| !(kept.host == host && kept.path == path && kept.name == name));
        if !is_gone(&cookie) {
            let (value, secure) = (cookie.value().to_owned(), cookie.secure() == Some(true));
            self.0.push(Kept {
                host,
                path,
                name,
                value,
                secure,
            });
        }
    }

    /// The `Cookie` header for a request to `url`.
    pub(crate) fn header(&self, url: &Url) -> Option<String> {
        let host = host(url);
        let pairs: Vec<String> = self
            .0
            .iter()
            .filter(|kept| kept.host == host && within(url.path(), &kept.path))
            .filter(|kept| !kept.secure || url.scheme() == "https")
            .map(|kept| format!("{}={}", kept.name, kept.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Names and values kept for a host.
    pub(crate) fn of_host(&self, host: &str) -> Vec<(String, String)> {
        self.0
            .iter()
            .filter(|kept| kept.host == host)
            .map(|kept| (kept.name.clone(), kept.value.clone()))
            .collect()
    }

    /// Forgets every cookie of a host.
    pub(crate) fn forget(&mut self, host: &str) {
        self.0.retain(|kept| kept.host != host);
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        Some(end) if end > 0 => url.path()[..end].to_owned(),
        _ => "/".to_owned(),
    }
}

fn within(path: &str, cookie: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

fn is_gone(cookie: &Cookie<'_>) -> bool {
    match cookie.max_age() {
        Some(age) => age <= Duration::ZERO,
        None => cookie
            .expires_datetime()
            .is_some_and(|at| at <= OffsetDateTime::now_utc()),
    }
}

#[cfg(test)]
mod tests {
    use super::Jar;
    use url::Url;

    #[test]
    fn keeps_by_host_path_and_age() {
        let mut jar = Jar::default();
        let url = Url::parse("https://a.test/x/y").unwrap();
        jar.store(&url, "s=1; Path=/; Secure; HttpOnly");
        jar.store(&url, "t=2; Path=/x");
        assert_eq!(jar.header(&url).as_deref(), Some("s=1; t=2"));
        assert_eq!(
            jar.header(&Url::parse("https://a.test/xy").unwrap()).as_deref(),
            Some("s=1")
        );
        assert_eq!(jar.header(&Url::parse("http://a.test/").unwrap()), None);
        assert_eq!(jar.header(&Url::parse("https://b.test/").unwrap()), None);
        jar.store(&url, "s=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(jar.header(&url).as_deref(), Some("t=2"));
    }
}
