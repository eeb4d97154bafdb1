//! Credentials of ours beside the cookie: a program's token, in a header or the query.
//!
//! A request may say it in Pomerium's four places: `X-Pomerium-Authorization: TOKEN`,
//! `Authorization: Pomerium TOKEN`, `Authorization: Bearer Pomerium-TOKEN` and
//! `?pomerium_session=TOKEN`. Pomerium takes the first that it finds. Here two that
//! differ are refused: what of them counts must not depend on who reads.
//!
//! A token in the query counts unless the browser says that a page of another site made
//! the request: a link must not make anybody somebody else. (In Pomerium it does.)

use std::borrow::Cow;

use url::Url;

use crate::check::intake::Request;
use crate::initiator::Initiator;

/// Credentials of ours in headers or the query, whatever they are worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credentials {
    /// `Authorization: Pomerium …` or `Authorization: Bearer Pomerium-…`.
    pub authorization: bool,
    /// `X-Pomerium-Authorization`.
    pub pomerium_authorization: bool,
    /// The query parameter `pomerium_session`, where it may count.
    pub query: bool,
}

impl Credentials {
    /// What `request` carries.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Self {
        Self {
            authorization: request.headers.authorization.iter().any(is_ours),
            pomerium_authorization: !request.headers.pomerium_authorization.is_empty(),
            query: request
                .query
                .is_some_and(|query| session_pairs(query).next().is_some())
                && !is_foreign(request),
        }
    }

    /// Whether there is any.
    #[must_use]
    pub fn any(self) -> bool {
        self.authorization || self.pomerium_authorization || self.query
    }
}

/// Whether a page of another origin made the request. The port is left out, which
/// nobody between us and the browser need keep.
fn is_foreign(request: &Request<'_>) -> bool {
    let lines = request.headers.all;
    let host = request.host.as_str();
    let initiator = Initiator::of(lines.of("sec-fetch-site"), lines.of("origin"), |origin| {
        let origin = core::str::from_utf8(origin)
            .ok()
            .and_then(|text| Url::parse(text).ok());
        origin.is_some_and(|origin| origin.scheme() == "https" && origin.host_str() == Some(host))
    });
    initiator == Initiator::Foreign
}

/// The token of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presented<'a> {
    /// There is none.
    None,
    /// One, perhaps in several places.
    One(Cow<'a, str>),
    /// Two that differ, or one beside another `Authorization`.
    Ambiguous,
}

impl<'a> Presented<'a> {
    /// The token in these lines of `X-Pomerium-Authorization` and of `Authorization`
    /// and in this query. The case of what stands before it counts, as in Pomerium.
    pub(crate) fn find(
        pomerium_authorization: impl Iterator<Item = &'a str>,
        authorization: impl Iterator<Item = &'a str>,
        query: Option<&'a str>,
    ) -> Self {
        let mut found = Self::None;
        // Envoy and plain header maps make one line of several, with commas, which no
        // token has.
        let mut joined = false;
        for token in pomerium_authorization {
            joined |= token.contains(',');
            found.add(token.into());
        }
        let (mut lines, mut ours) = (0, false);
        for line in authorization {
            lines += 1;
            if is_ours(line) {
                ours = true;
                joined |= line.contains(',');
                // A line that is not quite one of ours opens as nothing, and stands
                // beside another all the same.
                found.add(token(line).unwrap_or(line).into());
            }
        }
        if joined || (ours && lines > 1) {
            return Self::Ambiguous;
        }
        for (_, value) in query.into_iter().flat_map(session_pairs) {
            found.add(decoded(value));
        }
        found
    }

    fn add(&mut self, token: Cow<'a, str>) {
        if token.is_empty() {
            return;
        }
        match self {
            Self::None => *self = Self::One(token),
            Self::One(first) if *first == token => {}
            Self::One(_) | Self::Ambiguous => *self = Self::Ambiguous,
        }
    }
}

/// The token in an `Authorization` value.
fn token(line: &str) -> Option<&str> {
    line.strip_prefix("Pomerium ")
        .or_else(|| line.strip_prefix("Bearer Pomerium-"))
}

/// The name of the query parameter in which Pomerium takes a session.
const SESSION_PARAMETER: &str = "pomerium_session";

/// Whether an `Authorization` value is a credential of ours. Pomerium compares
/// the case; we do not, because a credential that we overlook goes upstream.
pub(crate) fn is_ours(value: &str) -> bool {
    // A plain header map may have joined several lines.
    value.split(',').any(|line| {
        let mut words = line.split_ascii_whitespace();
        let scheme = words.next().unwrap_or_default();
        let token = words.next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("pomerium")
            || (scheme.eq_ignore_ascii_case("bearer")
                && token
                    .get(..TOKEN_PREFIX.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(TOKEN_PREFIX)))
    })
}

/// How a token of ours begins where it is a `Bearer`.
const TOKEN_PREFIX: &str = "pomerium-";

/// Spellings of the parameter that one query may have: nobody has more than one in
/// earnest, and each is a removal of its own.
const MAX_SPELLINGS: usize = 8;

/// The names of the parameters of `query` that are [`SESSION_PARAMETER`] once decoded,
/// each once and as it stands there: Envoy removes a parameter by its written name.
/// `None` where there are too many.
pub(crate) fn session_parameters(query: &str) -> Option<Vec<&str>> {
    let mut spellings = Vec::new();
    for (name, _) in session_pairs(query) {
        if !spellings.contains(&name) {
            if spellings.len() == MAX_SPELLINGS {
                return None;
            }
            spellings.push(name);
        }
    }
    Some(spellings)
}

fn session_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| decoded(name) == SESSION_PARAMETER)
}

/// What is no UTF-8 stays as it is written: it is neither our name nor a token.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .unwrap_or(Cow::Borrowed(text))
}

/// Whether a `Referer` shows a token that stood in the query of the page before.
pub(crate) fn shows_a_token(referer: &[u8]) -> bool {
    let mut parts = referer.splitn(2, |byte| *byte == b'?');
    let query = parts.nth(1).unwrap_or_default();
    session_pairs(&String::from_utf8_lossy(query)).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(own: &[&'a str], authorization: &[&'a str], query: &'a str) -> Presented<'a> {
        let query = Some(query).filter(|query| !query.is_empty());
        Presented::find(own.iter().copied(), authorization.iter().copied(), query)
    }

    #[test]
    fn a_token_is_found_in_each_of_its_places() {
        for (own, authorization, query) in [
            (&["a.b"][..], &[][..], ""),
            (&[], &["Pomerium a.b"], ""),
            (&[], &["Bearer Pomerium-a.b"], ""),
            (&[], &[], "pomerium_session=a.b"),
            (&[], &[], "x=1&%70omerium_session=a%2Eb&y"),
            // Beside what is not ours, and the same twice.
            (&["a.b"], &["Basic YTpi", "Bearer x"], "session=c"),
            (
                &["a.b", "a.b", ""],
                &["Pomerium a.b"],
                "pomerium_session=a.b&pomerium_session=",
            ),
        ] {
            let found = find(own, authorization, query);
            assert_eq!(
                found,
                Presented::One("a.b".into()),
                "{own:?} {authorization:?} {query}"
            );
        }
        for (own, authorization, query) in [
            (&[][..], &[][..], ""),
            (&[""], &["Bearer a.b", "Pomeriums a.b"], "Pomerium_session=a.b"),
            (&[], &[], "pomerium_session&pomerium_session="),
        ] {
            assert_eq!(find(own, authorization, query), Presented::None);
        }
    }

    #[test]
    fn what_is_not_written_as_ours_is_no_token() {
        for line in [
            "pomerium a",
            "POMERIUM a",
            "bearer Pomerium-a",
            "Bearer pomerium-a",
            "Bearer  Pomerium-a",
            "Pomerium\ta",
            "Pomerium",
        ] {
            assert_eq!(find(&[], &[line], ""), Presented::One(line.into()), "{line}");
        }
    }

    #[test]
    fn of_two_tokens_none_is_chosen() {
        for (own, authorization, query) in [
            (&["a", "b"][..], &[][..], ""),
            (&["a"], &["Pomerium b"], ""),
            (&["a"], &[], "pomerium_session=b"),
            (&[], &["Bearer Pomerium-a"], "pomerium_session=b"),
            (&[], &[], "pomerium_session=a&pomerium_session=b"),
            (&["a", "b", "a"], &[], ""),
            // One that could not count beside one that could.
            (&[], &["pomerium a"], "pomerium_session=a"),
            (&[], &["Pomerium a", "Basic x"], ""),
            (&[], &["Bearer x", "Bearer Pomerium-a"], ""),
            (&[], &["Pomerium a", "Pomerium a"], ""),
            (&[], &["Basic x, Pomerium a"], ""),
            (&[], &["Pomerium a,Basic x"], ""),
            (&["a,b"], &[], ""),
        ] {
            let found = find(own, authorization, query);
            assert_eq!(found, Presented::Ambiguous, "{own:?} {authorization:?} {query}");
        }
    }

    #[test]
    fn a_referer_may_show_a_token() {
        for (referer, shows) in [
            (&b"https://a.test/?pomerium_session=x"[..], true),
            (b"https://a.test/?a=1&%70omerium%5fsession=x", true),
            (b"https://a.test/pomerium_session=x", false),
            (b"https://a.test/?\xff&pomerium_session=x", true),
            (b"https://a.test/?session=x\xff", false),
            (b"", false),
        ] {
            assert_eq!(shows_a_token(referer), shows, "{referer:?}");
        }
    }
}
