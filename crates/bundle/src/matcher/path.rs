//! The path that our listener makes of the one that a client writes.
//!
//! Envoy (`normalize_path`, `merge_slashes`, escaped slashes refused) does it in four
//! steps, which are here in the same order with the same edges; an end-to-end test
//! holds them against a real Envoy.

#[cfg(test)]
mod tests;

/// What Envoy writes as escapes where it comes as it is. What is beyond ASCII, white
/// space and control characters never come so far.
const ESCAPED: &[u8] = b"\"<>^`{|}";

/// The path of a request line, without the query, as Envoy compares and forwards it;
/// `None` where Envoy refuses it.
pub(super) fn normalized(path: &str) -> Option<String> {
    let hides_separator = |escape: &[u8]| {
        let separators = [b"%2f", b"%5c"];
        separators
            .iter()
            .any(|separator| escape.eq_ignore_ascii_case(*separator))
    };
    if path.as_bytes().windows(3).any(hides_separator) {
        return None;
    }
    let resolved = resolved(without_dots_parameters(path).as_bytes())?;
    Some(merged(&String::from_utf8(resolved).ok()?))
}

/// Parameters of a dot or two are dropped, where the dots are no escapes.
fn without_dots_parameters(path: &str) -> String {
    let bare = |segment| match segment {
        dot if str::starts_with(dot, ".;") => ".",
        dots if str::starts_with(dots, "..;") => "..",
        other => other,
    };
    path.split('/').map(bare).collect::<Vec<&str>>().join("/")
}

/// Without segments that are dots; backslashes are slashes; escapes of unreserved
/// characters are these characters, and all other escapes stay as they are spelled.
fn resolved(path: &[u8]) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    // Where the last `%` that begins no escape went.
    let mut broken: Option<usize> = None;
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        rest = if let Some(after_dot) = behind_dot(rest) {
            match after_dots(after_dot).filter(|_| out.last() == Some(&b'/')) {
                None => {
                    out.push(b'.');
                    after_dot
                }
                Some((up, after)) => {
                    if up {
                        go_up(&mut out);
                        broken = broken.filter(|at| *at < out.len());
                    }
                    after
                }
            }
        } else if *byte != b'%' {
            match byte {
                b'\\' => out.push(b'/'),
                odd if ESCAPED.contains(odd) => out.extend(format!("%{odd:02X}").bytes()),
                other => out.push(*other),
            }
            after
        } else {
            match escape(after) {
                Some((0, _)) => return None,
                Some((value, after)) if is_unreserved(value) => {
                    out.push(value);
                    if let Some(at) = broken {
                        keep_broken(&mut out, at, after.first());
                    }
                    after
                }
                Some((_, after)) => {
                    out.extend(rest.iter().take(3));
                    after
                }
                None => {
                    broken = Some(out.len());
                    out.push(b'%');
                    after
                }
            }
        };
    }
    Some(out)
}

/// What comes after the dot, or the escape of one, that this begins with.
fn behind_dot(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'.', after @ ..] | [b'%', b'2', b'e' | b'E', after @ ..] => Some(after),
        _ => None,
    }
}

/// What comes after the segment that a dot has begun, if dots are all of it, and whether
/// there are two.
fn after_dots(after_dot: &[u8]) -> Option<(bool, &[u8])> {
    let up = || Some((true, behind_segment(behind_dot(after_dot)?)?));
    behind_segment(after_dot).map(|after| (false, after)).or_else(up)
}

/// What comes after the segment that ends here, if one does.
fn behind_segment(text: &[u8]) -> Option<&[u8]> {
    match text {
        [] => Some(text),
        [b'/' | b'\\', after @ ..] => Some(after),
        _ => None,
    }
}

/// Takes the last segment away, if there is one; the text ends with a slash before and
/// after.
fn go_up(out: &mut Vec<u8>) {
    if out.len() > 1 {
        out.pop();
        while out.last().is_some_and(|byte| *byte != b'/') {
            out.pop();
        }
    }
}

/// The byte of the escape whose `%` stands before this, and what comes after it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = text.split_first_chunk::<2>()?;
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    Some((u8::try_from(high? * 16 + low?).ok()?, after))
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// A character that was an escape must not make one of the broken `%` shortly before it:
/// that one is then written as `%25`. Where the second digit is yet to come, it is the
/// next byte as it is written.
fn keep_broken(out: &mut Vec<u8>, at: usize, next: Option<&u8>) {
    let digits = match out.get(at + 1..) {
        Some([first]) => next.map(|next| [*first, *next]),
        Some([first, second]) => Some([*first, *second]),
        _ => None,
    };
    if digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
        out.splice(at + 1..at + 1, *b"25");
    }
}

/// Slashes side by side are one. Of a path of nothing else Envoy leaves two.
fn merged(path: &str) -> String {
    if !path.contains("//") {
        return path.to_owned();
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let end = if path.ends_with('/') { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}
