//! Where a login may lead: https URLs on hosts of our own routes, and nowhere
//! else.

use portcullis_bundle::Settings;
use portcullis_model::Host;
use url::Url;

use crate::feed::authority;

/// The longest URL that we redirect to, in bytes.
const MAX_BYTES: usize = 4096;

/// A URL that a login may end at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    url: Url,
    host: Host,
    port: u16,
}

impl Destination {
    /// Parses and checks `raw`; `None` if a login must not lead there.
    ///
    /// Whatever browsers and the URL parser might read differently (white space,
    /// control characters, backslashes, user names) is refused before parsing.
    pub(super) fn parse(raw: &str, settings: &Settings) -> Option<Self> {
        let plain = raw.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let https = raw
            .get(..8)
            .is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        if raw.len() > MAX_BYTES || !plain || !https {
            return None;
        }
        let mut url = Url::parse(raw).ok()?;
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        url.set_fragment(None);
        let host = Host::parse(url.host_str()?).ok()?;
        let port = url.port_or_known_default()?;
        let known = settings.redirect_hosts.contains(&host, port);
        known.then_some(Self { url, host, port })
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The URL in at most `room` bytes: a long one loses its query, then its path.
    pub(super) fn shortened(&self, room: usize) -> String {
        let whole = self.url.as_str();
        let path = whole.split('?').next().unwrap_or(whole);
        let fitting = [whole, path].into_iter().find(|text| text.len() <= room);
        fitting.map_or_else(|| format!("https://{}/", self.authority()), ToOwned::to_owned)
    }

    /// `host[:port]` as in a URL.
    pub(super) fn authority(&self) -> String {
        authority(self.host.as_str(), self.port)
    }
}
