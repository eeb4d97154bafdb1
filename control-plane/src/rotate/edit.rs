//! The text of a file of keys, with one more, another order, or fewer. Pure.
//!
//! Secrets stand in a list with commas or line ends between them; signing keys are
//! PEM blocks one below the other, or base64 of that. Whatever else a PEM text
//! holds (remarks, other blocks) stays as it is, as do line ends.

mod list;
mod pem;

use portcullis_bundle::Keys;
use portcullis_config::pem_text;
use portcullis_model::{KeyName, Secrets};
use secrecy::{ExposeSecret as _, zeroize::Zeroizing};

/// The text of a file; it does not stay in memory.
pub(crate) type Text = Zeroizing<String>;

/// A text after an edit. Outside tests nothing shows it.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Edited {
    pub(crate) text: Text,
    /// How many keys are in it no more.
    pub(crate) dropped: usize,
}

/// Why a text cannot be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is no list of secrets, or has no signing keys.
    #[error("it is not what the configuration would take")]
    Unreadable,
    /// The key that was added has gone.
    #[error("the new key is no longer in it")]
    Gone,
}

/// The text with `new` as its last key. Of eight the last one gives way, which is said.
pub(crate) fn add_last(name: KeyName, text: &str, new: &str) -> Result<Edited, EditError> {
    match name {
        KeyName::SigningKey => pem::edit(text, |pem| pem::add_last(pem, new)),
        KeyName::CookieSecret | KeyName::SharedSecret => list::add_last(text, new),
    }
}

/// The text with `new`, which stands in it, as its first key.
pub(crate) fn to_front(name: KeyName, text: &str, new: &str) -> Result<Edited, EditError> {
    match name {
        KeyName::SigningKey => pem::edit(text, |pem| pem::to_front(pem, new)),
        KeyName::CookieSecret | KeyName::SharedSecret => list::to_front(text, new),
    }
}

/// The text with its first key alone.
pub(crate) fn keep_first(name: KeyName, text: &str) -> Result<Edited, EditError> {
    match name {
        KeyName::SigningKey => pem::edit(text, pem::keep_first),
        KeyName::CookieSecret | KeyName::SharedSecret => list::keep_first(text),
    }
}

/// How many different keys a text has.
pub(crate) fn count(name: KeyName, text: &str) -> Result<usize, EditError> {
    match name {
        KeyName::SigningKey => pem::count(text),
        KeyName::CookieSecret | KeyName::SharedSecret => Ok(list::secrets(text)?.all().count()),
    }
}

/// What a configuration holds that has read a text.
pub(crate) struct Wanted {
    name: KeyName,
    keys: Held,
}

enum Held {
    Secrets(Secrets),
    Pem(Text),
}

impl Wanted {
    pub(crate) fn of(name: KeyName, text: &str) -> Result<Self, EditError> {
        let keys = match name {
            KeyName::SigningKey => {
                let pem = pem_text(text.trim()).map_err(|_| EditError::Unreadable)?;
                Held::Pem(Zeroizing::new(pem))
            }
            KeyName::CookieSecret | KeyName::SharedSecret => Held::Secrets(list::secrets(text)?),
        };
        Ok(Self { name, keys })
    }

    /// Whether these are the keys.
    pub(crate) fn is(&self, keys: &Keys) -> bool {
        let Keys {
            shared_secret,
            cookie_secret,
            signing_key_pem,
        } = keys;
        match (self.name, &self.keys) {
            (KeyName::CookieSecret, Held::Secrets(wanted)) => wanted == cookie_secret,
            (KeyName::SharedSecret, Held::Secrets(wanted)) => wanted == shared_secret,
            (KeyName::SigningKey, Held::Pem(wanted)) => signing_key_pem
                .as_ref()
                .is_some_and(|pem| pem.expose_secret() == wanted.as_str()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
