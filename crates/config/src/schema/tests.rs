use std::collections::HashSet;

use super::{Kind, Scope, State, effective_state, find, keys};

#[test]
fn names_are_unique_lower_case_and_complete() {
    let mut seen = HashSet::new();
    for key in keys() {
        assert!(seen.insert((key.scope, key.name)), "{} stands twice", key.name);
        let plain = key.name.replace("<name>", "");
        assert_eq!(plain, plain.to_ascii_lowercase(), "{}", key.name);
    }
    assert!(keys().filter(|key| key.scope == Scope::Global).count() >= 240);
    assert!(keys().filter(|key| key.scope == Scope::Route).count() >= 200);
}

#[test]
fn every_part_has_its_whole() {
    for key in keys() {
        if let Some((parent, _)) = key
            .name
            .rsplit_once('.')
            .filter(|(parent, _)| !parent.ends_with('>'))
        {
            let parent = find(key.scope, parent).unwrap_or_else(|| panic!("{} has no parent", key.name));
            // What only the API has may stand beneath a value that is not looked into.
            let opaque = key.state == State::ApiOnly && parent.kind == Kind::Any;
            assert!(
                opaque || matches!(parent.kind, Kind::Object | Kind::Objects | Kind::StrictObjects),
                "{} is no map",
                parent.name
            );
        }
    }
}

#[test]
fn aliases_lead_to_options() {
    for key in keys() {
        assert!(
            !matches!(effective_state(key), State::Alias { .. }),
            "{}",
            key.name
        );
    }
}

#[test]
fn every_default_is_a_value_of_its_kind() {
    for key in keys() {
        if let Some(default) = key.default {
            let node = portcullis_document::Node {
                span: portcullis_document::Span::START,
                value: portcullis_document::Value::Scalar(portcullis_document::Scalar::plain(default)),
            };
            assert!(super::check::check(key, &node).is_empty(), "{}", key.name);
            assert!(super::judge::is_default(key, &node), "{}", key.name);
        }
    }
}
