//! Policies, from their text to the program that decides.

use portcullis_document::{Limits, Node, parse_json, parse_yaml};
use portcullis_policy::{Policy, Program, compile, parse};

/// Reads `data` as a policy in YAML and, if it is one, compiles it. Nothing
/// panics; every problem stands at a place of the text; what is printed reads as
/// the same policy; a program survives being kept.
pub fn policy_text(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let Ok(Some(node)) = parse_yaml(text, &Limits::default()) else {
        return;
    };
    let Some(policy) = read(&node, text) else {
        return;
    };
    let Ok(program) = compile(&policy) else {
        return;
    };

    let printed = policy.to_json();
    let json = printed.to_string();
    let node = parse_json(&json, &Limits::default()).ok().flatten();
    let again = node.and_then(|node| read(&node, &json));
    let reprinted = again.as_ref().map(Policy::to_json);
    assert_eq!(reprinted.as_ref(), Some(&printed), "printed twice");
    let recompiled = again.and_then(|again| compile(&again).ok());
    let recompiled = recompiled.map(|program| program.digest());
    assert_eq!(recompiled, Some(program.digest()), "another program: {json}");

    let kept = serde_json::to_vec(&program).unwrap_or_default();
    let decoded = serde_json::from_slice::<Program>(&kept).map(|program| program.digest());
    assert_eq!(decoded.ok(), Some(program.digest()), "kept and decoded");
}

fn read(node: &Node, text: &str) -> Option<Policy> {
    // One more: the end of a text may stand on a line of its own.
    let lines = 2 + text
        .matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .count();
    match parse(node) {
        Ok(policy) => {
            for warning in policy.warnings() {
                let line = warning.span.line;
                assert!((1..=lines).contains(&(line as usize)), "{warning:?}");
            }
            Some(policy)
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused for no reason");
            for problem in problems {
                let (line, column) = (problem.span.line, problem.span.column);
                assert!(
                    (1..=lines).contains(&(line as usize)) && column >= 1,
                    "{problem:?}"
                );
                assert!(!problem.message.is_empty() && !problem.message.ends_with('.'));
            }
            None
        }
    }
}
