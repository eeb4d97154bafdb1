use super::*;
use crate::check::audit::{DecisionSink, Events, Lines};
use crate::fixture::{Ask, Fixture, any_user, no_claims, public, route, settings};
use crate::metrics::Metrics;
use portcullis_store::MemoryStore;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use tracing_subscriber::layer::SubscriberExt as _;

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Bytes {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }
}

/// Gives each record to the hand and to `tracing`, under the subscriber that the
/// binary has.
struct Both {
    by_hand: Lines<Bytes>,
    dispatch: tracing::Dispatch,
    /// With one dispatcher alone `tracing` asks the thread that comes to a line
    /// first, which may be another test's without any.
    _second: tracing::Dispatch,
}

impl DecisionSink for Both {
    fn record(&mut self, record: &Record) {
        tracing::dispatcher::with_default(&self.dispatch, || {
            self.by_hand.record(record);
            Events.record(record);
        });
    }

    fn flush(&mut self) {
        self.by_hand.flush();
    }
}

/// The lines of these checks, by hand and by `tracing`.
async fn lines(format: LineFormat, filter: &str, asks: &[Ask]) -> (Vec<String>, Vec<String>) {
    let (by_hand, by_tracing) = (Bytes::default(), Bytes::default());
    let registry = tracing_subscriber::registry().with(tracing_subscriber::EnvFilter::new(filter));
    let writer = by_tracing.clone();
    let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
    let dispatch = match format {
        LineFormat::Json => {
            let layer = layer.json().flatten_event(true).with_current_span(false);
            tracing::Dispatch::new(registry.with(layer))
        }
        LineFormat::Text => tracing::Dispatch::new(registry.with(layer.with_ansi(false))),
    };
    let sink = Both {
        by_hand: Lines::new(format, by_hand.clone()),
        dispatch,
        _second: tracing::Dispatch::new(tracing_subscriber::registry()),
    };
    let metrics = Metrics::default();
    let audit = super::super::Audit::logging(&metrics, Box::new(sink));
    let fixture = Fixture::with(Arc::new(MemoryStore::new(1)), metrics, audit);
    fixture.publish(settings(), [route(&any_user())]);
    let (_, cookie) = fixture
        .session("\"u\"\\ser\u{7f}@ex\u{1f}ample.com ä", no_claims())
        .await;
    for ask in asks {
        fixture.check(&ask.clone().session(&cookie)).await;
        fixture.check(ask).await;
    }
    fixture.publish(settings(), [route(&public())]);
    fixture.check(&Ask::new()).await;
    fixture.server.audit().close();
    (by_hand.lines(), by_tracing.lines())
}

fn asks() -> [Ask; 8] {
    [
        Ask::new(),
        Ask::new().path("/a\u{1b}[31m\"},{\"x\":\"\n?code=x"),
        Ask::new()
            .method("G\tE\u{8}\u{c}\rT")
            .host("ü.example.com")
            .joined(),
        Ask::new().context(&[("internal", "true")]),
        Ask::new().context(&[]).header("x-request-id", b"\xff\x00\x7f"),
        Ask::new().context(&[("route", "verify")]).path("/a//b"),
        Ask::new().context(&[]).path("/a;b"),
        Ask::new().context(&[("route", "verify")]).path("/.pomerium/user"),
    ]
}

/// The line without its time, which is not the same.
fn timeless(line: &str, start: usize) -> (&str, &str) {
    let stamp = &line[start..start + "2026-01-01T00:00:00.000000Z".len()];
    assert!(stamp.parse::<Timestamp>().is_ok(), "{stamp} is no time");
    (&line[..start], &line[start + stamp.len()..])
}

#[tokio::test]
async fn a_json_line_is_what_tracing_would_have_written() {
    let (by_hand, by_tracing) = lines(LineFormat::Json, "info", &asks()).await;
    assert_eq!((by_hand.len(), by_tracing.len()), (17, 17));
    for (ours, theirs) in by_hand.iter().zip(&by_tracing) {
        let parsed = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let (mut left, mut right) = (parsed(ours), parsed(theirs));
        for value in [&mut left, &mut right] {
            let time = value["timestamp"].take();
            assert!(time.as_str().unwrap().parse::<Timestamp>().is_ok(), "{time}");
        }
        assert_eq!(left, right);
        assert_eq!(timeless(ours, 14), timeless(theirs, 14), "byte for byte");
    }
}

#[tokio::test]
async fn a_text_line_is_what_tracing_would_have_written() {
    let (by_hand, by_tracing) = lines(LineFormat::Text, "info", &asks()).await;
    assert_eq!((by_hand.len(), by_tracing.len()), (17, 17));
    for (ours, theirs) in by_hand.iter().zip(&by_tracing) {
        assert_eq!(timeless(ours, 0), timeless(theirs, 0));
    }
}

#[tokio::test]
async fn the_filter_decides_what_is_written() {
    for (filter, written) in [
        ("warn", 0),
        ("off", 0),
        ("warn,portcullis=info", 3),
        ("warn,portcullis=debug", 3),
        ("info,portcullis_authz_server=error", 0),
    ] {
        let (by_hand, by_tracing) = lines(LineFormat::Json, filter, &[Ask::new()]).await;
        assert_eq!((by_hand.len(), by_tracing.len()), (written, written), "{filter}");
    }
}

#[test]
fn times_are_written_as_rfc_3339() {
    let mut stamp = Stamp::default();
    for (micros, wanted) in [
        (1_767_225_600_000_000, "2026-01-01T00:00:00.000000Z"),
        (1_767_225_600_000_001, "2026-01-01T00:00:00.000001Z"),
        (1_767_225_599_999_999, "2025-12-31T23:59:59.999999Z"),
        (1_709_209_845_120_000, "2024-02-29T12:30:45.120000Z"),
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1970-01-01T00:00:00.000000Z"),
    ] {
        let mut out = Vec::new();
        stamp.write(&mut out, Timestamp::from_microsecond(micros).unwrap());
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}

proptest! {
    #[test]
    fn numbers_are_written_in_full(value in any::<u64>(), shift in 0_u32..64) {
        for value in [value, value >> shift, 0, 9, 10, u64::MAX] {
            let mut out = Vec::new();
            decimal(&mut out, value, 0);
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    #[test]
    fn strings_are_escaped_as_serde_json_does(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for text in [text.as_str(), &String::from_utf8_lossy(&bytes)] {
            let mut out = vec![b'"'];
            escaped(&mut out, text);
            out.push(b'"');
            prop_assert_eq!(&String::from_utf8(out).unwrap(), &serde_json::to_string(text).unwrap());
            // In parts, as a formatter writes it.
            let mut parts = Vec::new();
            for byte in text.as_bytes() {
                Escaping(&mut parts).write_all(&[*byte]).unwrap();
            }
            let whole = serde_json::to_string(text).unwrap();
            prop_assert_eq!(parts.as_slice(), &whole.as_bytes()[1..whole.len() - 1]);
        }
    }
}
