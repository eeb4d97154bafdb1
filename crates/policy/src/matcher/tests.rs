use serde_json::{Value, json};

use super::{Keyed, ListTest, TextSet, TextTest, ValueChoice, canonical, equal};

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
fn large_sets_answer_and_serialise_as_small_ones() {
    for size in [1_u32, 8, 9, 500] {
        let entries: Vec<_> = (0..size)
            .rev()
            .map(|i| (format!("v{i}").into_boxed_str(), i))
            .collect();
        let keyed = Keyed::new(entries.clone());
        assert_eq!(keyed.len(), size as usize);
        assert!((0..size).all(|i| keyed.get(&format!("v{i}")) == Some(i)));
        assert_eq!(keyed.get("w"), None);
        let text = serde_json::to_string(&keyed).unwrap();
        let back: Keyed = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        let texts: Vec<Value> = serde_json::from_str(
            &serde_json::to_string(&TextSet::new(entries.into_iter().map(|(text, _)| text))).unwrap(),
        )
        .unwrap();
        assert!(texts.is_sorted_by(|a, b| a.as_str() < b.as_str()));
    }
}

#[test]
fn of_equal_texts_the_first_criterion_counts_in_sets_of_any_size() {
    for size in [1_u32, 20] {
        let twice = (0..size).chain(0..size).zip(0_u32..);
        let keyed = Keyed::new(twice.map(|(text, at)| (text.to_string().into(), at)).collect());
        assert_eq!(keyed.len(), size as usize);
        assert!((0..size).all(|at| keyed.get(&at.to_string()) == Some(at)));
    }
}

#[test]
fn a_choice_names_the_first_criterion_that_is_met() {
    let choice = ValueChoice::new([
        (json!("a"), 4),
        (json!("a"), 2),
        (json!(7.0), 1),
        (json!(7), 0),
        (json!("b"), 3),
    ]);
    assert_eq!(choice.find(&[json!("a")]), Some(2));
    assert_eq!(choice.find(&[json!("b"), json!("a")]), Some(2));
    assert_eq!(
        choice.find(&[json!(7)]),
        Some(1),
        "others are in the order of the policy"
    );
    assert_eq!(choice.find(&[json!("7"), json!(null)]), None);
    assert_eq!(choice.find(&[]), None);
}
