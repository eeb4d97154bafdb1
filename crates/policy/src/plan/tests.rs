use portcullis_document::{Limits, parse_yaml};

use super::{Alternative, Leaf, Plan, Probe};
use crate::program::Tree;
use crate::{compile, parse};

fn shape(text: &str) -> Vec<String> {
    let program = compile(&parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap()).unwrap()).unwrap();
    let leaf = |leaf: &Leaf| {
        let probe = match &leaf.probe {
            Probe::One(_) => "one".to_owned(),
            Probe::Is(_, text) => format!("is {text}"),
            Probe::Has(path, text) => format!("claim {path} has {text}"),
            Probe::Texts(_, texts) => format!("{} texts", texts.len()),
            Probe::Claim(path, _) => format!("claim {path}"),
            Probe::Groups(_) => "groups".to_owned(),
            Probe::SourceIp(_) => "ranges".to_owned(),
        };
        format!("{} {}{probe}", leaf.at, if leaf.inverted { "not " } else { "" })
    };
    let plan = program.plan();
    plan.allow
        .iter()
        .chain(&plan.deny)
        .map(|alternative| match alternative {
            Alternative::One(one) => leaf(one),
            Alternative::All(all) => {
                let leaves: Vec<_> = all.leaves.iter().map(leaf).collect();
                format!("{}: {}", all.at, leaves.join(", "))
            }
        })
        .collect()
}

#[test]
fn alternatives_that_compare_one_thing_are_one_look_up() {
    let union = "\
- allow: {or: [{email: a}, {email: {in: [b, c]}}, {claim/x: a}, {source_ip: 10.0.0.0/8}, {groups: g}]}
- allow: {and: [{email: d}]}
- allow: {or: [{email: {is: e, not: f}}, {claim/x: b}, {source_ip: 192.0.2.1}, {groups: h}, {claim/y: a}]}
";
    assert_eq!(
        shape(union),
        [
            "allow[0].or[0] 4 texts",
            "allow[2].or[0] one",
            "allow[0].or[3] ranges",
            "allow[0].or[4] groups",
            "allow[0].or[2] claim x",
            "allow[2].or[4] claim y has a",
        ]
    );
}

#[test]
fn what_must_hold_together_stays_together() {
    assert_eq!(
        shape("allow: {and: [{email: a}, {email: b}, {accept: }]}"),
        ["allow[0].and: allow[0].and[2] one, allow[0].and[0] is a, allow[0].and[1] is b"]
    );
    // In `nor` each criterion may decide by failing.
    assert_eq!(
        shape("deny: {nor: [{email: a}, {email: b}]}"),
        ["deny[0].nor[0] not is a", "deny[0].nor[1] not is b"]
    );
}

#[test]
fn none_of_several_is_one_look_up() {
    assert_eq!(
        shape("deny: {not: [{email: a}, {email: b}]}"),
        ["deny[0].not not 2 texts"]
    );
    assert_eq!(
        shape("deny: {not: [{claim/x: a}, {http_path: /}, {claim/x: b}]}"),
        ["deny[0].not: deny[0].not[1] not is /, deny[0].not not claim x"]
    );
    assert_eq!(shape("deny: {not: [{email: a}]}"), ["deny[0].not[0] not is a"]);
}

#[test]
fn a_tree_from_elsewhere_has_a_plan() {
    let tree: Tree = serde_json::from_str(
        r#"{"allow":[{"rule":7,"operator":"and","criteria":[]},{"rule":7,"operator":"nor","criteria":[]}],
            "deny":[{"rule":0,"operator":"or","criteria":["accept"]}]}"#,
    )
    .unwrap();
    let plan = Plan::new(&tree);
    assert!(plan.allow.is_empty());
    assert_eq!(plan.deny.len(), 1);
}
