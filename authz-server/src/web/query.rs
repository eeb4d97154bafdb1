//! Query parameters, read strictly.

use std::borrow::Cow;

use super::fault::Fault;

/// The longest query that we read, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// The most parameters that we read.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a request. A parameter that we use and that stands there
/// twice is refused: two readers of one URL must not see different values.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(super) fn parse(raw: &'a str) -> Result<Self, Fault> {
        if raw.len() > MAX_BYTES {
            return Err(Fault::query_too_long());
        }
        let pairs: Vec<_> = form_urlencoded(raw).take(MAX_PARAMETERS + 1).collect();
        if pairs.len() > MAX_PARAMETERS {
            return Err(Fault::query_too_long());
        }
        Ok(Self(pairs))
    }

    /// The value of `name`, if it stands there once.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(Fault::duplicate_parameter());
        }
        Ok(first.map(|(_, value)| value.as_ref()))
    }

    /// The value of `name`, which must stand there once and say something.
    pub(super) fn require(&self, name: &str) -> Result<&str, Fault> {
        match self.get(name)? {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(Fault::missing_parameter()),
        }
    }

    /// Whether `name` stands there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }
}

fn form_urlencoded(raw: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    url::form_urlencoded::parse(raw.as_bytes())
}
