//! Regular expressions in pieces: written for RE2, and matched here by a walk that has
//! nothing in common with an engine for regular expressions.

use crate::random::Random;

/// One piece of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// This text.
    Text(String),
    /// Characters from the first to the second, at least and at most so many.
    Class(char, char, usize, Option<usize>),
    /// Any text (`.*`).
    Anything,
    /// Any one character (`.`).
    One,
    /// One of these texts.
    Either(Vec<String>),
    /// This text or none.
    Maybe(String),
}

/// An expression that matches whole paths.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(pub(crate) Vec<Piece>);

impl Pattern {
    /// As RE2 reads it.
    pub(crate) fn written(&self) -> String {
        self.0.iter().map(Piece::written).collect()
    }

    /// Whether it matches the whole of `path`.
    pub(crate) fn takes(&self, path: &str) -> bool {
        let text: Vec<char> = path.chars().collect();
        // Where in the text the pieces so far may have ended.
        let mut ends = vec![false; text.len() + 1];
        ends[0] = true;
        for piece in &self.0 {
            ends = piece.after(&text, &ends);
        }
        ends[text.len()]
    }

    /// A path that it matches.
    pub(crate) fn sample(&self, random: &mut Random) -> String {
        self.0.iter().map(|piece| piece.sample(random)).collect()
    }
}

impl Piece {
    fn written(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Class(from, to, least, most) => {
                let most = most.map_or(String::new(), |most| most.to_string());
                format!("[{from}-{to}]{{{least},{most}}}")
            }
            Self::Anything => ".*".to_owned(),
            Self::One => ".".to_owned(),
            Self::Either(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
                format!("(?:{})", texts.join("|"))
            }
            Self::Maybe(text) => format!("(?:{})?", quoted(text)),
        }
    }

    /// Where it may end in `text`, when it may begin at `starts`.
    fn after(&self, text: &[char], starts: &[bool]) -> Vec<bool> {
        let mut ends = vec![false; starts.len()];
        for (start, _) in starts.iter().enumerate().filter(|(_, is)| **is) {
            let rest = &text[start..];
            let begins = |word: &str| {
                let word: Vec<char> = word.chars().collect();
                rest.starts_with(&word).then_some(start + word.len())
            };
            match self {
                Self::Text(word) => mark(&mut ends, begins(word)),
                Self::Class(from, to, least, most) => {
                    let fits = rest.iter().take_while(|c| (from..=to).contains(c)).count();
                    let most = most.map_or(fits, |most| most.min(fits));
                    mark(&mut ends, (*least..=most).map(|length| start + length));
                }
                Self::Anything => {
                    // From the first start on there is an end at every place.
                    mark(&mut ends, start..starts.len());
                    break;
                }
                Self::One => mark(&mut ends, (!rest.is_empty()).then_some(start + 1)),
                Self::Either(words) => mark(&mut ends, words.iter().filter_map(|word| begins(word))),
                Self::Maybe(word) => mark(&mut ends, begins(word).into_iter().chain([start])),
            }
        }
        ends
    }

    fn sample(&self, random: &mut Random) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Class(from, _, least, most) => {
                let length = random.between(*least, most.unwrap_or(least + 3).max(*least));
                from.to_string().repeat(length)
            }
            Self::Anything => random.pick(&["", "x", "/y", "a-b/c.d"]).to_owned(),
            Self::One => random.pick(&["x", "/", "~"]).to_owned(),
            Self::Either(texts) => texts[random.below(texts.len())].clone(),
            Self::Maybe(text) => if random.chance(50) { text.as_str() } else { "" }.to_owned(),
        }
    }
}

fn mark(ends: &mut [bool], at: impl IntoIterator<Item = usize>) {
    for end in at {
        ends[end] = true;
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() && c.is_ascii() && !matches!(c, '/' | '-' | '_' | '%' | '~') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[test]
fn an_expression_in_pieces_matches_whole_paths() {
    let pattern = Pattern(vec![
        Piece::Text("/a.b/".to_owned()),
        Piece::Class('0', '9', 1, Some(2)),
        Piece::Maybe("/x".to_owned()),
        Piece::Either(vec!["y".to_owned(), "yz".to_owned()]),
        Piece::One,
        Piece::Anything,
    ]);
    assert_eq!(pattern.written(), r"/a\.b/[0-9]{1,2}(?:/x)?(?:y|yz)..*");
    for path in ["/a.b/1y!", "/a.b/12/xyzz", "/a.b/1yz", "/a.b/9/xyz/and/so/on"] {
        assert!(pattern.takes(path), "{path}");
    }
    for path in ["/a.b/1y", "/aXb/1y!", "/a.b/123y!", "/a.b/y!", "x/a.b/1y!", ""] {
        assert!(!pattern.takes(path), "{path}");
    }
    let mut random = Random::new(1);
    for _ in 0..100 {
        let sample = pattern.sample(&mut random);
        assert!(pattern.takes(&sample), "{sample}");
    }
}
