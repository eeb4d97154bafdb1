//! Lists of secrets.

use portcullis_config::{keys_from_list, secrets_in};
use portcullis_model::Secrets;
use secrecy::zeroize::Zeroizing;

use super::{EditError, Edited, Text};

/// The secrets of a text as they are written, and how it keeps them apart.
struct List<'a> {
    secrets: Vec<&'a str>,
    style: Style,
}

#[derive(Clone, Copy)]
struct Style {
    separator: &'static str,
    /// Whether the separator also stands at the end. One secret alone has nothing
    /// behind it: a line end there is refused.
    ends: bool,
}

impl<'a> List<'a> {
    fn read(text: &'a str) -> Result<Self, EditError> {
        let secrets = secrets_in(text);
        if keys_from_list(&secrets).1.iter().any(|(_, p)| !p.is_warning()) {
            return Err(EditError::Unreadable);
        }
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let style = if secrets.len() < 2 {
            Style {
                separator: line_end,
                ends: true,
            }
        } else if text.trim().contains('\n') {
            Style {
                separator: line_end,
                ends: text.ends_with('\n'),
            }
        } else {
            Style {
                separator: if text.contains(", ") { ", " } else { "," },
                ends: false,
            }
        };
        Ok(Self { secrets, style })
    }

    /// The list as it should be, and how many of `before` it lacks.
    fn write(style: Style, secrets: &[&str], before: &[&str]) -> Edited {
        let Style { separator, ends } = style;
        let size = |secret: &&str| secret.len().saturating_add(separator.len());
        // Of the right size at once: growing would leave a copy behind.
        let mut text = Text::new(String::with_capacity(secrets.iter().map(size).sum()));
        for (at, secret) in secrets.iter().enumerate() {
            if at > 0 {
                text.push_str(separator);
            }
            text.push_str(secret);
        }
        if ends && secrets.len() > 1 {
            text.push_str(separator);
        }
        let mut gone: Vec<&&str> = before.iter().filter(|secret| !secrets.contains(secret)).collect();
        gone.sort_unstable();
        gone.dedup();
        Edited {
            text,
            dropped: gone.len(),
        }
    }
}

/// What a configuration makes of it.
pub(super) fn secrets(text: &str) -> Result<Secrets, EditError> {
    let list = List::read(text)?;
    let keys = Zeroizing::new(keys_from_list(&list.secrets).0);
    Secrets::new(keys.iter().copied()).map_err(|_| EditError::Unreadable)
}

pub(super) fn add_last(text: &str, new: &str) -> Result<Edited, EditError> {
    let List { secrets, style } = List::read(text)?;
    let mut all = secrets.clone();
    all.truncate(Secrets::MAX.saturating_sub(1));
    all.push(new);
    Ok(List::write(style, &all, &secrets))
}

pub(super) fn to_front(text: &str, new: &str) -> Result<Edited, EditError> {
    let List { secrets, style } = List::read(text)?;
    if !secrets.contains(&new) {
        return Err(EditError::Gone);
    }
    let others = secrets.iter().filter(|secret| **secret != new);
    let all: Vec<&str> = core::iter::once(new).chain(others.copied()).collect();
    Ok(List::write(style, &all, &secrets))
}

pub(super) fn keep_first(text: &str) -> Result<Edited, EditError> {
    let List { secrets, style } = List::read(text)?;
    let first = secrets.get(..1).ok_or(EditError::Unreadable)?;
    Ok(List::write(style, first, &secrets))
}
