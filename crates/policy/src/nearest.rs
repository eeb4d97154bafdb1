//! The known name that a misspelt one most likely means.

/// The candidate within a small edit distance of `found`, the first of the
/// nearest; `None` when nothing is near enough to be a helpful guess.
pub(crate) fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer text is no misspelling, and bounds the work below.
    const MAX_LENGTH: usize = 64;
    if found.len() > MAX_LENGTH {
        return None;
    }
    let found = found.to_ascii_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .map(|candidate| (distance(&found, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many edits still count as a misspelling; in a very short word two edits
/// make any other word.
const fn allowed(candidate: &str) -> usize {
    match candidate.len() {
        ..5 => 1,
        5..9 => 2,
        _ => 3,
    }
}

/// The distance in characters: insert, delete, replace, swap neighbours.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let at = |row: &[usize], i: usize| row.get(i).copied().unwrap_or(usize::MAX);
    let (mut before, mut above): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    let mut last_a = None;
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        let mut last_b = None;
        for (j, &y) in b.iter().enumerate() {
            let mut best = at(&above, j).saturating_add(usize::from(x != y));
            best = best
                .min(at(&above, j + 1).saturating_add(1))
                .min(at(&row, j).saturating_add(1));
            if j > 0 && last_a == Some(y) && last_b == Some(x) {
                best = best.min(at(&before, j - 1).saturating_add(1));
            }
            row.push(best);
            last_b = Some(y);
        }
        last_a = Some(x);
        before = core::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["email", "domain", "user", "http_path"];

    #[test]
    fn finds_what_is_meant() {
        assert_eq!(nearest("emial", NAMES), Some("email"));
        assert_eq!(nearest("e-mail", NAMES), Some("email"));
        assert_eq!(nearest("Email", NAMES), Some("email"));
        assert_eq!(nearest("users", NAMES), Some("user"));
        assert_eq!(nearest("http-paht", NAMES), Some("http_path"));
        assert_eq!(nearest("adn", ["and", "or", "not", "nor"]), Some("and"));
        assert_eq!(nearest("si", ["is", "not", "in"]), Some("is"));
        assert_eq!(nearest("favourite_colour", NAMES), None);
        assert_eq!(nearest(&"e".repeat(10_000), NAMES), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
