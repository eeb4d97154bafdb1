//! One edit of a file of keys: looked at, written, read, and taken by everybody, or
//! taken back.

use std::{
    path::{Path, PathBuf},
    sync::PoisonError,
    time::Duration,
};

use portcullis_model::KeyName;
use tokio::time;

use super::{
    Configured, EditError, Origin, RotateError,
    edit::{Text, Wanted},
    life,
    replace::Original,
};
use crate::handle::{Handle, Reloaded};

/// How long an edit may take to be read and to be acknowledged by everybody.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is waited for the reading of a file that was put back.
const READING: Duration = Duration::from_secs(2);

/// A file of keys, looked at before it is edited.
pub(super) struct Candidate {
    name: KeyName,
    path: PathBuf,
    pub(super) original: Original,
    /// How long what its keys make is good.
    pub(super) life: Duration,
}

/// How far an edit must come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Every connected authz-server has taken it, or it is taken back.
    Everybody,
    /// It serves; who does not answer takes it later.
    Serving,
}

impl Handle {
    /// The file of a key, if it can be edited and is what serves.
    pub(super) async fn candidate(&self, name: KeyName) -> Result<Candidate, RotateError> {
        let Configured { bundle, origins } = self.configured();
        let life = life(name, &bundle);
        let origin = origins.get(name);
        let path = match origin {
            Origin::Files(files) if files.len() == 1 => files.first().cloned(),
            _ => None,
        };
        let path = path.ok_or_else(|| RotateError::NoFile {
            name,
            origin: origin.clone(),
            life,
        })?;
        let config = &self.shared.config;
        let refused = config
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .rejected
            .is_some();
        if refused {
            return Err(RotateError::Refused);
        }
        if self.shared.publisher.view().seats.is_empty() {
            return Err(RotateError::NobodyConnected);
        }
        let named = path.clone();
        let read = move || {
            let twice = KeyName::ALL.into_iter().find(|other| {
                *other != name && matches!(origins.get(*other), Origin::Files(files) if files.iter().any(|file| is_same(file, &named)))
            });
            (twice, Original::read(&named))
        };
        let (twice, original) = blocking(read).await?;
        if let Some(other) = twice {
            return Err(RotateError::SharedFile(name, other));
        }
        let original = original.map_err(|error| RotateError::File {
            name,
            path: path.clone(),
            error,
            life,
        })?;
        let holds = Wanted::of(name, &original.text);
        if !holds.is_ok_and(|wanted| wanted.is(&bundle.settings.keys)) {
            return Err(RotateError::NotServing(path));
        }
        Ok(Candidate {
            name,
            path,
            original,
            life,
        })
    }

    /// Puts `text` in the place of the file and waits until it serves and everybody
    /// has it; who has not in time. If that cannot be, the file is put back.
    pub(super) async fn apply(
        &self,
        candidate: Candidate,
        text: Text,
        reach: Reach,
    ) -> Result<Vec<String>, RotateError> {
        let Candidate {
            name,
            path,
            original,
            life,
        } = candidate;
        let wanted = Wanted::of(name, &text).map_err(|error| RotateError::Edit {
            path: path.clone(),
            error,
        })?;
        let before = original.text.clone();
        let written = blocking(move || original.replace(text)).await?;
        let written = written.map_err(|error| RotateError::File {
            name,
            path,
            error,
            life,
        })?;
        let why = match self.takes(&wanted, reach).await {
            Taken::By(behind) if behind.is_empty() || reach == Reach::Serving => return Ok(behind),
            Taken::By(behind) => RotateError::Untaken(behind),
            Taken::Not(why) => why,
        };
        tracing::warn!(key = %name, %why, "a file of keys is put back");
        if let Err(error) = blocking(move || written.replace(before)).await? {
            return Err(RotateError::NotPutBack {
                why: Box::new(why),
                error,
            });
        }
        let _ = time::timeout(READING, self.reload()).await;
        Err(why)
    }

    /// Has the configuration read, and waits until every connected authz-server
    /// decides by it.
    async fn takes(&self, wanted: &Wanted, reach: Reach) -> Taken {
        let publisher = &self.shared.publisher;
        let taken = time::timeout(PATIENCE, async {
            match self.reload().await {
                Reloaded::Rejected { diagnostics } => return Taken::Not(RotateError::Rejected(diagnostics)),
                Reloaded::Ended => return Taken::Not(RotateError::Ended),
                // What was read before, by the notice of the change, may still be on its way.
                Reloaded::Accepted { .. } | Reloaded::Unchanged => {}
            }
            publisher
                .until_everybody_holds(|given| wanted.is(&given.settings.keys))
                .await;
            Taken::By(Vec::new())
        });
        if let Ok(taken) = taken.await {
            return taken;
        }
        let given = publisher.given();
        let Some(given) = given.filter(|given| wanted.is(&given.settings.keys)) else {
            return Taken::Not(RotateError::Untaken(Vec::new()));
        };
        let seats = publisher.view().seats;
        if seats.is_empty() && reach == Reach::Everybody {
            return Taken::Not(RotateError::NobodyConnected);
        }
        let behind = seats
            .iter()
            .filter(|seat| seat.holds.as_ref() != Some(&given.version));
        Taken::By(behind.map(|seat| seat.name.clone()).collect())
    }
}

impl Candidate {
    /// What is in the file is the reason.
    pub(super) fn unfit(&self, error: EditError) -> RotateError {
        RotateError::Edit {
            path: self.path.clone(),
            error,
        }
    }
}

/// What became of an edit.
enum Taken {
    /// It serves, but not yet at these.
    By(Vec<String>),
    Not(RotateError),
}

/// Whether two paths are of one file.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// Disk work, off the threads that serve requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RotateError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| RotateError::Ended)
}
