//! `to`.

use portcullis_document::{Node, Span, Value};
use portcullis_model::Host;

use crate::codes::{
    IGNORED_PART, NOT_IMPLEMENTED_UNSAFE, TO_INVALID, TO_MISSING, TO_SCHEME, TO_WEIGHT, WRONG_TYPE,
};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{GoUrl, To, value};

/// Where the route leads; `None` if that has been reported as an error.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>, route: Span) -> Option<To> {
    let Some(field) = fields.present("to") else {
        // These are errors of their own, as they are not implemented yet.
        if fields.present("redirect").is_none() && fields.present("response").is_none() {
            report.add(Problem::error(TO_MISSING, route, "the route has no `to`"));
        }
        return None;
    };
    let mut leaves = Vec::new();
    if let Err(bad) = texts(field.node, &mut leaves) {
        let message = format!("`to` takes a URL or a list of URLs, not {}", bad.describe());
        report.add(Problem::error(WRONG_TYPE, bad.span, message));
        return None;
    }
    let several = leaves.len() > 1;
    if leaves.is_empty() {
        report.add(Problem::error(TO_MISSING, field.node.span, "`to` is empty"));
        return None;
    }
    let read: Vec<Option<To>> = leaves
        .iter()
        .map(|(text, span)| match parse(text, *span) {
            Ok(to) => Some(to),
            Err(problem) => {
                report.add(problem);
                None
            }
        })
        .collect();
    if several {
        report.extend(partial_weights(&read, field.node.span));
        let message = "several URLs in `to` are not implemented yet, and without them all requests would \
                       go to one";
        report.add(Problem::error(NOT_IMPLEMENTED_UNSAFE, field.node.span, message));
        return None;
    }
    let to = read.into_iter().next().flatten()?;
    if to.url.user.is_some() || !to.url.raw_query.is_empty() || !to.url.fragment.is_empty() {
        let message = "of `to` only the scheme, the host, the port and the path have an effect";
        report.add(Problem::warning(IGNORED_PART, field.node.span, message));
    }
    Some(to)
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

fn partial_weights(read: &[Option<To>], span: Span) -> Option<Problem> {
    let weighted = read.iter().flatten().filter(|to| to.weight > 0).count();
    (weighted > 0 && weighted < read.iter().flatten().count()).then(|| {
        Problem::error(
            TO_WEIGHT,
            span,
            "some URLs of `to` have a weight and some have none",
        )
    })
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
    let tls = match url.scheme.as_str() {
        "http" => false,
        "https" => true,
        "h2c" | "tcp" | "udp" | "ssh" | "unix" | "https+unix" => {
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
        host,
        port,
        path,
        url,
        weight,
    })
}
