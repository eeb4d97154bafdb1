//! Many rules, and many routes.

use crate::emails::Random;
use crate::ours::{self, Ours};
use crate::{User, in_turn};
use core::fmt::Write as _;
use core::hint::black_box;
use portcullis_bench_instruments::{Run, repeat};
use portcullis_policy::Program;

/// A thousand rules, of which the last allows.
pub(crate) fn thousand_rules() -> Run {
    let mut text = String::new();
    for index in 0..1_000 {
        let group = if index == 999 {
            "admins".to_owned()
        } else {
            format!("group-{index}")
        };
        let rule = format!("allow: {{and: [claim/groups: {group}, domain: {{is: example.com}}]}}");
        writeln!(text, "- {rule}").expect("a string");
    }
    in_turn(Ours(ours::program(&text)), vec![User::alice()])
}

/// A policy like the small one. Every other one lets Alice in.
fn policy(index: usize) -> Program {
    let group = if index.is_multiple_of(2) {
        "admins".to_owned()
    } else {
        format!("group-{index}")
    };
    ours::program(&format!(
        "
- deny: {{or: [http_path: {{starts_with: /internal/{index}/}}]}}
- allow: {{and: [domain: {{is: example.com}}, claim/groups: {group}]}}
"
    ))
}

/// Every route with a policy of its own.
pub(crate) fn own(routes: usize) -> Run {
    random((0..routes).map(policy).collect())
}

/// Three policies for all routes.
pub(crate) fn shared(routes: usize) -> Run {
    let three = [policy(0), policy(1), policy(2)];
    random((0..routes).map(|route| three[route % 3].clone()).collect())
}

/// Another route each time.
fn random(programs: Vec<Program>) -> Run {
    let alice = User::alice();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    repeat(move || {
        let program = &programs[random.below(programs.len())];
        let request = alice.asks("/reports/2026");
        black_box(ours::decide(black_box(program), black_box(&request)));
    })
}
