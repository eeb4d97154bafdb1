//! The operator's page names every code that a refusal can carry.

use portcullis_authz_server::check::answer::Verdict;

const PAGE: &str = include_str!("../../../docs/operations.md");

#[test]
fn every_refusal_is_documented_with_its_status() {
    // Those are no refusals, and no user sees them.
    let silent = [
        Verdict::Allowed,
        Verdict::InternalRoute,
        Verdict::InternalPage,
        Verdict::Answered,
        Verdict::LoginRedirect,
    ];
    for verdict in Verdict::ALL {
        if silent.contains(&verdict) {
            continue;
        }
        let row = format!("| `{}` | {}", verdict.name(), verdict.status());
        assert!(PAGE.contains(&row), "docs/operations.md has no row `{row}`");
    }
}
