//! Durations as Go writes them.

use portcullis_document::{Kind, Scalar};

/// Nanoseconds. Text is a Go duration (`1h30m`); a bare number counts nanoseconds, as in Pomerium.
pub(crate) fn nanoseconds(scalar: &Scalar) -> Option<i64> {
    match scalar.kind {
        Kind::Str => parse(&scalar.text),
        Kind::Int | Kind::Float => super::integer(scalar).and_then(|int| i64::try_from(int).ok()),
        Kind::Null | Kind::Bool(_) | Kind::Timestamp => None,
    }
}

/// Go's `time.ParseDuration`.
fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (whole, tail) = digits(rest);
        let (fraction, tail) = match tail.strip_prefix('.') {
            Some(tail) => digits(tail),
            None => ("", tail),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = tail
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        let unit = nanoseconds_of(unit)?;
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(unit)?)?;
        // More digits than these say nothing within a nanosecond of an hour.
        let fraction = fraction.get(..fraction.len().min(18))?;
        if !fraction.is_empty() {
            let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            total = total.checked_add(
                fraction
                    .parse::<i128>()
                    .ok()?
                    .checked_mul(unit)?
                    .checked_div(scale)?,
            )?;
        }
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn nanoseconds_of(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use portcullis_document::Scalar;

    use super::nanoseconds;

    #[test]
    fn durations_are_gos() {
        for (text, expected) in [
            ("1h30m", Some(5_400_000_000_000)),
            ("300ms", Some(300_000_000)),
            ("1.5s", Some(1_500_000_000)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("-2m", Some(-120_000_000_000)),
            ("+2m", Some(120_000_000_000)),
            ("3us", Some(3_000)),
            ("3µs", Some(3_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("30", None),
            ("", None),
            ("-", None),
            ("s", None),
            (".s", None),
            ("1 h", None),
            ("1d", None),
            ("1hour", None),
            ("9999999h", None),
            ("99999999999999999999999999999999999999999h", None),
        ] {
            assert_eq!(nanoseconds(&Scalar::string(text)), expected, "{text}");
        }
        assert_eq!(nanoseconds(&Scalar::plain("30")), Some(30));
        assert_eq!(nanoseconds(&Scalar::plain("true")), None);
    }
}
