//! Whether three who wrote down the same request agree.

use crate::records::{Access, Case, Decision, as_logged};
use crate::reference::{Met, Reference};
use crate::routes::{Rewrite, Route};
use crate::wire::Answer;
use crate::world::Kind;

/// What became of a request.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) hostile: bool,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It reached an upstream, and everybody says the same.
    Agreed,
    /// Nothing of it reached an upstream: by whom and why.
    Refused(String),
    /// Somebody is wrong.
    Disagreed(String),
}

impl Judged {
    /// Something that belongs to no request.
    pub(crate) fn stray(what: &str) -> Self {
        Self {
            hostile: true,
            verdict: Verdict::Disagreed(what.to_owned()),
        }
    }
}

pub(crate) fn judge(reference: &Reference<'_>, kind: Kind, case: Case) -> Judged {
    let judged = if case.seen.is_empty() {
        refused(reference, kind, &case)
    } else {
        served(reference, kind, &case).map(|()| Verdict::Agreed)
    };
    let verdict = judged.unwrap_or_else(|why| {
        let Case {
            answer,
            seen,
            access,
            decisions,
            ..
        } = &case;
        let words = case.asked.words();
        Verdict::Disagreed(format!(
            "{why}\n  {words}\n  {answer:?}\n  {seen:?}\n  {access:?}\n  {decisions:?}"
        ))
    });
    Judged {
        hostile: case.asked.hostile,
        verdict,
    }
}

/// The only one of a list.
fn one<'t, T>(list: &'t [T], what: &str) -> Result<&'t T, String> {
    match list {
        [one] => Ok(one),
        [] => Err(format!("it arrived without {what}")),
        _ => Err(format!("it has more than one {what}")),
    }
}

fn served(reference: &Reference<'_>, kind: Kind, case: &Case) -> Result<(), String> {
    let seen = one(&case.seen, "arrival")?;
    let access = one(&case.access, "line of Envoy's")?;
    let decision = one(&case.decisions, "decision")?;
    if seen.request_id != access.request_id {
        return Err("its request id changed on the way".to_owned());
    }
    if decision.outcome != "allowed" {
        return Err(format!("the decision was {}", decision.outcome));
    }
    same_route(kind, access, decision)?;
    let route = &reference.routes[seen.route];
    if decision.route_name != route.name {
        return Err(format!(
            "decided as {}, served as {}",
            decision.route_name, route.name
        ));
    }
    if !route.open {
        return Err("the route is closed to everybody".to_owned());
    }
    let target = before_rewrite(route, access);
    let path = without_query(target);
    if !decision.is_of(path) {
        return Err(format!("decided on another path than Envoy's `{path}`"));
    }
    let line = format!("{} {} HTTP/1.1", decision.method, route.sent(target));
    if line != as_logged(&seen.line) || decision.method != access.method {
        return Err(format!("`{line}` should have arrived"));
    }
    let met = reference.find(&decision.host, path);
    if met != Met::Route(seen.route) {
        return Err(format!("by the reference it meets {met:?}"));
    }
    if !case.asked.hostile {
        as_asked(reference, kind, case, decision)?;
    }
    Ok(())
}

/// What is well-formed arrives as it was asked for.
fn as_asked(reference: &Reference<'_>, kind: Kind, case: &Case, decision: &Decision) -> Result<(), String> {
    if decision.method.as_bytes() != case.asked.method {
        return Err("decided on another method".to_owned());
    }
    let authority = String::from_utf8_lossy(&case.asked.authority);
    if !decision.host.eq_ignore_ascii_case(&authority) {
        return Err("decided on another host".to_owned());
    }
    let target = String::from_utf8_lossy(&case.asked.target);
    let path = without_query(&target);
    let normalises = !matches!(kind, Kind::Bare | Kind::BareByName);
    if !normalises || path.bytes().all(is_unchanged) {
        if !decision.is_of(path) {
            return Err("decided on another path".to_owned());
        }
        let met = reference.find(&authority, path);
        if met != Met::Route(case.seen[0].route) {
            return Err(format!("as it was asked for it meets {met:?}"));
        }
    }
    Ok(())
}

/// Whether an Envoy that normalises leaves such a byte as it is: it writes escapes of
/// ordinary characters as these, and odd characters as escapes.
fn is_unchanged(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~+,=:@".contains(&byte)
}

fn refused(reference: &Reference<'_>, kind: Kind, case: &Case) -> Result<Verdict, String> {
    if case.answer == Answer::TimedOut {
        return Err("there was no answer in time".to_owned());
    }
    if let Some(access) = case.access.iter().find(|access| access.status >= 500) {
        return Err(format!("answered with {}", access.status));
    }
    if let Some(decision) = case.decisions.first() {
        one(&case.decisions, "decision")?;
        let access = one(&case.access, "line of Envoy's")?;
        if decision.outcome == "allowed" {
            return Err("it was let in and did not arrive".to_owned());
        }
        if !decision.route_name.is_empty() && !decision.misnamed {
            same_route(kind, access, decision)?;
            let path = without_query(&access.path);
            let met = reference.find(&decision.host, path);
            let name = match met {
                Met::Route(place) => reference.routes[place].name.as_str(),
                Met::Own | Met::Nothing => "",
            };
            if name != decision.route_name || !decision.is_of(path) {
                return Err(format!("refused as another: by the reference it meets {met:?}"));
            }
        }
        let why = if decision.ambiguity.is_empty() { "" } else { " " };
        return Ok(Verdict::Refused(format!(
            "Portcullis: {}{why}{}",
            decision.outcome, decision.ambiguity
        )));
    }
    Ok(Verdict::Refused(match (case.access.first(), &case.answer) {
        (Some(access), _) => format!("Envoy: {} {}", access.status, kind_of(&access.details)),
        (None, Answer::Status(Some(status))) if *status < 400 => {
            return Err(format!("answered with {status}, and nobody knows of it"));
        }
        (None, Answer::Status(Some(status))) => format!("Envoy: {status} before it was read"),
        (None, _) => "Envoy: ended before it was read".to_owned(),
    }))
}

/// Our own Envoy's routes are named after their ids.
fn same_route(kind: Kind, access: &Access, decision: &Decision) -> Result<(), String> {
    let decided = match kind {
        Kind::Ours => format!("policy-{}", decision.route_id),
        _ => decision.route_name.clone(),
    };
    if decided == access.route {
        Ok(())
    } else {
        Err(format!("decided as {decided}, Envoy chose `{}`", access.route))
    }
}

/// Path and query as Envoy compared them.
fn before_rewrite<'a>(route: &Route, access: &'a Access) -> &'a str {
    match route.rewrite {
        Rewrite::None => &access.path,
        Rewrite::Matched(_) | Rewrite::FirstSlash => &access.original_path,
    }
}

fn without_query(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

/// A reason of Envoy's without what it says of the one request.
fn kind_of(details: &str) -> &str {
    details.split(['{', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
