use portcullis_document::{Limits, parse_yaml};

use super::criterion::{SUPPORTED, UNSUPPORTED};
use super::parse;
use crate::ast::{Action, Condition, ListClause, Operator, Policy, TextClause};
use crate::error::{POLICY_CODES, POLICY_WARNING_CODES, PolicyError, code};

fn read(text: &str) -> Result<Policy, Vec<PolicyError>> {
    parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap())
}

/// The problems of a policy as `line:column code`.
fn problems(text: &str) -> Vec<String> {
    read(text)
        .unwrap_err()
        .iter()
        .map(|error| format!("{} {}", error.span, error.code))
        .collect()
}

fn help(text: &str) -> Option<String> {
    read(text).unwrap_err().remove(0).help
}

/// The one condition of a policy with one criterion, given from its `- ` on.
fn condition(criterion: &str) -> Condition {
    let policy = read(&format!("allow:\n  or:\n    - {criterion}\n")).unwrap();
    policy.rules[0].blocks[0].criteria[0].condition.clone()
}

/// The problem of a criterion, whose key stands at 3:7.
fn problem(criterion: &str) -> String {
    let mut all = problems(&format!("allow:\n  or:\n    - {criterion}\n"));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn every_code_at_its_exact_place() {
    let mut seen = vec![code::TOO_LARGE]; // by `compile` alone, tested there
    for (text, expected) in [
        ("null", "1:1 policy_document_type"),
        ("  allow", "1:3 policy_document_type"),
        ("- allow: {}\n- 7\n", "2:3 policy_document_type"),
        ("- [allow]\n", "1:3 policy_document_type"),
        ("allow: {}\npermit: {}\n", "2:1 policy_action_unknown"),
        ("Allow: {}\n", "1:1 policy_action_unknown"),
        ("allow:\n  - accept: true\n", "2:3 policy_action_type"),
        ("deny:   ~\n", "1:9 policy_action_type"),
        ("allow:\n  any: []\n", "2:3 policy_operator_unknown"),
        ("allow:\n  and: {}\n", "2:8 policy_operator_type"),
        ("allow:\n  and:\n    - accept\n", "3:7 policy_criterion_type"),
        ("allow:\n  and:\n    - {}\n", "3:7 policy_criterion_keys"),
        (
            "allow:\n  and:\n    - accept: 1\n      reject: 1\n",
            "4:7 policy_criterion_keys",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
        seen.extend(expected.split(' ').nth(1));
    }
    for (criterion, expected) in [
        ("emial: x", "3:7 policy_criterion_unknown"),
        ("Accept: x", "3:7 policy_criterion_unknown"),
        ("'': x", "3:7 policy_criterion_unknown"),
        ("pomerium_routes: ", "3:7 policy_criterion_unsupported"),
        ("ssh_username_matches_claim: {has: x}", "3:35 policy_value_type"),
        ("mcp_tool: {has: x}", "3:18 policy_matcher_unknown"),
        ("groups: {in: [x]}", "3:16 policy_matcher_unknown"),
        ("day_of_week: someday", "3:20 policy_value_invalid"),
        ("user: {matches: x}", "3:14 policy_matcher_unknown"),
        ("claim/groups: {in: [x]}", "3:22 policy_matcher_unknown"),
        ("user: {is: a, in: b}", "3:25 policy_value_type"),
        ("email: {ends_with: [a]}", "3:26 policy_value_type"),
        ("domain: 5", "3:15 policy_value_type"),
        ("domain: [a.example, b.example]", "3:15 policy_value_type"),
        ("domain: {not: null}", "3:21 policy_value_type"),
        ("domain: {in: [5, 6]}", "3:20 policy_value_type"),
        ("source_ip: 5", "3:18 policy_value_type"),
        ("source_ip: {is: 10.0.0.0/8}", "3:18 policy_value_type"),
        ("source_ip: [10.0.0.0/8, 10.0.0.0/33]", "3:31 policy_ip_invalid"),
        ("source_ip: ' 203.0.113.10'", "3:18 policy_ip_invalid"),
    ] {
        assert_eq!(problem(criterion), expected, "{criterion}");
        seen.extend(expected.split(' ').nth(1));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, POLICY_CODES, "every code is tried, and sorted");
}

#[test]
fn numbers_without_a_json_form_are_refused() {
    let invalid = |places: &[&str]| -> Vec<String> {
        places
            .iter()
            .map(|at| format!("{at} policy_value_invalid"))
            .collect()
    };
    for number in [".nan", ".NaN", ".inf", "-.inf", "+.INF"] {
        for (before, after, at) in [
            ("user: ", "", "3:13"),
            ("accept: ", "", "3:15"),
            ("claim/level: {has: ", "}", "3:26"),
            ("claim/level: [1, {a: ", "}]", "3:28"),
            ("email: {in: [a@b.c, ", "]}", "3:27"),
            ("record: {type: x, field: y, is: ", "}", "3:39"),
            ("nobody_knows: ", "", "3:21"),
        ] {
            let criterion = format!("{before}{number}{after}");
            assert_eq!([problem(&criterion)].as_slice(), invalid(&[at]), "{criterion}");
            // In quotes it is a text.
            let text = format!("allow:\n  or:\n    - {before}'{number}'{after}\n");
            let refused = read(&text).err().unwrap_or_default();
            assert!(
                refused.iter().all(|error| error.code != code::VALUE_INVALID),
                "{text}"
            );
        }
    }
    let all = problems("allow:\n  action: .nan\n  or:\n    - claim/a: [.inf, 1e300, {b: .nan}]\n");
    assert_eq!(all, invalid(&["2:11", "4:17", "4:34"]));
    let toml = "[[allow.or]]\n\"claim/a\" = [1.5, nan, -inf]\n";
    let node = portcullis_document::parse_toml(toml, &Limits::default())
        .unwrap()
        .unwrap();
    let errors = parse(&node).unwrap_err();
    let found: Vec<_> = errors
        .iter()
        .map(|error| format!("{} {}", error.span, error.code))
        .collect();
    assert_eq!(found, invalid(&["2:19", "2:24"]));
}

#[test]
fn all_problems_at_once_in_the_order_of_the_text() {
    let text = "- allow:\n    or:\n      - emial: x\n      - user: {in: a, matches: b}\n    all: []\n- permit: {}\n- 1\n";
    assert_eq!(
        problems(text),
        [
            "3:9 policy_criterion_unknown",
            "4:20 policy_value_type",
            "4:23 policy_matcher_unknown",
            "5:5 policy_operator_unknown",
            "6:3 policy_action_unknown",
            "7:3 policy_document_type",
        ]
    );
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        problem("user: {is: 'äöü', matches: x}"),
        "3:25 policy_matcher_unknown"
    );
}

#[test]
fn help_names_what_was_probably_meant() {
    assert_eq!(help("alow: {}").unwrap(), "did you mean `allow`?");
    assert_eq!(help("allow: {orr: []}").unwrap(), "did you mean `or`?");
    assert_eq!(
        help("allow: {or: [{emial: x}]}").unwrap(),
        "did you mean `email`?"
    );
    assert_eq!(
        help("allow: {or: [{http-method: x}]}").unwrap(),
        "did you mean `http_method`?"
    );
    assert_eq!(help("allow: {or: [{favourite_colour: x}]}"), None);
    assert_eq!(
        help("allow: {or: [{user: {start_with: x}}]}").unwrap(),
        "did you mean `starts_with`?"
    );
    assert_eq!(
        help("allow: {or: [{user: {in: x}}]}").unwrap(),
        "write the value in brackets: `in: [value]`"
    );
    assert!(
        help("allow: {or: [{pomerium_routes: }]}")
            .unwrap()
            .contains("internal paths")
    );
}

#[test]
fn messages_stay_short_whatever_the_name() {
    let error = read(&format!("{}: {{}}", "x".repeat(900))).unwrap_err().remove(0);
    assert!(error.message.chars().count() < 200, "{}", error.message);
    assert_eq!(error.to_string(), error.message);
}

#[test]
fn a_name_is_supported_or_unsupported_and_sorted() {
    assert!(SUPPORTED.is_sorted() && UNSUPPORTED.is_sorted());
    for name in UNSUPPORTED {
        assert_eq!(
            problem(&format!("{name}: x")),
            format!("3:7 {}", code::CRITERION_UNSUPPORTED)
        );
        assert_eq!(
            problem(&format!("{name}/sub: x")),
            format!("3:7 {}", code::CRITERION_UNSUPPORTED)
        );
    }
    for name in SUPPORTED {
        let value = match name {
            "source_ip" => "10.0.0.0/8",
            "ssh_publickey" | "ssh_ca" => "[]",
            "client_certificate" | "device" => "{}",
            "date" => "{after: 2026-01-01}",
            "day_of_week" => "mon",
            "time_of_day" => "{timezone: UTC, after: '9:00'}",
            "record" => "{type: x, exists: true}",
            _ => "x",
        };
        let text = format!("allow: {{or: [{{{name}: {value}}}, {{{name}/sub/path: {value}}}]}}");
        let policy = read(&text).unwrap();
        let names: Vec<_> = policy.criteria().map(|(name, _)| name).collect();
        assert_eq!(names, [name, name]);
        assert_eq!(policy.criteria().next().unwrap().1.unwrap().to_string(), "1:15");
    }
}

/// The warnings of a criterion whose key stands at 3:7, as `line:column code`.
fn warnings(action: &str, operator: &str, criterion: &str) -> Vec<String> {
    let policy = read(&format!("{action}:\n  {operator}:\n    - {criterion}\n")).unwrap();
    policy
        .warnings()
        .iter()
        .map(|warning| format!("{} {}", warning.span, warning.code))
        .collect()
}

#[test]
fn what_is_probably_not_meant_is_warned_about() {
    let mut seen = Vec::new();
    for (criterion, expected) in [
        ("accept: false", "3:15 policy_value_ignored"),
        ("reject: false", "3:15 policy_value_ignored"),
        ("authenticated_user: false", "3:27 policy_value_ignored"),
        ("ssh_username_matches_email: false", "3:35 policy_value_ignored"),
        ("email: [a@b, c@d]", "3:14 policy_never_holds"),
        ("user: {is: 5}", "3:18 policy_never_holds"),
        ("http_path: {in: []}", "3:23 policy_never_holds"),
        ("claim/groups: [a, b]", "3:21 policy_never_holds"),
        ("groups: {exclude: [a]}", "3:25 policy_never_holds"),
        ("source_ip: []", "3:18 policy_never_holds"),
        (
            "date: {after: 2026-01-02, before: 2026-01-01}",
            "3:13 policy_never_holds",
        ),
        (
            "invalid_client_certificate: true",
            "3:7 policy_invalid_certificate_allowed",
        ),
    ] {
        assert_eq!(warnings("allow", "or", criterion), [expected], "{criterion}");
        seen.extend(expected.split(' ').nth(1));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, POLICY_WARNING_CODES, "every code is tried, and sorted");
    for criterion in [
        "accept: ",
        "accept: true",
        "accept: 'no'",
        "user: a",
        "email: {in: [a, 5]}",
        "claim/a: 5",
    ] {
        assert!(warnings("allow", "or", criterion).is_empty(), "{criterion}");
    }
    for (action, operator) in [("deny", "or"), ("allow", "not")] {
        assert!(warnings(action, operator, "invalid_client_certificate: true").is_empty());
    }
    let policy = read("allow: {or: [{accept: false}]}").unwrap();
    let merged = Policy::from_route(&crate::Legacy::default(), Some(&policy));
    assert_eq!(merged.warnings(), policy.warnings());
    let warning = &policy.warnings()[0];
    assert!(warning.message.contains("`accept`") && warning.help.is_some());
}

#[test]
fn rules_keep_their_order_and_criteria_their_place() {
    let policy =
        read("- deny:\n    nor:\n      - reject:\n  allow: {}\n- allow:\n    action: deny\n    and: []\n")
            .unwrap();
    let actions: Vec<_> = policy.rules.iter().map(|rule| rule.action).collect();
    assert_eq!(actions, [Action::Deny, Action::Allow, Action::Allow]);
    let block = &policy.rules[0].blocks[0];
    assert_eq!(block.operator, Operator::Nor);
    assert_eq!(block.criteria[0].span.unwrap().to_string(), "3:9");
    assert!(policy.rules[1].blocks.is_empty(), "an empty action has no blocks");
    assert_eq!(policy.rules[2].blocks.len(), 1, "`action` is no operator");
    assert!(!policy.is_empty() && read("[]").unwrap().is_empty());
    assert!(read("allow: {and: []}").unwrap().is_empty());
}

#[test]
fn claim_names_keep_their_case_and_their_slashes() {
    let has = |path: &str, value: serde_json::Value| Condition::Claim {
        path: path.into(),
        clauses: vec![ListClause::Has(value)],
    };
    assert_eq!(
        condition("claim/Department: Eng"),
        has("Department", "Eng".into())
    );
    assert_eq!(
        condition("claim/https://x.example/Roles: [a]"),
        has("https://x.example/Roles", vec!["a"].into())
    );
    assert_eq!(condition("claim: 5"), has("", 5.into()));
}

#[test]
fn unquoted_dates_are_texts_in_rfc_3339_form() {
    let Condition::Text { clauses, .. } =
        condition("user: {is: 2024-01-01, starts_with: 2024-01-01, in: [2024-01-01]}")
    else {
        panic!("a text criterion");
    };
    let date = "2024-01-01T00:00:00Z";
    assert_eq!(
        clauses,
        [
            TextClause::Is(date.into()),
            TextClause::StartsWith(date.into()),
            TextClause::In(vec![date.into()])
        ]
    );
}

#[test]
fn addresses_in_every_accepted_form() {
    let Condition::SourceIp(ranges) = condition("source_ip: [10.1.2.3/8, 10.0.0.1, '::1', 2001:db8::/32]")
    else {
        panic!("an address criterion");
    };
    let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
    assert_eq!(ranges, ["10.1.2.3/8", "10.0.0.1/32", "::1/128", "2001:db8::/32"]);
    assert_eq!(condition("source_ip: []"), Condition::SourceIp(vec![]));
}
