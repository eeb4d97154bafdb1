use super::record::{MAX_TEXT, Texts, without_query};
use super::{Audit, DecisionSink, Events, Record};
use crate::fixture::{Ask, Fixture, any_user, certificates, no_claims, route, settings};
use crate::metrics::Metrics;
use portcullis_store::MemoryStore;
use std::io::Write;
use std::sync::{Arc, Mutex, mpsc};

/// Collects what `tracing` writes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Events under a subscriber of the test's own.
struct Under {
    dispatch: tracing::Dispatch,
    _second: tracing::Dispatch,
}

impl DecisionSink for Under {
    fn record(&mut self, record: &Record) {
        tracing::dispatcher::with_default(&self.dispatch, || Events.record(record));
    }
}

/// Stands still until the sender goes.
struct Gate(mpsc::Receiver<()>);

impl DecisionSink for Gate {
    fn record(&mut self, _: &Record) {
        let _ = self.0.recv();
    }
}

/// The lines of these checks, as JSON.
async fn lines(fixture: &Fixture, sink: &Sink, asks: &[Ask]) -> Vec<serde_json::Value> {
    for ask in asks {
        fixture.check(ask).await;
    }
    fixture.server.audit().close();
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn logging() -> (Fixture, Sink) {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .finish();
    let dispatch = tracing::Dispatch::new(subscriber);
    // With one dispatcher alone `tracing` asks the thread that comes to a line
    // first, which may be another test's without any.
    let second = tracing::Dispatch::new(tracing_subscriber::registry());
    let metrics = Metrics::default();
    let under = Under {
        dispatch,
        _second: second,
    };
    let audit = Audit::with_room(&metrics, 64, Box::new(under));
    let fixture = Fixture::with(Arc::new(MemoryStore::new(1)), metrics, audit);
    fixture.publish(settings(), [route(&any_user())]);
    (fixture, sink)
}

#[tokio::test]
async fn a_line_says_how_the_route_was_found_and_what_hindered_that() {
    let (fixture, sink) = logging();
    let foreign = |context: &[(&str, &str)], path: &str| Ask::new().context(context).path(path);
    let asks = [
        Ask::new(),
        foreign(&[("route", "verify")], "/"),
        foreign(&[], "/"),
        foreign(&[], "/a//b"),
        foreign(&[], "/a;b"),
        foreign(&[], "/.pomerium/none"),
        foreign(&[("route", "nobody")], "/"),
        foreign(&[], "/").hiding(),
    ];
    let lines = lines(&fixture, &sink, &asks).await;
    let misnamed: Vec<_> = lines
        .iter()
        .map(|line| line["fields"]["misnamed"].as_bool())
        .collect();
    assert_eq!(misnamed, [None, None, None, None, None, None, Some(true), None]);
    let hidden: Vec<_> = lines
        .iter()
        .map(|line| line["fields"]["headers_hidden"].is_null())
        .collect();
    assert_eq!(hidden, [true, true, true, true, true, true, true, false]);
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            let field = |name: &str| line["fields"][name].as_str().unwrap_or_default().to_owned();
            let status = line["fields"]["status"].as_u64().unwrap();
            (field("route_by"), field("ambiguity"), field("outcome"), status)
        })
        .collect();
    let wanted = [
        ("id", "", "login_redirect", 302),
        ("name", "", "login_redirect", 302),
        ("match", "", "login_redirect", 302),
        ("match", "empty_segment", "ambiguous_request", 400),
        ("match", "path_parameters", "ambiguous_request", 400),
        ("match", "", "internal_page", 404),
        ("name", "", "route_unknown", 503),
        ("match", "", "login_redirect", 302),
    ];
    for (seen, (by, ambiguity, outcome, status)) in seen.iter().zip(wanted) {
        assert_eq!(
            *seen,
            (by.to_owned(), ambiguity.to_owned(), outcome.to_owned(), status)
        );
    }
    assert_eq!(seen.len(), wanted.len());
}

#[tokio::test]
async fn a_line_names_the_setting_without_which_a_policy_refuses() {
    let (fixture, sink) = logging();
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ask = |method: &str| Ask::new().method(method).session(&cookie);
    let foreign = |method: &str| ask(method).context(&[]);
    for (policy, asks) in [
        (
            "allow: {and: [client_certificate: {}]}",
            vec![ask("GET"), foreign("GET"), foreign("GET").certificate("none")],
        ),
        (
            "allow: {and: [mcp_tool: search]}",
            vec![
                ask("POST"),
                foreign("POST"),
                foreign("GET"),
                foreign("POST").body("{}"),
                foreign("POST")
                    .text("!")
                    .header("x-envoy-auth-partial-body", "false"),
            ],
        ),
        (
            "allow: {and: [accept: true]}",
            vec![foreign("GET"), foreign("GET").path("/a!").joined()],
        ),
    ] {
        let judging = portcullis_bundle::Settings {
            client_authorities: Some(certificates::authorities(1)),
            ..settings()
        };
        fixture.publish(judging, [crate::fixture::route_of(policy)]);
        for ask in asks {
            fixture.check(&ask).await;
        }
    }
    let lines = lines(&fixture, &sink, &[]).await;
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            line["fields"]["envoy_setting_missing"]
                .as_str()
                .unwrap_or_default()
        })
        .collect();
    let wanted = [
        "",
        "include_peer_certificate",
        "",
        "",
        "with_request_body",
        "",
        "with_request_body.max_request_bytes",
        "with_request_body.pack_as_bytes",
        "",
        "encode_raw_headers",
    ];
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_line_says_what_was_decided_and_holds_no_credential() {
    let (fixture, sink) = logging();
    let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
    let evil = "/a\u{1b}[31m\"},{\"x\":\"\n?code=the-code";
    let asks = [
        Ask::new().session(&cookie).path("/a?code=the-code"),
        Ask::new().path(evil).joined(),
    ];
    let lines = lines(&fixture, &sink, &asks).await;
    assert_eq!(lines.len(), 2, "a line each, whatever the path holds");
    let fields = &lines[0]["fields"];
    for (name, wanted) in [
        ("message", "authorize check"),
        ("outcome", "allowed"),
        ("method", "GET"),
        ("host", "verify.example.com:8443"),
        ("path", "/a"),
        ("ip", "192.0.2.7"),
        ("request_id", "req-1"),
        ("route_id", "1122334455667788"),
        ("route_name", "verify"),
        ("email", "user@example.com"),
        ("user", "id-of-user@example.com"),
        ("allow_reasons", "user-ok"),
    ] {
        assert_eq!(fields[name], wanted, "{name} in {fields}");
    }
    assert_eq!(
        (&fields["allow"], &fields["deny"], &fields["status"]),
        (&true.into(), &false.into(), &200.into())
    );
    assert_eq!(
        fields["bundle_version"],
        fixture.server.feed().current().unwrap().version.as_str()
    );
    let session = fields["session"].as_str().unwrap();
    assert!(session == stored.log_name && session.len() == 16 && !stored.id_text.contains(session));
    assert!(
        fields["rule"].is_string() && fields["duration_us"].is_u64() && fields["decision_id"].is_string()
    );
    assert_eq!(lines[1]["fields"]["outcome"], "bad_request");
    assert_eq!(lines[1]["fields"]["request_id"], "req-1");
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    for secret in [
        &cookie,
        &stored.id_text,
        "the-code",
        "the-id-token",
        "the-access-token",
    ] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_writer_that_stands_still_holds_nobody_up() {
    let (release, gate) = mpsc::channel::<()>();
    let metrics = Metrics::default();
    let audit = Audit::with_room(&metrics, 2, Box::new(Gate(gate)));
    let fixture = Fixture::with(Arc::new(MemoryStore::new(1)), metrics, audit);
    fixture.publish(settings(), [route(&any_user())]);
    for _ in 0..10 {
        assert_eq!(fixture.check(&Ask::new()).await.status(), 302);
    }
    let dropped = fixture.server.metrics().audit_drops();
    // Two wait, and one is with the writer if it was quick.
    assert!((7..=8).contains(&dropped), "{dropped}");
    drop(release);
    fixture.server.audit().close();
    fixture.check(&Ask::new()).await;
    assert_eq!(
        fixture.server.metrics().audit_drops(),
        dropped + 1,
        "closed: counted as dropped"
    );
}

#[test]
fn texts_are_bounded() {
    for (path, wanted) in [
        ("/a?b#c", "/a"),
        ("/a#c", "/a"),
        ("/a", "/a"),
        ("?x", ""),
        ("", ""),
    ] {
        assert_eq!(without_query(path), wanted);
    }
    let long = "ä".repeat(MAX_TEXT);
    let texts = Texts::new(["a", "", &long, "b", "ü"]);
    let [a, nothing, cut, b, last] = texts.all();
    assert_eq!([a, nothing, b, last], ["a", "", "b", "ü"]);
    assert!(cut.len() <= MAX_TEXT + 3 && cut.ends_with("ä…"), "{cut}");
}
