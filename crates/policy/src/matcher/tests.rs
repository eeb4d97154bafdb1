use serde_json::json;

use super::{ListTest, Lookup, TextSet, TextTest, ValueChoice, canonical, equal};
use crate::ast::{Action, Operator};
use crate::program::NodePath;

fn set(texts: &[&str]) -> TextSet {
    TextSet::new(texts.iter().map(|text| Box::from(*text)))
}

#[test]
fn numbers_are_equal_by_value_and_never_by_text() {
    assert!(equal(&json!(5), &json!(5.0)));
    assert!(equal(&json!([{"a": 1, "b": 2}]), &json!([{"b": 2.0, "a": 1}])));
    assert!(!equal(&json!(5), &json!("5")));
    assert!(!equal(&json!(true), &json!("true")));
    assert!(!equal(&json!({"a": 1}), &json!({"a": 1, "b": null})));
    // One more than a float can tell apart from its neighbour.
    assert!(!equal(
        &json!(9_007_199_254_740_993_u64),
        &json!(9_007_199_254_740_992.0)
    ));
    assert!(equal(&json!(u64::MAX), &json!(u64::MAX)));
    assert!(!equal(&json!(-1), &json!(u64::MAX)));
    assert!(!equal(&json!(1e300), &json!(1e301)));
    assert!(equal(&json!(1.5), &json!(1.5)));
    assert!(!equal(&json!(1.5), &json!(2.5)));
    assert!(!equal(&json!([1, 2]), &json!([1])));
    assert!(!equal(&json!([1, 2]), &json!([1, 3])));
}

#[test]
fn canonical_values_spell_equal_things_alike() {
    let one = canonical(&json!({"b": [5.0], "a": {"z": 1, "y": 1.5}}));
    let other = canonical(&json!({"a": {"y": 1.5, "z": 1.0}, "b": [5]}));
    assert_eq!(one.to_string(), other.to_string());
    assert_eq!(one.to_string(), r#"{"a":{"y":1.5,"z":1},"b":[5]}"#);
}

#[test]
fn text_operators() {
    assert!(TextTest::In(set(&["a", "b"])).holds("b"));
    assert!(!TextTest::In(set(&[])).holds(""));
    assert!(TextTest::NotIn(set(&["a"])).holds("A"));
    assert!(TextTest::Contains("".into()).holds(""));
    assert!(!TextTest::StartsWith("/admin".into()).holds("/Admin"));
    assert!(TextTest::EndsWith("x".into()).holds("ax"));
}

#[test]
fn list_operators() {
    let values = [json!("a"), json!("b")];
    assert!(ListTest::Has(json!("b")).holds(&values));
    assert!(!ListTest::Has(json!(["a", "b"])).holds(&values));
    assert!(!ListTest::Is(json!("a")).holds(&values));
    assert!(ListTest::Is(json!("a")).holds(&values[..1]));
    assert!(!ListTest::Exclude(json!("a")).holds(&values));
    assert!(ListTest::Exclude(json!("a")).holds(&[]));
}

#[test]
fn groups_are_texts() {
    let groups = ["a".to_owned(), "5".to_owned()];
    assert!(ListTest::Has(json!("a")).holds_texts(&groups));
    assert!(!ListTest::Has(json!(5)).holds_texts(&groups));
    assert!(!ListTest::Is(json!("a")).holds_texts(&groups));
    assert!(ListTest::Is(json!("a")).holds_texts(&groups[..1]));
    assert!(!ListTest::Exclude(json!("a")).holds_texts(&groups));
    assert!(ListTest::Exclude(json!(5)).holds_texts(&groups));
}

#[test]
fn large_sets_answer_and_serialise_as_small_ones() {
    for size in [1_u32, 6, 7, 500, 20_000] {
        let texts: Vec<Box<str>> = (0..size).rev().map(|i| format!("v{i}").into()).collect();
        let keyed = Lookup::new(texts.iter().cloned().zip((0..size).rev()).collect());
        assert_eq!(keyed.len(), size as usize);
        assert!((0..size).all(|i| keyed.get(&format!("v{i}")) == Some(&i)));
        assert!((0..size).all(|i| keyed.get(&format!("w{i}")).is_none()));
        assert_eq!(keyed.get(""), None);
        let set = TextSet::new(texts);
        let text = serde_json::to_string(&set).unwrap();
        let back: TextSet = serde_json::from_str(&text).unwrap();
        assert_eq!(back, set);
        assert!(back.texts().is_sorted() && back.len() == size as usize);
    }
}

#[test]
fn texts_that_differ_by_padding_alone_are_different() {
    let texts = [
        "",
        "\0",
        "\0\0",
        "a",
        "a\0",
        "aaaaaaaa",
        "aaaaaaaa\0",
        "aaaaaaaaa",
    ];
    let lookup = Lookup::new(texts.iter().map(|text| Box::from(*text)).zip(0_u32..).collect());
    for (text, at) in texts.iter().zip(0_u32..) {
        assert_eq!(lookup.get(text), Some(&at));
    }
    assert_eq!(lookup.get("aaaaaaaa\0\0"), None);
}

#[test]
fn of_equal_texts_the_first_criterion_counts_in_sets_of_any_size() {
    for size in [1_u32, 20] {
        let twice = (0..size).chain(0..size).zip(0_u32..);
        let keyed = Lookup::new(twice.map(|(text, at)| (text.to_string().into(), at)).collect());
        assert_eq!(keyed.len(), size as usize);
        assert!((0..size).all(|at| keyed.get(&at.to_string()) == Some(&at)));
    }
}

#[test]
fn a_choice_names_the_first_criterion_that_is_met() {
    let at = |criterion| NodePath {
        action: Action::Allow,
        rule: 0,
        operator: Operator::Or,
        criterion: Some(criterion),
    };
    let choice = ValueChoice::new([
        (json!("a"), at(4)),
        (json!("a"), at(2)),
        (json!(7), at(1)),
        (json!(7), at(0)),
        (json!("b"), at(3)),
    ]);
    assert_eq!(choice.find(&[json!("a")]), Some(&at(2)));
    assert_eq!(choice.find(&[json!("b"), json!("a")]), Some(&at(2)));
    assert_eq!(choice.find(&[json!(7.0)]), Some(&at(0)));
    assert_eq!(choice.find(&[json!("7"), json!(null)]), None);
    assert_eq!(choice.find(&[]), None);
    assert_eq!(choice.find_text(&["c".into(), "b".into()]), Some(&at(3)));
    assert_eq!(choice.find_text(&["7".into()]), None);
}
