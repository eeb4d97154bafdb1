//! Secrets and signing keys replaced while everything runs.
//!
//! A key that comes from a file of its own is replaced in the three edits of the
//! operator's handbook: [`Handle::rotate`] adds a new one as the last, waits until
//! every connected authz-server knows it and upstreams had time to read the key set,
//! and makes it the first; [`Handle::retire`] drops the former ones once what they
//! made has ended. The edits are made to the file, and take effect as if somebody
//! had made them by hand: what serves is always what is written down.
//!
//! A new key is made here and goes nowhere but into the file.

use std::{sync::Arc, time::Duration};

use portcullis_bundle::{Bundle, Keys};
use portcullis_model::KeyName;
use secrecy::ExposeSecret as _;
use tokio::time;

use crate::{
    handle::{Handle, Role},
    publish::Seat,
};

mod apply;
mod edit;
mod error;
mod generate;
mod origin;
mod replace;

use apply::{Candidate, Reach};
use edit::{Edited, Text};

pub use edit::EditError;
pub use error::RotateError;
pub use generate::generate;
pub use origin::Origin;
pub(crate) use origin::Origins;
pub use replace::FileError;

/// How long what signs, other than sessions, is good: assertions and signed
/// addresses 5 minutes, and a minute for clocks that differ.
const SHORT_LIFE: Duration = Duration::from_secs(6 * 60);

/// What a rotation has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The new key stands last in the file; everybody is being told.
    Added,
    /// Every connected authz-server knows it.
    Known {
        /// How many those are.
        servers: usize,
    },
    /// It is published, and upstreams are given this long to read it.
    Published(Duration),
}

/// What a rotation has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Former keys that are still good.
    pub former: usize,
    /// Of the oldest ones, how many had to go to make room.
    pub dropped: usize,
    /// Authz-servers that have not yet taken the last step; each does once it answers.
    pub behind: Vec<String>,
}

/// What dropping former keys has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// How many were dropped.
    pub dropped: usize,
    /// Authz-servers that have not yet heard of it.
    pub behind: Vec<String>,
}

/// How former keys are to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retire {
    /// Even if what they made may still be good.
    pub force: bool,
    /// Whoever must know the new key by other ways than from here does.
    pub confirmed: bool,
    /// The store at rest is not under the first shared secret yet.
    pub store_lags: bool,
}

/// The keys as they serve. Not for anybody outside the process.
pub struct KeysView {
    /// What they are in.
    pub bundle: Arc<Bundle>,
    /// Where each comes from.
    pub origins: Vec<(KeyName, Origin)>,
    /// The connected authz-servers, and whether each has them.
    pub servers: Vec<(String, bool)>,
}

/// The configuration that serves, as far as its keys go.
#[derive(Clone)]
pub(crate) struct Configured {
    pub(crate) bundle: Arc<Bundle>,
    pub(crate) origins: Origins,
}

impl Handle {
    /// The keys that are in use, and who has them.
    #[must_use]
    pub fn keys(&self) -> KeysView {
        let Configured { bundle, origins } = self.configured();
        let origin = |name| (name, origins.get(name).clone());
        let publisher = &self.shared.publisher;
        let given = publisher.given();
        let given = given.filter(|given| have_same_keys(given, &bundle));
        let has = |seat: &Seat| {
            given
                .as_ref()
                .is_some_and(|given| seat.holds.as_ref() == Some(&given.version))
        };
        let seats = publisher.view().seats;
        KeysView {
            origins: KeyName::ALL.into_iter().map(origin).collect(),
            servers: seats.iter().map(|seat| (seat.name.clone(), has(seat))).collect(),
            bundle,
        }
    }

    /// Makes a new key, has everybody learn it, and puts it to use; the former ones
    /// stay good. A key that signs assertions is published for `publish_for` before
    /// it is in use. Where there are eight already the oldest is dropped, on the
    /// conditions of `retire`. `told` hears of each step. What is refused changes nothing; once
    /// the new key is known everywhere it stays in the file, whatever comes after. To
    /// be run to its end: whoever asked may go away meanwhile.
    ///
    /// # Errors
    ///
    /// [`RotateError`].
    pub async fn rotate(
        &self,
        name: KeyName,
        publish_for: Duration,
        retire: Retire,
        told: &(dyn Fn(Step) + Send + Sync),
    ) -> Result<Rotated, RotateError> {
        let _alone = self.shared.rotating.try_lock().map_err(|_| RotateError::Busy)?;
        let candidate = self.candidate(name).await?;
        let new = generate(name).map_err(|error| RotateError::Random(error.to_string()))?;
        let new = Text::new(new.expose_secret().to_owned());
        let edited = edit::add_last(name, &candidate.original.text, &new);
        let Edited { text, dropped } = edited.map_err(|error| candidate.unfit(error))?;
        if dropped > 0 {
            let may = self.may_drop(name, &candidate, retire);
            may.map_err(|why| RotateError::Full(Box::new(why)))?;
        }
        told(Step::Added);
        self.apply(candidate, text, Reach::Everybody).await?;
        let servers = self.shared.publisher.view().seats.len();
        tracing::info!(key = %name, authz_servers = servers, "a new key is known");
        told(Step::Known { servers });
        if self.publishes(name) {
            told(Step::Published(publish_for));
            time::sleep(publish_for).await;
        }
        let turned = self.turn(name, &new).await;
        let (former, behind) = turned.map_err(|why| RotateError::HalfWay(Box::new(why)))?;
        tracing::info!(key = %name, former, dropped, "the new key is in use");
        Ok(Rotated {
            former,
            dropped,
            behind,
        })
    }

    /// Puts a key to use that everybody knows; how many others there are, and who
    /// goes on with a former one for now.
    async fn turn(&self, name: KeyName, new: &str) -> Result<(usize, Vec<String>), RotateError> {
        let candidate = self.candidate(name).await?;
        let edited = edit::to_front(name, &candidate.original.text, new);
        let Edited { text, .. } = edited.map_err(|error| candidate.unfit(error))?;
        let all = edit::count(name, &text).map_err(|error| candidate.unfit(error))?;
        let behind = self.apply(candidate, text, Reach::Serving).await?;
        Ok((all.saturating_sub(1), behind))
    }

    /// Drops all keys of a name but the one in use, once what the others made has
    /// ended.
    ///
    /// # Errors
    ///
    /// [`RotateError`]; then nothing is dropped.
    pub async fn retire(&self, name: KeyName, retire: Retire) -> Result<Retired, RotateError> {
        let _alone = self.shared.rotating.try_lock().map_err(|_| RotateError::Busy)?;
        let candidate = self.candidate(name).await?;
        let edited = edit::keep_first(name, &candidate.original.text);
        let Edited { text, dropped } = edited.map_err(|error| candidate.unfit(error))?;
        if *text == *candidate.original.text {
            return Ok(Retired {
                dropped,
                behind: Vec::new(),
            });
        }
        self.may_drop(name, &candidate, retire)?;
        let behind = self.apply(candidate, text, Reach::Serving).await?;
        tracing::info!(key = %name, dropped, "the former keys are dropped");
        Ok(Retired { dropped, behind })
    }

    /// Whether nothing may need a former key any more, or that is no matter.
    fn may_drop(&self, name: KeyName, candidate: &Candidate, retire: Retire) -> Result<(), RotateError> {
        let Retire {
            force,
            confirmed,
            store_lags,
        } = retire;
        // A clock that was set back makes nothing older.
        let age = candidate.original.changed.elapsed().unwrap_or_default();
        let life = candidate.life;
        if age < life && !force {
            return Err(RotateError::Young { name, age, life });
        }
        if name == KeyName::SharedSecret {
            if store_lags {
                return Err(RotateError::StoreLags);
            }
            if !confirmed && matches!(self.shared.role, Role::Apart) {
                return Err(RotateError::Unconfirmed);
            }
        }
        Ok(())
    }

    /// Whether a new key of this name is to be published before it signs: upstreams
    /// keep the key set for a while.
    fn publishes(&self, name: KeyName) -> bool {
        let derived = self.configured().bundle.settings.keys.signing_key_pem.is_none();
        match name {
            KeyName::CookieSecret => false,
            KeyName::SharedSecret => derived,
            KeyName::SigningKey => true,
        }
    }

    fn configured(&self) -> Configured {
        self.shared.configured.borrow().clone()
    }
}

/// How long what a key of this name has made is good, by the configuration as it is. A
/// session keeps the end that it was given: after `cookie_expire` was lowered there may be
/// some that were promised a longer time, and they end with their key.
fn life(name: KeyName, bundle: &Bundle) -> Duration {
    match name {
        KeyName::CookieSecret => bundle.settings.cookie.expire.max(SHORT_LIFE),
        KeyName::SharedSecret | KeyName::SigningKey => SHORT_LIFE,
    }
}

fn have_same_keys(one: &Bundle, other: &Bundle) -> bool {
    let (one, other) = (&one.settings.keys, &other.settings.keys);
    let pem = |keys: &Keys| {
        let pem = keys.signing_key_pem.as_ref();
        pem.map(|pem| Text::new(pem.expose_secret().to_owned()))
    };
    one.shared_secret == other.shared_secret
        && one.cookie_secret == other.cookie_secret
        && pem(one) == pem(other)
}

/// `14h`, `1h 30m`, `45s`.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        // Nobody needs the seconds of an hour.
        .take(2)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if said.is_empty() {
        return "0s".to_owned();
    }
    said.join(" ")
}

#[cfg(test)]
mod messages_tests;
#[cfg(test)]
mod tests;
