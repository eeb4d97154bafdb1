//! The headers that we read.

use super::IntakeError;
use crate::check::identify::shows_a_token;
use crate::check::message::Line;

/// The headers that we read. Of those that a client may repeat every line is
/// kept, of the others the first.
#[derive(Default)]
pub struct Headers<'a> {
    /// `cookie`, a line each.
    pub cookie: Values<'a>,
    /// Whether `cookie` may hold several lines joined by commas: Envoy's plain
    /// header map does that, the raw one does not.
    pub cookie_joined: bool,
    /// `authorization`.
    pub authorization: Values<'a>,
    /// `accept`.
    pub accept: Values<'a>,
    /// `x-requested-with`.
    pub requested_with: Values<'a>,
    /// `upgrade`.
    pub upgrade: Values<'a>,
    /// `content-type`.
    pub content_type: Option<&'a str>,
    /// `sec-fetch-mode`.
    pub sec_fetch_mode: Option<&'a str>,
    /// `user-agent`.
    pub user_agent: Option<&'a str>,
    /// `origin`.
    pub origin: Option<&'a str>,
    /// `access-control-request-method`.
    pub access_control_request_method: Option<&'a str>,
    /// `x-request-id`, which Envoy sets.
    pub request_id: Option<&'a str>,
    /// `x-pomerium-authorization`.
    pub pomerium_authorization: Values<'a>,
    /// Whether a `referer` shows a token that stood in a query.
    pub referer_shows_token: bool,
    /// The client's assertion, under the name that our listener gives it.
    pub in_assertion: Option<&'a str>,
    /// The client's `-for` assertion, under the name that our listener gives it.
    pub in_assertion_for: Option<&'a str>,
    /// Every line that arrived.
    pub all: Lines<'a>,
    /// How many lines there are, and their bytes: Envoy bounds both.
    pub lines: usize,
    /// See [`lines`](Self::lines).
    pub bytes: usize,
}

/// The values of one header, in order. One alone, as nearly every header has, is
/// kept without any memory of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values<'a> {
    first: Option<&'a str>,
    more: Vec<&'a str>,
}

impl<'a> Values<'a> {
    /// Each value.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.first.iter().chain(&self.more).copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn push(&mut self, value: &'a str) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.more.push(value);
        }
    }
}

/// The header lines as Envoy sends them, pseudo-headers included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines<'a>(pub &'a [Line<'a>]);

impl<'a> Lines<'a> {
    /// Names and values.
    pub fn iter(self) -> impl Iterator<Item = Line<'a>> {
        self.0.iter().copied()
    }

    /// The values of a header, its name in any case.
    pub fn of(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(line, _)| line.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl<'a> Headers<'a> {
    /// Reads every line once.
    ///
    /// # Errors
    ///
    /// [`IntakeError::HeaderNotText`] if one that we read is no text.
    pub(super) fn read(all: Lines<'a>, joined: bool) -> Result<Self, IntakeError> {
        let mut headers = Self {
            all,
            cookie_joined: joined,
            ..Self::default()
        };
        for (name, value) in all.iter() {
            headers.lines += 1;
            headers.bytes += name.len() + value.len();
            headers.take(name, value)?;
        }
        Ok(headers)
    }

    fn take(&mut self, name: &'a str, value: &'a [u8]) -> Result<(), IntakeError> {
        let text = || core::str::from_utf8(value).map_err(|_| IntakeError::HeaderNotText);
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        // By length first: most names are then compared with none, or with one.
        // Pseudo-headers are seen by their own fields.
        match name.len() {
            6 if is("cookie") => self.cookie.push(text()?),
            6 if is("accept") => self.accept.push(text()?),
            6 if is("origin") => first(&mut self.origin, text()?),
            7 if is("upgrade") => self.upgrade.push(text()?),
            7 if is("referer") => self.referer_shows_token |= shows_a_token(value),
            10 if is("user-agent") => first(&mut self.user_agent, text()?),
            12 if is("content-type") => first(&mut self.content_type, text()?),
            12 if is("x-request-id") => first(&mut self.request_id, text()?),
            13 if is("authorization") => self.authorization.push(text()?),
            14 if is("sec-fetch-mode") => first(&mut self.sec_fetch_mode, text()?),
            16 if is("x-requested-with") => self.requested_with.push(text()?),
            24 if is("x-pomerium-authorization") => self.pomerium_authorization.push(text()?),
            29 if is("access-control-request-method") => {
                first(&mut self.access_control_request_method, text()?);
            }
            29 if is("x-portcullis-in-jwt-assertion") => first(&mut self.in_assertion, text()?),
            33 if is("x-portcullis-in-jwt-assertion-for") => first(&mut self.in_assertion_for, text()?),
            _ => {}
        }
        Ok(())
    }
}

fn first<'a>(slot: &mut Option<&'a str>, value: &'a str) {
    if slot.is_none() {
        *slot = Some(value);
    }
}
