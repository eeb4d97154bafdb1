//! `to`.

use portcullis_document::{Node, Span, Value};
use portcullis_model::Host;

use crate::codes::{
    IGNORED_PART, NOT_IMPLEMENTED_UNSAFE, TO_INVALID, TO_MISSING, TO_SCHEME, TO_TOO_MANY, TO_WEIGHT,
    WRONG_TYPE,
};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{GoUrl, To, value};

/// More servers than this behind one route are refused.
const MAX_URLS: usize = 1_000;

/// Where the route leads, if it does; `None` if that has been reported as an error. `needed` unless
/// something else says what becomes of its requests.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>, needed: bool) -> Option<Vec<To>> {
    let field = fields.present("to")?;
    let span = field.node.span;
    let mut leaves = Vec::new();
    if let Err(bad) = texts(field.node, &mut leaves) {
        let message = format!("`to` takes a URL or a list of URLs, not {}", bad.describe());
        report.add(Problem::error(WRONG_TYPE, bad.span, message));
        return None;
    }
    if leaves.is_empty() {
        if needed {
            report.add(Problem::error(TO_MISSING, span, "`to` is empty"));
        }
        return None;
    }
    if leaves.len() > MAX_URLS {
        let message = format!("`to` has {} URLs, more than {MAX_URLS}", leaves.len());
        report.add(Problem::error(TO_TOO_MANY, span, message));
        return None;
    }
    let read: Vec<(Option<To>, Span)> = leaves
        .iter()
        .map(|(text, span)| match parse(text, *span) {
            Ok(to) => (Some(to), *span),
            Err(problem) => {
                report.add(problem);
                (None, *span)
            }
        })
        .collect();
    report.extend(ignored(&read));
    if let Some(problem) = weights(&read, span) {
        report.add(problem);
        return None;
    }
    read.into_iter().map(|(to, _)| to).collect()
}

/// Every scalar below, as Pomerium collects them.
fn texts<'d>(node: &'d Node, leaves: &mut Vec<(String, Span)>) -> Result<(), &'d Node> {
    match &node.value {
        Value::Scalar(scalar) if scalar.is_null() || scalar.text.is_empty() => Ok(()),
        Value::Scalar(scalar) => {
            leaves.push((value::text(scalar).ok_or(node)?, node.span));
            Ok(())
        }
        Value::Seq(items) => items.iter().try_for_each(|item| texts(item, leaves)),
        Value::Map(_) => Err(node),
    }
}

/// All have a weight or none, and Envoy adds them up in 32 bits.
fn weights(read: &[(Option<To>, Span)], span: Span) -> Option<Problem> {
    let good = || read.iter().filter_map(|(to, _)| to.as_ref());
    let weighted = good().filter(|to| to.weight > 0).count();
    if weighted > 0 && weighted < good().count() {
        let message = "some URLs of `to` have a weight and some have none";
        return Some(Problem::error(TO_WEIGHT, span, message));
    }
    let sum = good()
        .map(|to| u64::from(to.weight))
        .fold(0_u64, u64::saturating_add);
    (sum > u64::from(u32::MAX)).then(|| {
        let message = format!("the weights of `to` add up to more than {}", u32::MAX);
        Problem::error(TO_WEIGHT, span, message)
    })
}

/// Parts of URLs that say nothing.
fn ignored(read: &[(Option<To>, Span)]) -> Vec<Problem> {
    let first_path = read.first().and_then(|(to, _)| Some(to.as_ref()?.path.as_str()));
    let mut problems = Vec::new();
    for (to, span) in read.iter().filter_map(|(to, span)| Some((to.as_ref()?, *span))) {
        if to.url.user.is_some() || !to.url.raw_query.is_empty() || !to.url.fragment.is_empty() {
            let message = "of `to` only the scheme, the host, the port and the path have an effect";
            problems.push(Problem::warning(IGNORED_PART, span, message));
        }
        if first_path.is_some_and(|first| first != to.path) {
            let message = "the path of this URL has no effect: that of the first one counts for all";
            problems.push(Problem::warning(IGNORED_PART, span, message));
        }
    }
    problems
}

fn parse(raw: &str, span: Span) -> Result<To, Problem> {
    let invalid = |why: &str| {
        Problem::error(TO_INVALID, span, format!("`to` is no URL of an upstream: {why}"))
            .help("write a URL such as `http://app.internal:8080`")
    };
    let (text, weight) = match raw.split_once(',') {
        None => (raw, 0),
        Some((text, weight)) => match weight.parse::<u32>() {
            Ok(weight) if weight > 0 => (text, weight),
            Ok(_) | Err(_) => {
                return Err(Problem::error(
                    TO_WEIGHT,
                    span,
                    "the weight in `to` is not a number from 1",
                ));
            }
        },
    };
    let url = GoUrl::parse(text).map_err(|error| invalid(&error.to_string()))?;
    let h2c = url.scheme == "h2c";
    let tls = match url.scheme.as_str() {
        "http" | "h2c" => false,
        "https" => true,
        "tcp" | "udp" | "ssh" | "unix" | "https+unix" => {
            let message = format!(
                "a `to` with the scheme `{}` is not implemented yet, and without it requests would go elsewhere",
                url.scheme
            );
            return Err(Problem::error(NOT_IMPLEMENTED_UNSAFE, span, message));
        }
        "" => return Err(invalid("the scheme is missing")),
        scheme => {
            let problem = Problem::error(TO_SCHEME, span, format!("`to` has the unknown scheme `{scheme}`"));
            return Err(problem.help(match scheme {
                "http+unix" => "use `unix://`",
                _ => "use http, https, h2c, tcp, udp, ssh, unix or https+unix",
            }));
        }
    };
    let (host, port) = url.host_and_port();
    let bracketed = format!("[{host}]");
    let canonical = Host::parse(if url.host.starts_with('[') {
        &bracketed
    } else {
        host
    })
    .map_err(|error| invalid(&error.to_string()))?;
    let port = match port.map(str::parse::<u16>) {
        None if tls => 443,
        None => 80,
        Some(Ok(port)) if port != 0 => port,
        Some(_) => return Err(invalid("the port is not between 1 and 65535")),
    };
    let host = canonical
        .as_str()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let path = url.path_as_written.clone();
    Ok(To {
        raw: raw.to_owned(),
        tls,
        h2c,
        host,
        port,
        path,
        url,
        weight,
    })
}
