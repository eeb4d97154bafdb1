//! Noticing that a file of the last reading has changed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{sync::mpsc, time};

use super::fingerprint::{self, Fingerprints};

/// How often the files are looked at where no notice comes (network mounts, a
/// directory that appeared later).
const POLL: Duration = Duration::from_millis(500);
/// How long the files must be still before they are read again.
const QUIET: Duration = Duration::from_millis(50);
/// How often a change during that time prolongs it, at most.
const MAX_ROUNDS: usize = 20;

/// Watches the parent directories of the files, because an editor's rename and
/// the swap of a ConfigMap's link replace a file rather than write to it, and
/// looks at the files themselves now and then. A notice only makes it look
/// sooner: what counts is what the file system says of each file.
pub(crate) struct Watcher {
    seen: Fingerprints,
    directories: BTreeSet<PathBuf>,
    notices: mpsc::Receiver<()>,
    notifier: Option<RecommendedWatcher>,
}

impl Watcher {
    pub(crate) fn new() -> Self {
        // One notice that waits says as much as many.
        let (sender, notices) = mpsc::channel(1);
        let on_event = move |event: notify::Result<notify::Event>| {
            if !matches!(event, Ok(event) if event.kind.is_access()) {
                let _ = sender.try_send(());
            }
        };
        let notifier = notify::recommended_watcher(on_event)
            .inspect_err(|error| tracing::warn!(%error, "no notice of file changes; polling alone"))
            .ok();
        Self {
            seen: Fingerprints::new(),
            directories: BTreeSet::new(),
            notices,
            notifier,
        }
    }

    /// From now on watches for changes since `files` were read.
    pub(crate) fn follow(&mut self, files: Fingerprints) {
        let parent = |path: &PathBuf| match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let directories: BTreeSet<PathBuf> = files.keys().map(parent).collect();
        if let Some(notifier) = &mut self.notifier {
            for gone in self.directories.difference(&directories) {
                let _ = notifier.unwatch(gone);
            }
            for new in directories.difference(&self.directories) {
                if let Err(error) = notifier.watch(new, RecursiveMode::NonRecursive) {
                    tracing::debug!(directory = %new.display(), %error, "watched by polling alone");
                }
            }
        }
        self.directories = directories;
        self.seen = files;
    }

    /// Waits until a file has changed and is still again. Dropping the future
    /// loses nothing.
    pub(crate) async fn changed(&mut self) {
        loop {
            let mut now = self.look().await;
            if now != self.seen {
                for _ in 0..MAX_ROUNDS {
                    time::sleep(QUIET).await;
                    let later = self.look().await;
                    if later == now {
                        break;
                    }
                    now = later;
                }
                return;
            }
            // A notice, the time, or (never) a lost notifier: look again.
            if let Ok(None) = time::timeout(POLL, self.notices.recv()).await {
                time::sleep(POLL).await;
            }
        }
    }

    async fn look(&self) -> Fingerprints {
        let seen = self.seen.clone();
        let look = tokio::task::spawn_blocking(move || fingerprint::now(&seen));
        look.await.unwrap_or_else(|_| self.seen.clone())
    }
}

#[cfg(test)]
mod tests;
