use super::*;

/// Names every reference that is asked for.
struct Named;

impl Values for Named {
    fn value(&self, reference: &Reference) -> Cow<'_, str> {
        match reference {
            Reference::AccessToken => "<access>".into(),
            Reference::IdToken => "<id>".into(),
            Reference::Jwt => "<jwt>".into(),
            Reference::ClientCertFingerprint => "<print>".into(),
            Reference::ClientCertSanDns => "<dns>".into(),
            Reference::ClientCertSanEmail => "<email>".into(),
            Reference::RequestHeader(name) => format!("<{name}>").into(),
        }
    }
}

fn render(text: &str) -> String {
    let template = Template::parse(text);
    assert_eq!(template.source(), text);
    template.render(&Named)
}

#[test]
fn references_are_replaced() {
    for (text, wanted) in [
        ("$pomerium.access_token", "<access>"),
        ("${pomerium.access_token}", "<access>"),
        ("Bearer ${pomerium.id_token}!", "Bearer <id>!"),
        ("$pomerium.jwt$pomerium.id_token", "<jwt><id>"),
        ("${ \tpomerium\t. jwt }", "<jwt>"),
        ("${pomerium[\"jwt\"]}", "<jwt>"),
        ("${pomerium [\t\"j\\wt\" ] }", "<jwt>"),
        ("$pomerium.client_cert_fingerprint", "<print>"),
        ("$pomerium.client_cert_san_dns", "<dns>"),
        ("$pomerium.client_cert_san_email", "<email>"),
        ("${pomerium.request.headers[\"X-Real-IP\"]}", "<x-real-ip>"),
        ("$pomerium.request.headers.X-Real-IP", "<x-real-ip>"),
        ("${pomerium[\"request\"].headers[\"a\\\"\\\\b ]\"]}", "<a\"\\b ]>"),
        ("${pomerium.request.headers[\"ä\"]}", "<ä>"),
        ("a$$b", "a$b"),
        ("$$pomerium.jwt", "$pomerium.jwt"),
        ("$$$pomerium.jwt", "$<jwt>"),
        ("${pomerium.jwt}}", "<jwt>}"),
        ("$pomerium.jwt/x", "<jwt>/x"),
    ] {
        assert_eq!(render(text), wanted, "{text}");
    }
}

#[test]
fn what_nobody_knows_renders_as_nothing() {
    for text in [
        "$pomerium",
        "$pomerium.jwt.x",
        "$Pomerium.jwt",
        "$pomerium.JWT",
        "$pomerium.jwt-",
        "$PATH",
        "$5",
        "$-",
        "${pomerium.request.headers}",
        "${pomerium.request.headers[\"a\"].b}",
        "${pomerium[\"\"]}",
        "${other[\"x\"]}",
    ] {
        assert_eq!(render(text), "", "{text}");
        assert_eq!(Template::parse(text).references().count(), 0);
    }
    assert_eq!(render("a$HOME b"), "a b");
}

#[test]
fn what_is_no_reference_stands_for_itself() {
    for text in [
        "",
        "plain",
        "$",
        "a$ b",
        "100 $!",
        "${",
        "${}",
        "${ }",
        "${pomerium",
        "${pomerium.jwt",
        "${pomerium.jwt x}",
        "${.jwt}",
        "${pomerium.}",
        "${pomerium[}",
        "${pomerium[jwt]}",
        "${pomerium[\"jwt\"}",
        "${pomerium[\"jwt]}",
        "${pomerium[\"jwt\\",
        "${[\"pomerium\"].jwt}",
        "${\npomerium.jwt}",
        "$.jwt",
        "$pomerium.",
        "$pomerium.jwt.",
        "$pomerium..jwt",
        "$é",
        "{pomerium.jwt}",
    ] {
        assert_eq!(render(text), text, "{text}");
    }
    // What stands inside is read for itself.
    assert_eq!(render("${a.${pomerium.jwt}}"), "${a.<jwt>}");
    assert_eq!(render("${a[\"$pomerium.jwt\"}"), "${a[\"<jwt>\"}");
    assert_eq!(render("${a$$"), "${a$");
}

#[test]
fn a_text_of_openings_takes_linear_time_and_a_huge_result_is_cut() {
    let text = "${a[\"".repeat(100_000);
    assert_eq!(render(&text), text);
    struct Long;
    impl Values for Long {
        fn value(&self, _: &Reference) -> Cow<'_, str> {
            "x".repeat(60_000).into()
        }
    }
    let length = Template::parse(&"$pomerium.jwt".repeat(1_000))
        .render(&Long)
        .len();
    assert!((MAX_RENDERED..200_000).contains(&length), "{length}");
}

#[test]
fn debug_shows_no_value() {
    let text = format!("{:?}", Template::parse("Basic c2VjcmV0"));
    assert!(!text.contains("c2VjcmV0"), "{text}");
}
