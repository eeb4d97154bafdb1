//! What is to be known where an Envoy of others serves: options that its own
//! configuration takes the place of, and hosts whose routes it must name.

use super::report::Report;
use crate::codes;
use portcullis_config::codes::NO_EFFECT;
use portcullis_config::{Action, Config, Route};
use std::collections::HashMap;

/// Warns of both.
pub(super) fn advise(config: &Config, report: &mut Report) {
    for route in &config.routes {
        // What leads to no upstream the check answers, as our own Envoy would.
        if !matches!(route.action, Some(Action::Upstream(_))) {
            continue;
        }
        for option in &route.for_envoy {
            let message = format!(
                "`{}` has no effect beside an Envoy of others: its own configuration says that",
                option.value
            );
            report.route_warning(route.index, option.span, NO_EFFECT, message);
        }
    }
    ports(config, report);
}

/// A client writes what port it likes into its request, so that the check refuses what
/// would meet another route at another port, unless Envoy names the route.
fn ports(config: &Config, report: &mut Report) {
    let mut hosts: HashMap<&str, Vec<&Route>> = HashMap::new();
    for route in &config.routes {
        hosts.entry(route.from.host.as_str()).or_default().push(route);
    }
    for (host, routes) in hosts {
        let is_one = routes.windows(2).all(|two| match two {
            [one, other] => one.from.port == other.from.port,
            _ => true,
        });
        let Some(unnamed) = routes
            .iter()
            .find(|route| route.name.is_none())
            .filter(|_| !is_one)
        else {
            continue;
        };
        let message = format!(
            "routes of `{host}` are for different ports, and this one has no name: beside an Envoy of others requests that more than one is for are refused"
        );
        let help = "set `name` on each, and have Envoy name them (`context_extensions: {route: NAME}`)";
        report.route_advice(unnamed.index, unnamed.span, codes::TWO_PORTS, message, help);
    }
}
