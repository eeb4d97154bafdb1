//! The keys of this process, as its admin socket shows and changes them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::http::StatusCode;
use portcullis_admin::Fault;
use portcullis_admin::keys::Keys;
use portcullis_admin::keys::protocol::{
    Does, KeyStatus, KeysStatus, OneKey, Order, Origin, Outcome, ServerStatus, Step, StoreStatus, Work,
};
use portcullis_bundle::Bundle;
use portcullis_control_plane::Handle;
use portcullis_control_plane::rotate::{self, KeysView, Retire, Retired, RotateError, Rotated};
use portcullis_model::{KeyName, Secrets};
use portcullis_session::assertion::SigningKeys;
use portcullis_session::fingerprint;
use portcullis_store_redb::RedbStore;
use secrecy::ExposeSecret as _;

/// The longest time for which a key may be published before it is in use.
const MAX_PUBLISH: u64 = 24 * 60 * 60;

/// The keys that the control plane of this process publishes.
pub(crate) struct InstanceKeys {
    handle: Handle,
    /// The store that the shared secret seals, where there is one.
    at_rest: Option<RedbStore>,
    /// What was begun last. It goes on whether or not anybody asks about it.
    last: Arc<Mutex<Option<Begun>>>,
}

struct Begun {
    work: Work,
    /// When the present pause ends.
    until: Option<Instant>,
}

impl Begun {
    fn now(&self) -> Work {
        let remaining = self.until.filter(|_| self.work.outcome.is_none());
        let remaining = remaining.map(|until| until.saturating_duration_since(Instant::now()));
        Work {
            // Nobody counts down to a zero that lasts a second.
            remaining: remaining.map(|left| left.as_secs().saturating_add(1)),
            ..self.work.clone()
        }
    }
}

impl InstanceKeys {
    pub(crate) fn new(handle: Handle, at_rest: Option<RedbStore>) -> Self {
        Self {
            handle,
            at_rest,
            last: Arc::default(),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Begun>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the store stands under.
    fn store(&self, first: &[u8; 32]) -> StoreStatus {
        match &self.at_rest {
            None => StoreStatus::Memory,
            Some(store) if store.is_sealed_with(first) => StoreStatus::First,
            Some(_) => StoreStatus::Former,
        }
    }

    /// Does what is asked, to its end.
    async fn carry_out(
        handle: Handle,
        order: Order,
        store: StoreStatus,
        last: Arc<Mutex<Option<Begun>>>,
    ) -> Outcome {
        let told = move |step| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(begun) = last.as_mut() {
                let (step, pause) = on_the_wire(step);
                begun.work.steps.push(step);
                begun.until = pause.map(|pause| Instant::now() + pause);
            }
        };
        let store_lags = store == StoreStatus::Former;
        match order {
            Order::Rotate {
                name,
                publish_for,
                force,
                confirmed,
            } => {
                let publish_for = Duration::from_secs(publish_for);
                let retire = Retire {
                    force,
                    confirmed,
                    store_lags,
                };
                rotated(handle.rotate(name, publish_for, retire, &told).await)
            }
            Order::Retire {
                name,
                force,
                confirmed,
            } => {
                let retire = Retire {
                    force,
                    confirmed,
                    store_lags,
                };
                retired(handle.retire(name, retire).await)
            }
        }
    }
}

#[async_trait]
impl Keys for InstanceKeys {
    async fn status(&self) -> Result<KeysStatus, Fault> {
        let KeysView {
            bundle,
            origins,
            servers,
        } = self.handle.keys();
        let keys = origins
            .into_iter()
            .map(|(name, origin)| {
                Ok(KeyStatus {
                    name,
                    origin: origin_of(origin),
                    keys: each(name, &bundle)?,
                })
            })
            .collect::<Result<_, Fault>>()?;
        let work = self.last().as_ref().map(Begun::now);
        Ok(KeysStatus {
            keys,
            authz_servers: servers
                .into_iter()
                .map(|(name, has_keys)| ServerStatus { name, has_keys })
                .collect(),
            store: self.store(bundle.settings.keys.shared_secret.first()),
            work,
        })
    }

    async fn begin(&self, order: Order) -> Result<Work, Fault> {
        if matches!(order, Order::Rotate { publish_for, .. } if publish_for > MAX_PUBLISH) {
            return Err(Fault::bad_request(
                "a key is published for 24 hours at most before it is in use",
            ));
        }
        let store = self.store(self.handle.keys().bundle.settings.keys.shared_secret.first());
        let mut last = self.last();
        let before = last.as_ref().map(|begun| &begun.work);
        if before.is_some_and(|work| work.outcome.is_none()) {
            return Err(Fault::new(
                StatusCode::CONFLICT,
                "busy",
                "another replacement of a key is under way; `portcullis keys status` says how far it is",
            ));
        }
        let work = Work {
            number: before.map_or(1, |work| work.number.saturating_add(1)),
            order: order.clone(),
            steps: Vec::new(),
            remaining: None,
            outcome: None,
        };
        *last = Some(Begun {
            work: work.clone(),
            until: None,
        });
        drop(last);
        // In a task of its own: whoever asked may go away, and half of it is no end.
        let doing = Self::carry_out(self.handle.clone(), order, store, Arc::clone(&self.last));
        let doing = tokio::spawn(doing);
        let last = Arc::clone(&self.last);
        tokio::spawn(async move {
            let outcome = doing.await.unwrap_or_else(|_| Outcome::Failed {
                why: "it broke off, which is a fault of ours".to_owned(),
                help: Some("the log says more".to_owned()),
            });
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(begun) = last.as_mut() {
                begun.work.outcome = Some(outcome);
            }
        });
        Ok(work)
    }

    async fn work(&self, number: u64) -> Option<Work> {
        let last = self.last();
        let found = last.as_ref().filter(|begun| begun.work.number == number);
        found.map(Begun::now)
    }
}

/// The keys of one name, by what tells them apart.
fn each(name: KeyName, bundle: &Bundle) -> Result<Vec<OneKey>, Fault> {
    let keys = &bundle.settings.keys;
    let (fingerprints, first, others) = match name {
        KeyName::CookieSecret => (of_secrets(&keys.cookie_secret), Does::Seals, Does::Opens),
        KeyName::SharedSecret => (of_secrets(&keys.shared_secret), Does::Seals, Does::Opens),
        KeyName::SigningKey => {
            let signing = match &keys.signing_key_pem {
                Some(pem) => SigningKeys::from_pem(pem.expose_secret()),
                None => SigningKeys::derived(&keys.shared_secret),
            };
            let signing = signing.map_err(|error| {
                Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
            })?;
            let kids = signing.kids().map(str::to_owned).collect();
            (kids, Does::Signs, Does::Published)
        }
    };
    let numbered = fingerprints.into_iter().enumerate();
    Ok(numbered
        .map(|(number, fingerprint)| OneKey {
            fingerprint,
            does: if number == 0 { first } else { others },
        })
        .collect())
}

fn of_secrets(secrets: &Secrets) -> Vec<String> {
    secrets.all().map(fingerprint).collect()
}

fn origin_of(origin: rotate::Origin) -> Origin {
    match origin {
        rotate::Origin::Files(paths) => Origin::File { paths },
        rotate::Origin::Inline(at) => Origin::Configuration { at },
        rotate::Origin::Environment(variable) => Origin::Environment { variable },
        rotate::Origin::Generated => Origin::Generated,
        rotate::Origin::Derived => Origin::Derived,
    }
}

/// A step, and the pause that it begins.
fn on_the_wire(step: rotate::Step) -> (Step, Option<Duration>) {
    match step {
        rotate::Step::Added => (Step::Added, None),
        rotate::Step::Known { servers } => (
            Step::Known {
                authz_servers: servers,
            },
            None,
        ),
        rotate::Step::Published(pause) => {
            let seconds = pause.as_secs();
            (Step::Published { seconds }, Some(pause))
        }
    }
}

fn rotated(done: Result<Rotated, RotateError>) -> Outcome {
    match done {
        Ok(Rotated {
            former,
            dropped,
            behind,
        }) => Outcome::Rotated {
            former,
            dropped,
            behind,
        },
        Err(error) => failed(&error),
    }
}

fn retired(done: Result<Retired, RotateError>) -> Outcome {
    match done {
        Ok(Retired { dropped, behind }) => Outcome::Retired { dropped, behind },
        Err(error) => failed(&error),
    }
}

fn failed(error: &RotateError) -> Outcome {
    Outcome::Failed {
        why: error.to_string(),
        help: error.help(),
    }
}
