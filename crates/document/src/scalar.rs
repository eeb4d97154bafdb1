//! Scalars and the kinds that `yaml.v3` gives them.

use crate::timestamp;

#[cfg(test)]
mod tests;

/// A scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text after unquoting, exactly as written otherwise.
    pub text: String,
    /// What the text means.
    pub kind: Kind,
}

/// What a scalar's text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `~`, `null` or nothing at all.
    Null,
    /// `true` or `false` (also `True`, `TRUE`, …), never `yes`, `no`, `on` or `off`.
    Bool(bool),
    /// An integer of at most 64 bits: decimal, `0x1f`, `0o17`, `017`, `0b11`, with `_` anywhere.
    Int,
    /// Any other number, `.inf` and `.nan` included.
    Float,
    /// An unquoted date or time.
    Timestamp,
    /// Everything else, and everything quoted.
    Str,
}

impl Scalar {
    /// A string, whatever its text looks like.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind: Kind::Str,
        }
    }

    /// A scalar as it would be read unquoted.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        let kind = resolve(&text);
        Self { text, kind }
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        (self.kind == Kind::Str).then_some(self.text.as_str())
    }

    /// The boolean, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(value) => Some(value),
            Kind::Null | Kind::Int | Kind::Float | Kind::Timestamp | Kind::Str => None,
        }
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// The integer, if this is one; every 64-bit integer, signed or not, fits.
    #[must_use]
    pub fn as_int(&self) -> Option<i128> {
        if self.kind == Kind::Int {
            parse_int(&self.text)
        } else {
            None
        }
    }

    /// The number, if this is an integer or a float.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self.kind {
            #[allow(clippy::cast_precision_loss)] // a float is asked for
            Kind::Int => parse_int(&self.text).map(|int| int as f64),
            Kind::Float => parse_float(&self.text),
            Kind::Null | Kind::Bool(_) | Kind::Timestamp | Kind::Str => None,
        }
    }

    /// The time in RFC 3339 form, if this is a timestamp.
    #[must_use]
    pub fn as_rfc3339(&self) -> Option<String> {
        if self.kind == Kind::Timestamp {
            timestamp::to_rfc3339(&self.text)
        } else {
            None
        }
    }

    /// What this is, for a message.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Int | Kind::Float => "a number",
            Kind::Timestamp => "a date",
            Kind::Str => "a string",
        }
    }
}

/// The kind of an unquoted text, in the order of `yaml.v3`: words, timestamps, integers, floats.
pub(crate) fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-') => {
            if timestamp::to_rfc3339(text).is_some() {
                Kind::Timestamp
            } else if parse_int(text).is_some() {
                Kind::Int
            } else if parse_float(text).is_some() {
                Kind::Float
            } else {
                Kind::Str
            }
        }
        Some(b'.') if parse_float(text).is_some() => Kind::Float,
        _ => Kind::Str,
    }
}

/// An integer within the signed or the unsigned 64-bit range. A leading zero means octal, as in Go.
fn parse_int(text: &str) -> Option<i128> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, plain.get(1..)?),
        b'+' => (false, plain.get(1..)?),
        _ => (false, plain.as_str()),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?)
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -magnitude } else { magnitude };
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&value)
        .then_some(value)
}

/// A float of the form that YAML 1.2 allows.
fn parse_float(text: &str) -> Option<f64> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let plain: String = if text.starts_with('.') {
        text.to_owned()
    } else {
        text.chars().filter(|c| *c != '_').collect()
    };
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    plain.parse::<f64>().ok().filter(|value| value.is_finite())
}
