//! XA-01, XA-04, XA-13, XA-15: what the Envoys are told, as they say it themselves.

use std::path::{Path, PathBuf};

use portcullis_harness::repository;
use portcullis_harness::shapes::{Shape, World};
use serde_json::{Map, Value};

use super::super::support::each;

fn dump(world: &World) -> Value {
    serde_json::from_str(&world.envoy().admin("/config_dump")).unwrap()
}

/// Every object in `value`, outermost first.
fn objects<'a>(value: &'a Value, see: &mut impl FnMut(&'a Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            see(fields);
            fields.values().for_each(|value| objects(value, see));
        }
        Value::Array(values) => values.iter().for_each(|value| objects(value, see)),
        _ => {}
    }
}

#[test]
fn nothing_is_switched_off_and_no_error_allows() {
    each("XA-04", |world, seen| {
        let dump = dump(world);
        let (mut routes, mut filters) = (0, 0);
        objects(&dump, &mut |fields| {
            for key in [
                "failure_mode_allow",
                "failure_mode_allow_header_add",
                "filter_enabled",
                "shadow_mode",
            ] {
                assert_ne!(fields.get(key), Some(&Value::Bool(true)), "{key}: {fields:?}");
            }
            assert_ne!(fields.get("disabled"), Some(&Value::Bool(true)), "{fields:?}");
            let kind = fields.get("@type").and_then(Value::as_str).unwrap_or_default();
            if kind.ends_with("ext_authz.v3.ExtAuthz") {
                filters += 1;
                assert_eq!(
                    fields["status_on_error"]["code"], "ServiceUnavailable",
                    "{fields:?}"
                );
            }
            let acts = ["route", "redirect", "direct_response"]
                .iter()
                .any(|key| fields.contains_key(*key));
            if acts && fields.contains_key("match") {
                routes += 1;
                let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
                let per_route = &fields.get("typed_per_filter_config").unwrap_or(&Value::Null)["envoy.filters.http.ext_authz"];
                assert_eq!(per_route.get("disabled"), None, "{name}");
                // Of our own routes each says what it is.
                if world.shape == Shape::Ours {
                    let context = &per_route["check_settings"]["context_extensions"];
                    assert!(
                        context["internal"].is_string() && context["route_id"].is_string(),
                        "{fields:?}"
                    );
                }
            }
        });
        assert!(routes > 0 && filters > 0, "{routes} routes, {filters} filters");
        seen.note("the whole configuration", "every route is asked about");
    });
}

#[test]
fn our_routes_send_nothing_twice_and_the_check_changes_no_pseudo_header() {
    each("XA-13", |world, seen| {
        if world.shape != Shape::Ours {
            return;
        }
        let (mut rules, mut looked_at) = (0, 0);
        objects(&dump(world), &mut |fields| {
            // Of a route, of its action, of a host and of the whole table.
            let acts = fields.contains_key("match")
                || fields.contains_key("domains")
                || fields.contains_key("virtual_hosts");
            let action = fields.get("route").and_then(Value::as_object);
            for fields in action.into_iter().chain(acts.then_some(fields)) {
                for key in [
                    "internal_redirect_policy",
                    "retry_policy",
                    "retry_policy_typed_config",
                    "hedge_policy",
                    "request_mirror_policies",
                    "internal_redirect_action",
                    "max_internal_redirects",
                ] {
                    assert!(!fields.contains_key(key), "{key}: {fields:?}");
                }
                looked_at += 1;
            }
            assert!(!fields.contains_key("clear_route_cache"), "{fields:?}");
            if let Some(mutation) = fields.get("decoder_header_mutation_rules") {
                rules += 1;
                assert_eq!(mutation["disallow_system"], true, "{mutation}");
                assert_eq!(fields["validate_mutations"], true);
            }
        });
        assert!(looked_at > 20, "{looked_at} routes");
        assert!(rules > 0, "no rules for what a check may change");
        seen.note(
            "internal redirects, retries, hedging, mirrors",
            "configured nowhere",
        );
    });
}

#[test]
fn the_filters_stand_in_the_order_that_is_documented() {
    each("XA-15", |world, seen| {
        objects(&dump(world), &mut |fields| {
            let is_manager = fields.contains_key("stat_prefix");
            if let (true, Some(Value::Array(filters))) = (is_manager, fields.get("http_filters")) {
                let names = filters.iter().map(|filter| {
                    let name = filter["name"].as_str().unwrap();
                    name.strip_prefix("envoy.filters.http.").unwrap_or(name)
                });
                seen.note("the filters", &names.collect::<Vec<_>>().join(", "));
            }
        });
    });
}

/// Nor does anything that we hand out.
#[test]
fn no_example_and_no_page_says_that_errors_allow() {
    fn files(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                files(&path, found);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for directory in ["examples", "charts", "docs"] {
        files(&repository::root().join(directory), &mut found);
    }
    let mut looked_at = 0;
    for path in found {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        looked_at += 1;
        let flat: String = text.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
        for open in [
            "failure_mode_allow:true",
            "failOpen:true",
            "failureModeAllow:true",
            "fail_open:true",
        ] {
            assert!(!flat.contains(open), "{}: {open}", path.display());
        }
    }
    assert!(looked_at > 30, "{looked_at} files");
}
