//! Cookies of ours that an upstream sets.

use super::{manager, whole};
use serde_json::{Value, json};

const CODEC: &str = "envoy.filters.http.upstream_codec";

fn names(filters: &Value) -> Vec<&str> {
    let filters = filters.as_array().unwrap().iter();
    filters.map(|filter| filter["name"].as_str().unwrap()).collect()
}

#[test]
fn every_answer_of_an_upstream_that_names_a_cookie_of_ours_passes_the_script() {
    let whole = whole();
    let router = manager(&whole)["http_filters"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    let filters = &router["typed_config"]["upstream_http_filters"];
    assert_eq!(names(filters), ["portcullis.own_cookies", CODEC]);
    let guard = &filters[0]["typed_config"];
    let matchers = guard["xds_matcher"]["matcher_list"]["matchers"]
        .as_array()
        .unwrap();
    let [skip] = matchers.as_slice() else {
        panic!("{matchers:?}")
    };
    let only = &skip["predicate"]["not_matcher"]["single_predicate"];
    assert_eq!(only["input"]["typed_config"]["header_name"], "set-cookie");
    // Each name of ours has the configured one in it.
    assert_eq!(
        only["value_match"],
        json!({"contains": "_own", "ignore_case": true})
    );
    let source = &guard["extension_config"]["typed_config"]["default_source_code"]["inline_string"];
    let source = source.as_str().unwrap();
    assert!(source.starts_with("local ours = {[\"\\095\\111"), "{source}");
    assert!(source.contains("function envoy_on_response(handle)"));
}

#[test]
fn our_own_services_set_what_they_like_and_no_upstream_does() {
    let whole = whole();
    for cluster in whole["static_resources"]["clusters"].as_array().unwrap() {
        let options = &cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
        let name = cluster["name"].as_str().unwrap();
        match name {
            "portcullis-web" | "portcullis-authz" => assert_eq!(names(&options["http_filters"]), [CODEC]),
            // Filters of a cluster would stand in for the router's.
            _ => assert_eq!(options["http_filters"], Value::Null, "{name}"),
        }
    }
}
