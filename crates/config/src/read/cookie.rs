//! The session cookie.

use core::time::Duration;

use portcullis_document::Span;
use portcullis_model::{Host, HostPattern};

use super::{boolean, text};
use crate::codes::{COOKIE_DOMAIN, COOKIE_DOMAIN_SCOPE, COOKIE_EXPIRE, COOKIE_NAME};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Authenticate, CookieOptions, Global, Route, SameSite, value};

pub(super) fn read(report: &mut Report, fields: &Fields<'_>) -> CookieOptions {
    let domain = domain(report, fields);
    CookieOptions {
        name: name(report, fields, domain.is_some()),
        expire: expire(report, fields),
        domain,
        http_only: boolean(fields, "cookie_http_only").unwrap_or(true),
        same_site: match text(fields, "cookie_same_site").map(|word| word.to_ascii_lowercase()) {
            Some(word) if word == "lax" => SameSite::Lax,
            Some(word) if word == "strict" => SameSite::Strict,
            Some(word) if word == "none" => SameSite::None,
            Some(_) | None => SameSite::Unset,
        },
    }
}

/// A token of RFC 6265, short enough that the names derived from it stay cookies too.
fn name(report: &mut Report, fields: &Fields<'_>, has_domain: bool) -> String {
    let default = || "_pomerium".to_owned();
    let (Some(name), Some(field)) = (text(fields, "cookie_name"), fields.get("cookie_name")) else {
        return default();
    };
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let host_only = name
        .get(..7)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("__Host-"));
    let wrong = if name.len() > 64 || !name.bytes().all(token) {
        "`cookie_name` takes at most 64 letters, digits and a few signs, without spaces"
    } else if host_only && has_domain {
        "browsers take no cookie for a domain whose name begins with `__Host-`"
    } else {
        return name;
    };
    report.add(Problem::error(COOKIE_NAME, field.node.span, wrong));
    default()
}

fn expire(report: &mut Report, fields: &Fields<'_>) -> Duration {
    let Some(field) = fields.get("cookie_expire") else {
        return Duration::from_hours(14);
    };
    let nanos = field
        .node
        .as_scalar()
        .and_then(value::nanoseconds)
        .unwrap_or_default();
    if nanos <= 0 {
        let message = "a session ends at the moment in which it begins";
        report.add(
            Problem::warning(COOKIE_EXPIRE, field.node.span, message).help("write a time such as `14h`"),
        );
    }
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// A name for whose hosts browsers take cookies. A dot in front says nothing, as of RFC 6265.
fn domain(report: &mut Report, fields: &Fields<'_>) -> Option<String> {
    let text = text(fields, "cookie_domain")?;
    let span = fields.get("cookie_domain")?.node.span;
    let host = Host::parse(text.strip_prefix('.').unwrap_or(&text)).ok();
    let Some(host) = host.filter(|host| host.as_ip().is_none()) else {
        let message = "`cookie_domain` takes a domain such as `example.com`";
        report.add(Problem::error(COOKIE_DOMAIN, span, message));
        return None;
    };
    if !host.as_str().contains('.') {
        let message = format!("browsers take no cookie for all hosts of `{host}`");
        report.add(Problem::warning(COOKIE_DOMAIN_SCOPE, span, message).help("name a domain below it"));
    }
    Some(host.as_str().to_owned())
}

/// Outside of the domain browsers refuse the cookie, so that a login there begins anew and anew.
pub(super) fn advise(report: &mut Report, fields: &Fields<'_>, global: &Global, routes: &[Route]) {
    let (Some(domain), Some(field)) = (&global.cookie.domain, fields.get("cookie_domain")) else {
        return;
    };
    let authenticate = match &global.authenticate {
        Some(Authenticate::Own { host, .. }) => Some(host.as_str()),
        Some(Authenticate::Hosted { .. }) | None => None,
    };
    let outside = authenticate
        .filter(|host| !covers(domain, host))
        .into_iter()
        .chain(
            routes
                .iter()
                .filter(|route| route.invalid.is_none())
                .map(|route| &route.from.host)
                .filter(|host| !covers_all(domain, host))
                .map(HostPattern::as_str),
        );
    report.extend(outside_problem(outside, field.node.span));
}

fn outside_problem<'a>(mut hosts: impl Iterator<Item = &'a str>, span: Span) -> Option<Problem> {
    let first = hosts.next()?;
    let others = match hosts.filter(|host| *host != first).count() {
        0 => String::new(),
        1 => ", as does that of one more route".to_owned(),
        many => format!(", as do those of {many} more routes"),
    };
    let message =
        format!("the host `{first}` lies outside of `cookie_domain`{others}: nobody stays signed in there");
    Some(Problem::warning(COOKIE_DOMAIN_SCOPE, span, message))
}

fn covers(domain: &str, host: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether every host that fits is covered: what follows the last star says so.
fn covers_all(domain: &str, host: &HostPattern) -> bool {
    match host {
        HostPattern::Exact(host) => covers(domain, host.as_str()),
        HostPattern::Wildcard(_) => host
            .pieces()
            .last()
            .and_then(|end| end.strip_suffix(domain))
            .is_some_and(|before| before.ends_with('.')),
    }
}
