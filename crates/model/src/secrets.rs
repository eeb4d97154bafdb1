//! The root secrets of one name, of which several are in use while one is being replaced.

use core::fmt;

use secrecy::{ExposeSecret as _, SecretBox};

/// One to eight secrets of 32 bytes. The first seals, signs and derives; all open and verify, so that
/// what was made before a rotation is good until its secret is dropped. `Debug` shows how many there
/// are.
pub struct Secrets {
    first: SecretBox<[u8; 32]>,
    others: Vec<SecretBox<[u8; 32]>>,
}

/// Why a list of secrets cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// There is none.
    #[error("there is no secret")]
    None,
    /// There are more than [`Secrets::MAX`].
    #[error("there are more than {} secrets", Secrets::MAX)]
    TooMany,
}

impl Secrets {
    /// Each one costs a try wherever something does not open.
    pub const MAX: usize = 8;

    /// The secrets in this order; one that stands twice counts at its first place.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub fn new(all: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, SecretsError> {
        let mut all = all.into_iter();
        let mut secrets = Self::from(all.next().ok_or(SecretsError::None)?);
        for (number, secret) in all.enumerate() {
            if number.saturating_add(1) >= Self::MAX {
                return Err(SecretsError::TooMany);
            }
            if secrets.all().all(|known| *known != secret) {
                secrets.others.push(SecretBox::new(Box::new(secret)));
            }
        }
        Ok(secrets)
    }

    /// The one that seals, signs and derives.
    #[must_use]
    pub fn first(&self) -> &[u8; 32] {
        self.first.expose_secret()
    }

    /// All, the first one first.
    pub fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        core::iter::once(&self.first)
            .chain(&self.others)
            .map(SecretBox::expose_secret)
    }
}

impl From<[u8; 32]> for Secrets {
    fn from(secret: [u8; 32]) -> Self {
        Self {
            first: SecretBox::new(Box::new(secret)),
            others: Vec::new(),
        }
    }
}

impl Clone for Secrets {
    fn clone(&self) -> Self {
        let copy = |secret: &SecretBox<[u8; 32]>| SecretBox::new(Box::new(*secret.expose_secret()));
        Self {
            first: copy(&self.first),
            others: self.others.iter().map(copy).collect(),
        }
    }
}

/// For our own configuration against our own: nobody else measures how long it takes.
impl PartialEq for Secrets {
    fn eq(&self, other: &Self) -> bool {
        self.all().eq(other.all())
    }
}

impl Eq for Secrets {}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.others.len().saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::{Secrets, SecretsError};

    fn numbers(secrets: &Secrets) -> Vec<u8> {
        secrets.all().map(|secret| secret[0]).collect()
    }

    #[test]
    fn the_order_is_kept_and_each_stands_once() {
        let secrets = Secrets::new([[3; 32], [1; 32], [3; 32], [2; 32], [1; 32]]).unwrap();
        assert_eq!(numbers(&secrets), [3, 1, 2]);
        assert_eq!(secrets.first(), &[3; 32]);
        assert_eq!(secrets.clone(), secrets);
        assert_ne!(secrets, Secrets::new([[1; 32], [3; 32], [2; 32]]).unwrap());
        assert_ne!(secrets, Secrets::from([3; 32]));
        assert_eq!(numbers(&Secrets::from([7; 32])), [7]);
    }

    #[test]
    fn there_is_at_least_one_and_there_are_at_most_eight() {
        assert_eq!(Secrets::new([]), Err(SecretsError::None));
        let some = |count: u8| Secrets::new((0..count).map(|number| [number; 32]));
        assert_eq!(numbers(&some(8).unwrap()).len(), Secrets::MAX);
        assert_eq!(some(9), Err(SecretsError::TooMany));
    }

    #[test]
    fn nothing_of_them_is_shown() {
        let secrets = Secrets::new([[65; 32], [66; 32]]).unwrap();
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
    }
}
