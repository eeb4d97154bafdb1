//! The control plane as the rest of the process sees it while it runs.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_config::Diagnostic;
use portcullis_model::Secrets;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    BundlePort, Metrics,
    publish::{Attachment, Publisher},
    rotate::Configured,
    serving::{self, Serving},
    status::{ConfigStatus, Status, XdsStatus},
    supervise::EnvoyState,
};

/// What the run loop and the handles share.
pub(crate) struct Shared {
    pub(crate) metrics: Metrics,
    pub(crate) serving: Serving,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) config: Mutex<ConfigStatus>,
    pub(crate) role: Role,
    /// The shared secrets of the configuration that serves.
    pub(crate) secrets: watch::Sender<Secrets>,
    /// That configuration, for whoever looks at its keys.
    pub(crate) configured: watch::Sender<Configured>,
    /// Held while keys are replaced.
    pub(crate) rotating: tokio::sync::Mutex<()>,
}

/// What readiness means here.
pub(crate) enum Role {
    /// Requests are served; `None` where no Envoy is supervised.
    Beside(Option<watch::Receiver<EnvoyState>>),
    /// Whoever comes is answered. It must not wait for anybody to come: they may
    /// be sent here only once it is ready.
    Apart,
    /// A configuration is published.
    Alone,
}

impl Role {
    fn envoy(&self) -> Option<&watch::Receiver<EnvoyState>> {
        match self {
            Self::Beside(envoy) => envoy.as_ref(),
            Self::Apart | Self::Alone => None,
        }
    }
}

impl Shared {
    pub(crate) fn update(&self, change: impl FnOnce(&mut ConfigStatus)) {
        change(&mut self.config.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What became of a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// It decides now, and Envoy is being told what it must know.
    Accepted {
        /// Hash of the configuration's text.
        version: String,
    },
    /// It says what serves already.
    Unchanged,
    /// It must not take effect; the last good state serves on.
    Rejected {
        /// Every problem.
        diagnostics: Vec<Diagnostic>,
    },
    /// The control plane has ended.
    Ended,
}

/// A running control plane. A clone is the same.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) reloads: mpsc::Sender<oneshot::Sender<Reloaded>>,
}

impl Handle {
    /// Beside an Envoy: whether requests are served, which is to say that a
    /// configuration is published, a stream has taken a whole one, and the
    /// supervised Envoy is live with every listener. Apart: always, since there
    /// is none without a listener and a good configuration; the status tells how
    /// many Envoys and authz-servers there are. Alone: whether a configuration is
    /// published.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let Shared { serving, role, .. } = &*self.shared;
        let envoy = match role {
            Role::Beside(envoy) => envoy,
            Role::Apart => return true,
            Role::Alone => return serving.target().borrow().is_some(),
        };
        let Some(target) = serving.target().borrow().clone() else {
            return false;
        };
        let serves = |state: &EnvoyState| {
            state.live && usize::try_from(state.listeners).is_ok_and(|n| n >= serving::listeners(&target))
        };
        serving.has_settled_stream() && envoy.as_ref().is_none_or(|envoy| serves(&envoy.borrow()))
    }

    /// Waits until [`is_ready`](Self::is_ready).
    pub async fn until_ready(&self) {
        let Shared { serving, role, .. } = &*self.shared;
        // Seen from here on, so that no change between a look and a wait is lost.
        let mut streams = serving.stream_changes();
        let mut target = serving.target();
        let mut envoy = role.envoy().cloned();
        while !self.is_ready() {
            tokio::select! {
                _ = streams.changed() => {}
                _ = target.changed() => {}
                () = change(envoy.as_mut()) => {}
            }
        }
    }

    /// What the control plane says of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        let Shared {
            serving,
            publisher,
            config,
            role,
            metrics: _,
            secrets: _,
            configured: _,
            rotating: _,
        } = &*self.shared;
        Status {
            ready: self.is_ready(),
            config: config.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            bundle: publisher.view().into(),
            xds: XdsStatus::of(serving),
            envoy: role.envoy().map(|envoy| envoy.borrow().clone().into()),
        }
    }

    /// Reads the configuration again (SIGHUP), changed or not, and waits until
    /// it decides.
    pub async fn reload(&self) -> Reloaded {
        let (sender, receiver) = oneshot::channel();
        if self.reloads.send(sender).await.is_err() {
            return Reloaded::Ended;
        }
        receiver.await.unwrap_or(Reloaded::Ended)
    }

    /// The shared secrets of the configuration that serves, and each change of
    /// them: what is sealed or authenticated with them in this process follows.
    #[must_use]
    pub fn shared_secrets(&self) -> watch::Receiver<Secrets> {
        self.shared.secrets.subscribe()
    }

    /// Adds an authz-server to those that bundles go to, until the attachment is
    /// dropped. Must be called in a runtime.
    pub fn attach(&self, port: Arc<dyn BundlePort>) -> Attachment {
        self.shared.publisher.attach(port)
    }

    /// The metrics, to be registered.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }
}

/// A change of the supervised Envoy; never one where none is, or none comes any
/// more.
async fn change(envoy: Option<&mut watch::Receiver<EnvoyState>>) {
    if let Some(envoy) = envoy
        && envoy.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
