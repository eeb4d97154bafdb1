//! One test for each option that works, named after it: `key_NAME` and `route_key_NAME`.

#[cfg(test)]
#[path = "keys/actions.rs"]
mod actions;
#[cfg(test)]
#[path = "keys/client_certificates.rs"]
mod client_certificates;
#[cfg(test)]
#[path = "keys/global.rs"]
mod global;
#[cfg(test)]
#[path = "keys/headers.rs"]
mod headers;
#[cfg(test)]
#[path = "keys/listener.rs"]
mod listener;
#[cfg(test)]
#[path = "keys/pages.rs"]
mod pages;
#[cfg(test)]
#[path = "keys/route.rs"]
mod route;
#[cfg(test)]
#[path = "keys/sub_policies.rs"]
mod sub_policies;
#[cfg(test)]
#[path = "support/fixtures.rs"]
mod support;

use portcullis_config::schema::{Scope, State, effective_state, keys};

#[test]
fn every_option_that_works_has_a_test_named_after_it() {
    let sources = [
        include_str!("keys/actions.rs"),
        include_str!("keys/client_certificates.rs"),
        include_str!("keys/global.rs"),
        include_str!("keys/headers.rs"),
        include_str!("keys/listener.rs"),
        include_str!("keys/pages.rs"),
        include_str!("keys/route.rs"),
        include_str!("keys/sub_policies.rs"),
    ];
    for key in keys().filter(|key| *effective_state(key) == State::Working) {
        let prefix = match key.scope {
            Scope::Global => "key",
            Scope::Route => "route_key",
        };
        let test = format!("#[test]\nfn {prefix}_{}() {{", key.name.replace('.', "_"));
        let found = sources.iter().any(|source| source.contains(&test));
        assert!(found, "`{}` has no test", key.name);
    }
}
