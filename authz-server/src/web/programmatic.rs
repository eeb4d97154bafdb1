//! `/.pomerium/api/v1/login`: the login of a program, which has no browser and asks
//! for an address to open in one. In the end the browser brings a token
//! (`portcullis_session::token`) to where the program listens.
//!
//! The token is made on the authenticate host, as soon as there is a session: the
//! route host is not gone through, so that no browser gets a cookie there by a login
//! that it did not begin.
//!
//! The address works in any browser, and anybody gets one. Opened by hand (or by the
//! program) it leads straight to the token, as in Pomerium; a page that leads somebody
//! there does not get a token out of that browser without a question.

use axum::response::{IntoResponse as _, Response};
use http::header;
use portcullis_model::Host;
use portcullis_session::handle::Handle;
use portcullis_session::record::Session;
use portcullis_session::token;
use url::Url;

use super::destination::Destination;
use super::fault::Fault;
use super::pages;
use super::visit::Visit;
use crate::sign_in::{self, REDIRECT_PARAMETER, SignInError};

pub(super) const PATH: &str = "/.pomerium/api/v1/login";
/// The parameter in which a program gets its token, as from Pomerium.
const TOKEN_PARAMETER: &str = "pomerium_jwt";
/// The longest address of a program, in bytes as it is written in the end.
const MAX_LISTENER: usize = 2048;

/// Answers with the address of the sign-in, as text without a line end: clients open
/// what they get.
pub(super) async fn begin(visit: &Visit) -> Result<Response, Fault> {
    let query = visit.query()?;
    let listener = query.get(REDIRECT_PARAMETER)?.ok_or_else(Fault::not_found)?;
    let address = Program::read(visit, listener, &visit.origin())?.sign_in(visit)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], address).into_response())
}

/// A program that waits for its token.
pub(super) struct Program {
    /// Where it listens.
    listener: Url,
    /// An address on the host that the token is for.
    route: Destination,
    /// Whether the user is asked first.
    asks: bool,
}

impl Program {
    /// Checks both addresses by the settings in force, which may have changed since
    /// the login began.
    pub(super) fn read(visit: &Visit, listener: &str, route: &str) -> Result<Self, Fault> {
        let hosts = &visit.settings().pages.programmatic_redirects;
        Ok(Self {
            listener: self::listener(listener, hosts).ok_or_else(Fault::bad_redirect)?,
            route: visit.destination(route)?,
            asks: false,
        })
    }

    /// The same program, which gets its token only when the user says so.
    pub(super) fn asking(self) -> Self {
        Self { asks: true, ..self }
    }

    /// Whether the user is asked first.
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// Asks the user. The answer is a form of our own page, and the address that it is
    /// sent to is signed anew: that of the question may be nearly over.
    pub(super) fn question(&self, visit: &Visit, session: &Session) -> Result<Response, Fault> {
        let listener = self.listener.origin().ascii_serialization();
        let action = self.sign_in(visit)?;
        pages::confirm_program(
            visit.look(),
            &session.email,
            &listener,
            &self.route.authority(),
            &action,
        )
    }

    /// Both addresses in one line, for [`Program::from_line`].
    pub(super) fn line(&self) -> String {
        format!("https://{}/ {}", self.route.authority(), self.listener)
    }

    pub(super) fn from_line(visit: &Visit, line: &str) -> Result<Self, Fault> {
        let (route, listener) = line.split_once(' ').ok_or_else(Fault::state_invalid)?;
        Self::read(visit, listener, route)
    }

    /// The signed address at which its login begins.
    pub(super) fn sign_in(&self, visit: &Visit) -> Result<String, Fault> {
        sign_in::for_program(&visit.active, &self.route.authority(), &self.listener, visit.now)
            .map(String::from)
            .map_err(|error| match error {
                SignInError::NotConfigured | SignInError::Hosted | SignInError::NoProvider => {
                    Fault::not_configured()
                }
                SignInError::Random(_) | SignInError::Url => Fault::internal("a sign-in cannot be started"),
            })
    }

    /// Where it listens, with its token.
    pub(super) fn delivery(&self, visit: &Visit, session: &Session) -> Result<String, Fault> {
        let handle = Handle {
            session_id: session.id,
            provider_id: session.provider_id.clone(),
            issued_at: visit.now,
        };
        let host = self.route.host().as_str();
        let token = token::seal(
            &handle,
            &visit.active.keys,
            host,
            session.expires_at,
            visit.random()?,
        )
        .map_err(|_| Fault::internal("a token cannot be sealed"))?;
        tracing::info!(
            user_id = session.user_id,
            session = portcullis_session::log_name(session.id),
            host,
            listener = self.listener.host_str(),
            "gave a token of the session to a program"
        );
        let mut url = self.listener.clone();
        url.query_pairs_mut().append_pair(TOKEN_PARAMETER, &token);
        Ok(url.into())
    }
}

/// The address of a program on one of these hosts; `None` for any other.
///
/// It must be written as everybody reads it: what the URL standard would mend (white
/// space, backslashes, other spellings of a host) is refused. Over plain `http` a
/// token goes to this machine alone (RFC 8252, 8.3).
fn listener(raw: &str, hosts: &[Host]) -> Option<Url> {
    let plain = raw
        .bytes()
        .all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'#');
    if raw.len() > MAX_LISTENER || !plain {
        return None;
    }
    let (scheme, rest) = raw.split_once("://")?;
    let is = |wanted: &str| scheme.eq_ignore_ascii_case(wanted);
    let (authority, port) = split_port(rest.split(['/', '?']).next()?)?;
    let host = Host::parse(authority).ok()?;
    if !(is("http") || is("https")) || !host.as_str().eq_ignore_ascii_case(authority) {
        return None;
    }
    let is_here = host.as_str() == "localhost" || host.as_ip().is_some_and(|ip| ip.is_loopback());
    let named = |name: &str| hosts.iter().any(|host| host.as_str() == name);
    let known = named(host.as_str()) || (is_here && named("localhost"));
    if !known || !(is_here || is("https")) {
        return None;
    }
    let url = Url::parse(raw).ok()?;
    // Two readers of one address: they must agree, and there must be room for the token.
    let same = url.host_str() == Some(host.as_str())
        && port.is_none_or(|port| url.port_or_known_default() == Some(port))
        && url.username().is_empty()
        && url.password().is_none();
    let taken = url.query_pairs().any(|(name, _)| name == TOKEN_PARAMETER);
    // Written down, what had to be escaped is three times as long.
    let fits = url.as_str().len() <= MAX_LISTENER;
    (same && fits && !taken).then_some(url)
}

/// Host and port of an authority.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_address = authority.rfind(']').unwrap_or_default();
    let Some(colon) = authority.get(after_address..)?.find(':') else {
        return Some((authority, None));
    };
    let (host, port) = authority.split_at_checked(after_address + colon)?;
    let digits = port.strip_prefix(':')?;
    let written = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    Some((host, Some(digits.parse().ok().filter(|_| written)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str, hosts: &[&str]) -> Option<String> {
        let hosts: Vec<Host> = hosts.iter().map(|host| Host::parse(host).unwrap()).collect();
        listener(raw, &hosts).map(String::from)
    }

    #[test]
    fn a_program_listens_on_this_machine() {
        for (raw, url) in [
            ("http://localhost:8000", "http://localhost:8000/"),
            ("http://127.0.0.1:45678", "http://127.0.0.1:45678/"),
            ("http://127.1.2.3:1/cb?a=b@c", "http://127.1.2.3:1/cb?a=b@c"),
            ("http://[::1]:65535/x", "http://[::1]:65535/x"),
            ("HTTPS://LocalHost/", "https://localhost/"),
            ("http://localhost?x=1", "http://localhost/?x=1"),
        ] {
            assert_eq!(read(raw, &["localhost"]).as_deref(), Some(url), "{raw}");
            assert_eq!(read(raw, &[]), None, "{raw}");
        }
        // An address that is named stands for itself alone.
        assert!(read("http://127.0.0.1:80/", &["127.0.0.1"]).is_some());
        assert!(read("http://127.0.0.2:80/", &["127.0.0.1"]).is_none());
    }

    #[test]
    fn elsewhere_by_https_and_the_whole_host_alone() {
        let hosts = ["localhost", "tools.example.com", "192.0.2.1"];
        for raw in [
            "https://tools.example.com/cb",
            "https://TOOLS.example.com:8443/",
            "https://192.0.2.1/",
        ] {
            assert!(read(raw, &hosts).is_some(), "{raw}");
        }
        for raw in [
            "http://tools.example.com/cb",
            "http://192.0.2.1/",
            "https://a.tools.example.com/",
            "https://example.com/",
            "https://eviltools.example.com/",
            "https://tools.example.com.evil.test/",
        ] {
            assert_eq!(read(raw, &hosts), None, "{raw}");
        }
    }

    /// OI-11.
    #[test]
    fn nothing_that_only_looks_like_a_listener_is_one() {
        let long = format!("http://localhost/{}", "x".repeat(MAX_LISTENER));
        for raw in [
            "",
            "localhost",
            "localhost:8000",
            "//localhost:8000/",
            "/localhost",
            "http:localhost/",
            "http:/localhost/",
            "http:///localhost/",
            "http://",
            "javascript://localhost/%0aalert(1)",
            "data://localhost/",
            "ftp://localhost/",
            "file://localhost/etc/passwd",
            "ws://localhost/",
            "http://localhost@evil.test/",
            "http://localhost:80@evil.test/",
            "http://user@localhost/",
            "http://user:x@localhost/",
            "http://:@localhost/",
            "http://evil.test/localhost",
            "http://evil.test?localhost",
            "http://evil.test#@localhost/",
            "http://localhost#x",
            "http://localhost:80:90/",
            "http://localhost:/",
            "http://localhost:0/",
            "http://localhost:080/",
            "http://localhost:65536/",
            "http://localhost:+80/",
            "http://localhost\\@evil.test/",
            "http:\\\\localhost/",
            "http://evil.test\\.localhost/",
            " http://localhost/",
            "http://localhost/ ",
            "http://local\thost/",
            "http://localhost\r\n/",
            "http://localhost%2eevil.test/",
            "http://loc%61lhost/",
            "http://localhost./",
            "http://localhost.evil.test/",
            "http://evil-localhost/",
            "http://a.localhost/",
            "http://\u{ff4c}ocalhost/",
            "http://locaIhost.\u{3002}test/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
            "http://127.0.0.1.evil.test/",
            "http://126.255.255.255/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://[::1/",
            "http://[::1]x/",
            "http://[::1%25lo]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://::1/",
            "http://localhost/?pomerium_jwt=x",
            "http://localhost/?%70omerium_jwt",
            long.as_str(),
        ] {
            assert_eq!(read(raw, &["localhost"]), None, "{raw:?}");
        }
    }
}
