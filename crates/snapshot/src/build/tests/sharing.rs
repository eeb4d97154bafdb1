//! Equal policies are compiled into one program in memory.

use super::fixture::materials;
use super::*;
use portcullis_config::{Source, parse};

/// 10,000 routes, of which every third has the same policy, each time written a
/// little differently.
fn text() -> String {
    let mut text = String::from("routes:\n");
    for number in 0..10_000 {
        let policy = match number % 6 {
            0 => "    allow_any_authenticated_user: true\n",
            3 => "    policy: {allow: {or: [{authenticated_user: 1}]}}\n",
            1 => "    policy: {allow: {and: [{domain: a.test}, {http_method: GET}]}}\n",
            4 => {
                "    policy:\n    - allow:\n        and:\n        - domain: {is: a.test}\n        - http_method: GET\n"
            }
            2 => "    allowed_users: [u@a.test]\n",
            _ => "    sub_policies: [{allowed_users: u@a.test}]\n",
        };
        text.push_str(&format!(
            "  - from: https://h{number}.test\n    to: http://u.test\n    name: route {number}\n{policy}"
        ));
    }
    text
}

fn built(text: String) -> Arc<Bundle> {
    let parsed = parse(&[Source {
        name: "config.yaml".into(),
        text,
    }]);
    build(&parsed.config.unwrap(), &materials()).bundle.unwrap()
}

#[test]
fn ten_thousand_routes_with_three_policies_hold_three_programs() {
    let bundle = built(text());
    assert_eq!(bundle.routes.len(), 10_000);
    assert_eq!(bundle.programs(), 3);
    // While Envoy goes over to a next state, which shares the policies, too.
    let next = built(text().replace("https://h7.test", "https://i7.test"));
    assert_ne!(next.version, bundle.version);
    let union = next.union(&bundle);
    assert_eq!((union.routes.len(), union.programs()), (10_001, 3));
}

#[test]
fn different_policies_stay_apart() {
    let bundle = built(text().replacen("domain: a.test", "domain: b.test", 1));
    assert_eq!(bundle.programs(), 4);
}
