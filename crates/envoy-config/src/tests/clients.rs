//! What the check is shown of clients where a policy asks for it, and only there.

use portcullis_snapshot::{Action, ClientCertificates, Context, Listener, Match, Route};
use serde_json::{Value, json};

use super::options::{with_listener, with_route};

fn asking(intermediates: bool) -> Value {
    listener(|listener| {
        listener.client_certificates = Some(ClientCertificates {
            authorities: "pem".to_owned(),
            intermediates,
        });
    })
}

fn listener(change: impl FnOnce(&mut Listener)) -> Value {
    with_listener(change)["static_resources"]["listeners"][0].clone()
}

fn common(listener: &Value) -> &Value {
    &listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
}

fn manager(listener: &Value) -> &Value {
    &listener["filter_chains"][0]["filters"][0]["typed_config"]
}

#[test]
fn clients_are_asked_for_a_certificate_and_taken_without() {
    let without = listener(|_| ());
    assert_eq!(common(&without).get("validation_context"), None);
    let asked = asking(false);
    assert_eq!(
        common(&asked)["validation_context"],
        json!({"trusted_ca": {"inline_string": "pem"}, "trust_chain_verification": "ACCEPT_UNTRUSTED"})
    );
    let tls = &asked["filter_chains"][0]["transport_socket"]["typed_config"];
    assert_eq!(tls.get("require_client_certificate"), None);
    let text = manager(&asked).to_string();
    assert!(
        !text.contains("SANITIZE") && !text.contains("x-forwarded-client-cert"),
        "{text}"
    );
}

#[test]
fn intermediates_are_shown_to_the_check_and_to_no_upstream() {
    let asked = asking(true);
    let manager = manager(&asked);
    assert_eq!(manager["forward_client_cert_details"], "SANITIZE_SET");
    assert_eq!(manager["set_current_client_cert_details"], json!({"chain": true}));
    let filters = manager["http_filters"].as_array().unwrap();
    let at = |name: &str| filters.iter().position(|filter| filter["name"] == name).unwrap();
    let (check, mutation) = (
        at("envoy.filters.http.ext_authz"),
        at("envoy.filters.http.header_mutation"),
    );
    assert!(check < mutation);
    assert_eq!(
        filters[mutation]["typed_config"]["mutations"]["request_mutations"],
        json!([{"remove": "x-forwarded-client-cert"}])
    );
}

#[test]
fn a_body_is_held_back_where_the_policy_reads_it() {
    let of = |reads_body| {
        let route = with_route(Route {
            reads_body,
            ..Route::plain(
                "r".to_owned(),
                Match::Prefix("/".to_owned()),
                Action::status(404),
                Context::NoRoute,
            )
        });
        let check = &route["typed_per_filter_config"]["envoy.filters.http.ext_authz"]["check_settings"];
        assert_eq!(check["context_extensions"]["terminal"], "no_route");
        check.get("with_request_body").cloned()
    };
    assert_eq!(of(false), None);
    assert_eq!(
        of(true),
        Some(json!({"max_request_bytes": 65536, "pack_as_bytes": true}))
    );
}
