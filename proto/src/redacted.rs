//! `Debug` of the messages that hold secrets: their names, and nothing of what
//! is in them.

use core::fmt::{Debug, Formatter, Result};

use crate::generated::{feed, store};

macro_rules! redacted {
    ($($message:ty),* $(,)?) => {
        $(impl Debug for $message {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                f.debug_struct(stringify!($message)).finish_non_exhaustive()
            }
        })*
    };
}

redacted!(
    feed::Keys,
    feed::Provider,
    feed::Settings,
    feed::Update,
    store::PutRequest,
    store::Record,
);

#[cfg(test)]
mod tests {
    use super::{feed, store};
    use bytes::Bytes;

    #[test]
    fn no_secret_is_shown() {
        let keys = feed::Keys {
            shared_secret: Bytes::from_static(b"hush-hush"),
            ..feed::Keys::default()
        };
        let settings = feed::Settings {
            keys: Some(keys),
            ..feed::Settings::default()
        };
        let update = feed::Update {
            settings: Some(settings),
            ..feed::Update::default()
        };
        let record = store::Record {
            data: Bytes::from_static(b"hush-hush"),
            ..store::Record::default()
        };
        let answer = store::GetResponse { record: Some(record) };
        let shown = format!("{update:?} {answer:?}");
        let bytes = format!("{:?}", b"hush-hush".as_slice());
        assert!(!shown.contains("hush") && !shown.contains(&bytes), "{shown}");
        assert!(shown.contains("Update") && shown.contains("Record"), "{shown}");
    }
}
