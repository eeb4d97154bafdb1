//! `from`.

use portcullis_model::HostPattern;

use super::text;
use crate::codes::{
    FROM_INVALID, FROM_MISSING, FROM_PATH, HTTP_SCHEME, IGNORED_PART, NOT_IMPLEMENTED_UNSAFE,
};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{From, GoUrl};
use portcullis_document::Span;

/// Host, port, and the path that should not be there.
pub(super) struct ReadFrom {
    pub(super) from: From,
    pub(super) stray_path: Option<String>,
}

/// `None` if it cannot be said for which host the route is.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>, route: Span) -> Option<ReadFrom> {
    let Some(field) = fields.present("from") else {
        report.add(Problem::error(FROM_MISSING, route, "the route has no `from`"));
        return None;
    };
    let span = field.node.span;
    let Some(raw) = text(fields, "from") else {
        // A wrong shape has been reported; an empty text is left.
        if fields.get("from").is_some() {
            report.add(Problem::error(FROM_MISSING, span, "`from` is empty"));
        }
        return None;
    };
    match parse(&raw, span) {
        Err(problem) => {
            report.add(problem);
            None
        }
        Ok((from, url)) => {
            if url.scheme == "http" {
                let message = "the route is served over https whatever the scheme of `from`";
                report.add(Problem::warning(HTTP_SCHEME, span, message).help("write `https://`"));
            }
            if url.user.is_some() || !url.raw_query.is_empty() || !url.fragment.is_empty() {
                let message = "of `from` only the host and the port match requests";
                report.add(Problem::warning(IGNORED_PART, span, message));
            }
            let stray_path = (!matches!(url.path.as_str(), "" | "/")).then_some(url.path);
            if stray_path.is_some() {
                let message = "`from` has a path";
                report.add(Problem::error(FROM_PATH, span, message).help("put it into `path` or `prefix`"));
            }
            Some(ReadFrom { from, stray_path })
        }
    }
}

fn parse(raw: &str, span: Span) -> Result<(From, GoUrl), Problem> {
    let invalid = |why: &str| {
        Problem::error(FROM_INVALID, span, format!("`from` cannot be served: {why}"))
            .help("write a URL such as `https://app.example.com`")
    };
    let not_yet = |what: &str| {
        let message = format!("{what} is not implemented yet, and without it the route leads nowhere");
        Problem::error(NOT_IMPLEMENTED_UNSAFE, span, message)
    };
    let url = GoUrl::parse(raw).map_err(|error| invalid(&error.to_string()))?;
    let default_port = match url.scheme.as_str() {
        "https" => 443,
        "http" => 80,
        "tcp+https" | "udp+https" | "ssh" => {
            return Err(not_yet(&format!("a `from` with the scheme `{}`", url.scheme)));
        }
        "" => return Err(invalid("the scheme is missing")),
        _ => return Err(invalid("the scheme is not https")),
    };
    let (bare, port) = url.host_and_port();
    if bare.is_empty() {
        return Err(invalid("the host is missing"));
    }
    let bracketed = format!("[{bare}]");
    let host = HostPattern::parse(if url.host.starts_with('[') {
        &bracketed
    } else {
        bare
    })
    .map_err(|error| invalid(&error.to_string()))?;
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port)) if port != 0 => Some(port).filter(|port| *port != default_port),
        Some(_) => return Err(invalid("the port is not between 1 and 65535")),
    };
    Ok((
        From {
            host,
            port,
            raw: raw.to_owned(),
        },
        url,
    ))
}
