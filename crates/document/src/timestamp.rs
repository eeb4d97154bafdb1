//! The four forms of a timestamp that `yaml.v3` reads, and their JSON form.

/// RFC 3339 as Go's `encoding/json` prints the time that `yaml.v3` reads; `None` if it is no timestamp.
pub(crate) fn to_rfc3339(text: &str) -> Option<String> {
    let mut cursor = Cursor { rest: text };
    let year = cursor.number(4, 4)?;
    cursor.symbol(&['-'])?;
    let month = cursor.number(1, 2)?;
    cursor.symbol(&['-'])?;
    let day = cursor.number(1, 2)?;
    if !(1..=12).contains(&month) || day == 0 || day > days(year, month) {
        return None;
    }
    if cursor.rest.is_empty() {
        return Some(format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
    }
    let separator = cursor.symbol(&['T', 't', ' '])?;
    let hour = cursor.number(1, 2)?;
    cursor.symbol(&[':'])?;
    let minute = cursor.number(1, 2)?;
    cursor.symbol(&[':'])?;
    let second = cursor.number(1, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = cursor.fraction()?;
    let zone = match (separator, cursor.rest) {
        (' ', "") | ('T' | 't', "Z") => "Z".to_owned(),
        ('T' | 't', zone) => offset(zone)?,
        _ => return None,
    };
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
    ))
}

/// `±hh:mm`; an offset of nothing is `Z`, as Go prints it.
fn offset(zone: &str) -> Option<String> {
    let mut cursor = Cursor { rest: zone };
    let sign = cursor.symbol(&['+', '-'])?;
    let hours = cursor.number(2, 2)?;
    cursor.symbol(&[':'])?;
    let minutes = cursor.number(2, 2)?;
    if !cursor.rest.is_empty() || hours > 23 || minutes > 59 {
        return None;
    }
    Some(if (hours, minutes) == (0, 0) {
        "Z".to_owned()
    } else {
        format!("{sign}{hours:02}:{minutes:02}")
    })
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    /// The longest run of `min` to `max` digits.
    fn number(&mut self, min: usize, max: usize) -> Option<u32> {
        let count = self.rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if count < min {
            return None;
        }
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        digits.parse().ok()
    }

    fn symbol(&mut self, allowed: &[char]) -> Option<char> {
        let first = self.rest.chars().next().filter(|c| allowed.contains(c))?;
        self.rest = self.rest.get(first.len_utf8()..)?;
        Some(first)
    }

    /// A fraction of a second, without the zeros at its end; empty if there is none.
    fn fraction(&mut self) -> Option<String> {
        if self.symbol(&['.', ',']).is_none() {
            return Some(String::new());
        }
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if digits.is_empty() {
            return None;
        }
        self.rest = rest;
        let digits = digits.get(..digits.len().min(9))?.trim_end_matches('0');
        Some(if digits.is_empty() {
            String::new()
        } else {
            format!(".{digits}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::to_rfc3339;

    #[test]
    fn the_json_form_is_gos() {
        let cases = [
            ("2024-01-01", "2024-01-01T00:00:00Z"),
            ("2024-2-29", "2024-02-29T00:00:00Z"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
            ("2001-12-15T2:59:43.000Z", "2001-12-15T02:59:43Z"),
            ("2001-12-14 21:59:43", "2001-12-14T21:59:43Z"),
            ("2001-12-14T21:59:43+00:00", "2001-12-14T21:59:43Z"),
        ];
        for (text, json) in cases {
            assert_eq!(to_rfc3339(text).as_deref(), Some(json), "{text}");
        }
    }

    #[test]
    fn near_misses_are_no_timestamps() {
        for text in [
            "2023-02-29",
            "2024-01-01T",
            "2024-01-01 1:2",
            "2024-01-01 10:00:00Z",
            "2024-01-01T25:00:00Z",
        ] {
            assert_eq!(to_rfc3339(text), None, "{text}");
        }
    }
}
