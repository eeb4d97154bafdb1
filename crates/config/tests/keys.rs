//! One test for each option that works, named after it: `key_NAME` and `route_key_NAME`.

#[cfg(test)]
#[path = "keys/global.rs"]
mod global;
#[cfg(test)]
#[path = "keys/route.rs"]
mod route;
#[cfg(test)]
#[path = "support/fixtures.rs"]
mod support;

use portcullis_config::schema::{Scope, State, effective_state, keys};

#[test]
fn every_option_that_works_has_a_test_named_after_it() {
    let sources = [
        (Scope::Global, include_str!("keys/global.rs")),
        (Scope::Route, include_str!("keys/route.rs")),
    ];
    for key in keys().filter(|key| *effective_state(key) == State::Working) {
        let prefix = match key.scope {
            Scope::Global => "key",
            Scope::Route => "route_key",
        };
        let test = format!("#[test]\nfn {prefix}_{}() {{", key.name.replace('.', "_"));
        let (_, source) = sources.iter().find(|(scope, _)| *scope == key.scope).unwrap();
        assert!(source.contains(&test), "`{}` has no test", key.name);
    }
}
