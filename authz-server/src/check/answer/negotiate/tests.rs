use super::{Accept, Format, Grpc, format, grpc};
use crate::check::intake::{Request, read};
use crate::check::message::Message;
use crate::fixture::Ask;
use prost::Message as _;

/// What is made of a check.
fn look<T>(ask: &Ask, at: impl FnOnce(&Request<'_>) -> T) -> T {
    let bytes = ask.request().encode_to_vec();
    let message = Message::read(&bytes).unwrap();
    at(&read(&message).unwrap())
}

#[test]
fn the_body_is_in_the_form_that_is_asked_for() {
    for (headers, wanted) in [
        (&[][..], Format::Html),
        (&[("accept", "*/*")], Format::Html),
        (&[("accept", "text/html")], Format::Html),
        (&[("accept", "application/json")], Format::Json),
        (&[("accept", "application/*")], Format::Json),
        (&[("accept", "application/json, text/plain, */*")], Format::Json),
        (&[("accept", "text/html, application/json")], Format::Html),
        (&[("accept", "text/html;q=0.5, application/json")], Format::Json),
        (&[("accept", "application/json;q=0.5, */*")], Format::Html),
        (
            &[("accept", "text/html;q=bad, application/json;q=0.1")],
            Format::Json,
        ),
        (&[("accept", "*/*"), ("sec-fetch-mode", "cors")], Format::Json),
        (&[("accept", "*/*"), ("sec-fetch-mode", "navigate")], Format::Html),
        (
            &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
            Format::Html,
        ),
        (&[("x-requested-with", "XMLHttpRequest")], Format::Json),
        (
            &[("user-agent", "kubectl kubernetes/1"), ("accept", "text/html")],
            Format::Kubernetes,
        ),
        (
            &[("content-type", "application/grpc"), ("accept", "text/html")],
            Format::Grpc,
        ),
        (&[("content-type", "application/grpc-web-text")], Format::GrpcWeb),
    ] {
        let ask = headers
            .iter()
            .fold(Ask::new(), |ask, (name, value)| ask.header(name, value));
        assert_eq!(look(&ask, format), wanted, "{headers:?}");
    }
}

#[test]
fn grpc_is_known_by_its_content_type() {
    for (value, wanted) in [
        ("application/grpc", Some(Grpc::Plain)),
        ("application/grpc+json; x=y", Some(Grpc::Plain)),
        ("APPLICATION/GRPC ; x", Some(Grpc::Plain)),
        ("application/grpc-web", Some(Grpc::Web)),
        ("application/grpc-web+proto", Some(Grpc::Web)),
        ("application/grpc-webx", None),
        ("application/grpc-other", None),
        ("application/grp", None),
        ("application/json", None),
        ("", None),
    ] {
        let ask = Ask::new().header("content-type", value);
        assert_eq!(look(&ask, grpc), wanted, "{value}");
    }
}

#[test]
fn weights_are_read_and_never_trusted() {
    for (value, html) in [
        ("text/html", 1000),
        ("text/html;q=0.25", 250),
        ("text/html;level=1;q=0.5", 500),
        ("text/html;q=7", 1000),
        ("text/html;q=-1", 0),
        ("text/html;q=NaN", 0),
        ("text/html;q=", 0),
        ("text/*;q=0.3, */*;q=0.1", 300),
        ("text/html;q=0, */*", 0),
    ] {
        let ask = Ask::new().header("accept", value);
        assert_eq!(look(&ask, Accept::of).html, html, "{value}");
    }
    // Nobody's list is read to the end.
    let long = "a/b,".repeat(100_000) + "text/html";
    let ask = Ask::new().header("accept", long);
    assert_eq!(look(&ask, Accept::of).html, 0);
}
