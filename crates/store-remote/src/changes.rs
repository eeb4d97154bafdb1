//! The stream of changes, read by a task of its own: a reader that is slow does
//! not hold up the control plane, and a connection that only looks open is
//! noticed while nobody reads.

use futures::Stream;
use portcullis_proto::store::{self as wire, SILENCE, WireEvent};
use portcullis_store::{StoreError, SyncEvent};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

type Item = Result<SyncEvent, StoreError>;

/// The events of `stream`. Once it has caught up, a reader that leaves more than
/// `max_behind` of them lying gets [`StoreError::Lagged`].
pub(crate) fn read(
    stream: Streaming<WireEvent>,
    max_behind: usize,
) -> impl Stream<Item = Item> + Send + 'static {
    // Room for the last word, why there are no more, whatever lies there.
    let (queue, events) = mpsc::channel(max_behind.saturating_add(1));
    tokio::spawn(async move {
        tokio::select! {
            end = pump(stream, &queue) => if let Some(end) = end {
                let _ = queue.send(Err(end)).await;
            },
            // Nobody reads any more: the call ends.
            () = queue.closed() => {}
        }
    });
    ReceiverStream::new(events)
}

/// Why the stream ended; `None` when nobody reads any more.
async fn pump(mut stream: Streaming<WireEvent>, queue: &mpsc::Sender<Item>) -> Option<StoreError> {
    let mut caught_up = false;
    loop {
        let event = match next(&mut stream).await {
            Ok(Some(event)) => event,
            Ok(None) => continue,
            Err(error) => return Some(error),
        };
        let completes = matches!(event, SyncEvent::CaughtUp(_));
        // What is there already comes as fast as it is read; only what changes
        // cannot be held back.
        if !caught_up {
            queue.send(Ok(event)).await.ok()?;
            caught_up = completes;
            continue;
        }
        if queue.capacity() <= 1 {
            return Some(StoreError::Lagged);
        }
        match queue.try_send(Ok(event)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Some(StoreError::Lagged),
            Err(TrySendError::Closed(_)) => return None,
        }
    }
}

/// The next event; `None` for a heartbeat. A silence without those is a broken
/// connection, however open it looks.
async fn next(stream: &mut Streaming<WireEvent>) -> Result<Option<SyncEvent>, StoreError> {
    match tokio::time::timeout(SILENCE, stream.message()).await {
        Err(_) => Err(StoreError::Unavailable("the control plane is silent".to_owned())),
        Ok(Err(status)) => Err(wire::error(&status)),
        Ok(Ok(None)) => Err(StoreError::Unavailable("the control plane closed".to_owned())),
        Ok(Ok(Some(event))) => wire::to_event(event),
    }
}
