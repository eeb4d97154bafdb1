//! Regular expressions that Envoy takes. It matches with RE2, and refuses a whole table of routes for one
//! expression that RE2 does not read, so they are checked here.
//!
//! The parser is that of the `regex` crate, whose syntax is nearly RE2's; what RE2 lacks or reads in another
//! way is refused. A few things that only RE2 has (`\Q…\E`, `\C`, `[[a]`, octal escapes) are refused too.

#[cfg(test)]
mod tests;

use regex_syntax::ast::{
    AssertionKind, Ast, ClassSet, ClassSetItem, ClassUnicode, ClassUnicodeKind, Flag, Flags, FlagsItemKind,
    GroupKind, HexLiteralKind, Literal, LiteralKind, Repetition, RepetitionKind, RepetitionRange, Span,
    parse::ParserBuilder,
};

/// Longer expressions are refused.
const MAX_LENGTH: usize = 4_096;
/// How deep groups and classes may be nested.
const MAX_DEPTH: u32 = 100;
/// How often RE2 repeats a part at most, repetitions inside of repetitions multiplied.
const MAX_REPEAT: u64 = 1_000;
/// Instructions of RE2's program, as estimated here; it takes some 130,000 before its memory ends.
const MAX_PROGRAM: u64 = 20_000;

/// Unicode classes that RE2 knows by the same name; the general categories and a few scripts.
const CLASSES: [&str; 46] = [
    "Any", "Arabic", "C", "Cc", "Cf", "Co", "Common", "Cyrillic", "Greek", "Han", "Hebrew", "Hiragana",
    "Katakana", "L", "Latin", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
    "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Thai", "Z", "Zl", "Zp",
    "Zs",
];

/// Why Envoy would not take an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegexError {
    /// More than [`MAX_LENGTH`] bytes.
    #[error("it has more than {MAX_LENGTH} characters")]
    TooLong,
    /// More than [`MAX_PROGRAM`] instructions.
    #[error("it needs too large a program")]
    TooLarge,
    /// It cannot be read at all.
    #[error("{what} (at character {at})")]
    Syntax {
        /// The character, from 1.
        at: usize,
        /// What is wrong.
        what: String,
    },
    /// RE2 does not have this, or reads it in another way.
    #[error("Envoy does not have {what} (at character {at})")]
    Foreign {
        /// The character, from 1.
        at: usize,
        /// What it is.
        what: &'static str,
    },
    /// More than [`MAX_REPEAT`] repetitions.
    #[error("it repeats a part more than {MAX_REPEAT} times (at character {at})")]
    Repeat {
        /// The character, from 1.
        at: usize,
    },
}

/// What is known of a good expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The character with which everything that matches begins, if that is easily seen.
    pub(crate) first: Option<char>,
}

/// Checks an expression.
///
/// # Errors
/// See [`RegexError`].
pub(crate) fn check(pattern: &str) -> Result<Checked, RegexError> {
    if pattern.len() > MAX_LENGTH {
        return Err(RegexError::TooLong);
    }
    let parsed = ParserBuilder::new().nest_limit(MAX_DEPTH).build().parse(pattern);
    let ast = parsed.map_err(|error| RegexError::Syntax {
        at: column(error.span()),
        what: error.kind().to_string(),
    })?;
    let size = Walk { pattern }.size(&ast, 1)?;
    if size > MAX_PROGRAM {
        return Err(RegexError::TooLarge);
    }
    Ok(Checked { first: first(&ast) })
}

fn column(span: &Span) -> usize {
    span.start.column
}

fn foreign(span: &Span, what: &'static str) -> RegexError {
    RegexError::Foreign {
        at: column(span),
        what,
    }
}

struct Walk<'p> {
    pattern: &'p str,
}

impl Walk<'_> {
    /// About how many instructions RE2 makes of it, itself repeated `repeats` times by what stands around.
    fn size(&self, ast: &Ast, repeats: u64) -> Result<u64, RegexError> {
        Ok(match ast {
            Ast::Empty(_) => 1,
            Ast::Flags(set) => flags(&set.flags)?,
            Ast::Literal(found) => literal(found)?,
            // All of UTF-8 but a line break.
            Ast::Dot(_) => 12,
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText
                | AssertionKind::WordBoundary
                | AssertionKind::NotWordBoundary => 1,
                _ => return Err(foreign(&assertion.span, "such a word boundary")),
            },
            Ast::ClassUnicode(class) => unicode(class)?,
            Ast::ClassPerl(_) => 20,
            Ast::ClassBracketed(class) => set(&class.kind)?,
            Ast::Repetition(repetition) => self.repetition(repetition, repeats)?,
            Ast::Group(group) => {
                let own = match &group.kind {
                    GroupKind::CaptureIndex(_) => 2,
                    GroupKind::CaptureName { name, .. } => {
                        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                        if !name.name.bytes().all(word) {
                            return Err(foreign(&name.span, "such a name of a group"));
                        }
                        2
                    }
                    GroupKind::NonCapturing(found) => flags(found)?,
                };
                self.size(&group.ast, repeats)?.saturating_add(own)
            }
            Ast::Alternation(alternation) => self.sum(&alternation.asts, repeats)?,
            Ast::Concat(concat) => self.sum(&concat.asts, repeats)?,
        })
    }

    fn sum(&self, asts: &[Ast], repeats: u64) -> Result<u64, RegexError> {
        asts.iter().try_fold(1_u64, |sum, ast| {
            Ok(sum.saturating_add(self.size(ast, repeats)?).saturating_add(1))
        })
    }

    fn repetition(&self, repetition: &Repetition, repeats: u64) -> Result<u64, RegexError> {
        let Repetition { span, op, ast, .. } = repetition;
        if matches!(**ast, Ast::Repetition(_)) {
            return Err(foreign(&op.span, "a repetition of a repetition"));
        }
        let times = match &op.kind {
            RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
            RepetitionKind::Range(range) => {
                let written = self.pattern.get(op.span.start.offset..op.span.end.offset);
                let digits = |c: char| c.is_ascii_digit() || matches!(c, '{' | '}' | ',' | '?');
                let plain = written.is_some_and(|text| !text.starts_with("{,") && text.chars().all(digits));
                if !plain {
                    return Err(foreign(&op.span, "a repetition that is written so"));
                }
                let most = match range {
                    RepetitionRange::Exactly(count) | RepetitionRange::AtLeast(count) => *count,
                    RepetitionRange::Bounded(_, count) => *count,
                };
                u64::from(most).max(1)
            }
        };
        let repeats = repeats.saturating_mul(times);
        if repeats > MAX_REPEAT {
            return Err(RegexError::Repeat { at: column(span) });
        }
        let once = self.size(ast, repeats)?;
        Ok(once.saturating_mul(times).saturating_add(times).saturating_add(2))
    }
}

fn flags(flags: &Flags) -> Result<u64, RegexError> {
    for item in &flags.items {
        match item.kind {
            FlagsItemKind::Negation
            | FlagsItemKind::Flag(
                Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed,
            ) => {}
            FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace) => {
                return Err(foreign(&item.span, "this flag"));
            }
        }
    }
    Ok(1)
}

fn literal(literal: &Literal) -> Result<u64, RegexError> {
    match literal.kind {
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            Err(foreign(&literal.span, "`\\u`; write `\\x{…}`"))
        }
        _ => Ok(u64::try_from(literal.c.len_utf8()).unwrap_or(4)),
    }
}

fn unicode(class: &ClassUnicode) -> Result<u64, RegexError> {
    let known = match &class.kind {
        ClassUnicodeKind::OneLetter(letter) => "CLMNPSZ".contains(*letter),
        ClassUnicodeKind::Named(name) => CLASSES.contains(&name.as_str()),
        ClassUnicodeKind::NamedValue { .. } => false,
    };
    if known {
        Ok(1_000)
    } else {
        Err(foreign(&class.span, "such a Unicode class"))
    }
}

fn set(class: &ClassSet) -> Result<u64, RegexError> {
    match class {
        ClassSet::Item(item) => item_size(item).map(|size| size.saturating_add(12)),
        ClassSet::BinaryOp(operation) => Err(foreign(&operation.span, "operations on classes")),
    }
}

fn item_size(item: &ClassSetItem) -> Result<u64, RegexError> {
    Ok(match item {
        ClassSetItem::Empty(_) => 1,
        ClassSetItem::Literal(found) => literal(found)?,
        ClassSetItem::Range(range) => literal(&range.start)?.saturating_add(literal(&range.end)?),
        ClassSetItem::Ascii(_) | ClassSetItem::Perl(_) => 20,
        ClassSetItem::Unicode(class) => unicode(class)?,
        ClassSetItem::Bracketed(class) => return Err(foreign(&class.span, "classes in classes")),
        ClassSetItem::Union(union) => union
            .items
            .iter()
            .try_fold(0_u64, |sum, item| Ok(sum.saturating_add(item_size(item)?)))?,
    })
}

fn first(ast: &Ast) -> Option<char> {
    match ast {
        Ast::Literal(literal) => Some(literal.c),
        Ast::Group(group) => first(&group.ast),
        Ast::Concat(concat) => concat
            .asts
            .iter()
            .find(|ast| !matches!(ast, Ast::Assertion(_) | Ast::Flags(_)))
            .and_then(first),
        _ => None,
    }
}
