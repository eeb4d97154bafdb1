//! The known name nearest to a misspelt one.

/// The candidate with the fewest edits (a swap of neighbours is one), if they are few for its length;
/// else the only one that begins or ends with the name.
pub(crate) fn nearest(
    name: &str,
    candidates: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    // A longer name is no slip of the pen, and the search must stay cheap.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let candidates: Vec<&'static str> = candidates.into_iter().collect();
    fewest_edits(&name, &candidates).or_else(|| only_part(&name, &candidates))
}

/// The only candidate of which `name` is the beginning or the end.
fn only_part(name: &str, candidates: &[&'static str]) -> Option<&'static str> {
    let mut whole = candidates
        .iter()
        .filter(|candidate| candidate.starts_with(name) || candidate.ends_with(name));
    let first = whole
        .next()
        .filter(|_| name.len() >= 4 && whole.next().is_none())?;
    Some(first)
}

fn fewest_edits(name: &str, candidates: &[&'static str]) -> Option<&'static str> {
    let name: Vec<char> = name.chars().collect();
    let allowed = (name.len() / 3).clamp(1, 4);
    candidates
        .iter()
        .copied()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= allowed)
        .map(|candidate| (distance(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two names: insert, delete, replace, swap neighbours.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (row, from) in a.iter().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        let mut last_b = None;
        for (column, to) in b.iter().enumerate() {
            let at = |line: &[usize], i: usize| line.get(i).copied().unwrap_or(usize::MAX);
            let next = column.saturating_add(1);
            let mut best = at(&above, column).saturating_add(usize::from(from != to));
            best = best
                .min(at(&above, next).saturating_add(1))
                .min(at(&current, column).saturating_add(1));
            if last_b == Some(from)
                && last_a == Some(to)
                && let Some(two_back) = column.checked_sub(1)
            {
                best = best.min(at(&before, two_back).saturating_add(1));
            }
            current.push(best);
            last_b = Some(to);
        }
        last_a = Some(from);
        before = core::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const NAMES: [&str; 5] = [
        "from",
        "to",
        "prefix",
        "allow_any_authenticated_user",
        "allowed_users",
    ];

    #[test]
    fn slips_of_the_pen_are_recognised() {
        for (slip, name) in [
            ("form", "from"),
            ("frm", "from"),
            ("Prefxi", "prefix"),
            ("alow_any_authenticated_user", "allow_any_authenticated_user"),
            ("allow_users", "allowed_users"),
            ("authenticated_user", "allow_any_authenticated_user"),
            ("allow_any", "allow_any_authenticated_user"),
        ] {
            assert_eq!(nearest(slip, NAMES), Some(name), "{slip}");
        }
    }

    #[test]
    fn other_words_are_not() {
        for word in ["x", "timeout", "", "administrators", &"a".repeat(100)] {
            assert_eq!(nearest(word, NAMES), None, "{word}");
        }
    }
}
