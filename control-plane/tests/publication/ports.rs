//! Authz-servers that acknowledge when and as they are told to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use portcullis_bundle::Bundle;
use portcullis_control_plane::{Ack, BundlePort, PublishError};
use tokio::time;

use crate::timeline::{Event, Timeline};

/// How a port behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Prompt,
    /// Acknowledges after this time.
    After(Duration),
    /// Never answers.
    Silent,
    Refusing,
}

pub(crate) struct Port {
    manner: Mutex<Manner>,
    timeline: Timeline,
    holds: Mutex<Option<Arc<Bundle>>>,
}

impl Port {
    pub(crate) fn new(manner: Manner, timeline: &Timeline) -> Arc<Self> {
        let timeline = timeline.clone();
        Arc::new(Self {
            manner: Mutex::new(manner),
            timeline,
            holds: Mutex::new(None),
        })
    }

    pub(crate) fn be(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// What decides here.
    pub(crate) fn bundle(&self) -> Arc<Bundle> {
        self.holds.lock().unwrap().clone().expect("no bundle yet")
    }
}

#[async_trait]
impl BundlePort for Port {
    async fn publish(&self, bundle: Arc<Bundle>) -> Result<Ack, PublishError> {
        let routes = bundle.routes.len();
        self.timeline.note(Event::Given(routes));
        let manner = *self.manner.lock().unwrap();
        match manner {
            Manner::Prompt => {}
            Manner::After(delay) => time::sleep(delay).await,
            Manner::Silent => std::future::pending().await,
            Manner::Refusing => return Err(PublishError::Refused("a test".to_owned())),
        }
        let version = bundle.version.clone();
        *self.holds.lock().unwrap() = Some(bundle);
        self.timeline.note(Event::Acknowledged(routes));
        Ok(Ack { version })
    }
}
