//! What a route answers itself, to messages and from them.

use std::sync::Arc;

use portcullis_bundle::{Content, OwnAnswer, PathRedirect, Redirect, SchemeRedirect};
use portcullis_model::HeaderName;

use super::WireError;
use crate::generated::feed as wire;

pub(super) fn encode(answer: &OwnAnswer) -> wire::OwnAnswer {
    let OwnAnswer { content, headers } = answer;
    let header = |(name, value): &(HeaderName, String)| wire::Header {
        name: name.as_str().to_owned(),
        value: value.clone(),
    };
    wire::OwnAnswer {
        content: Some(match content {
            Content::Respond { status, body } => wire::own_answer::Content::Respond(wire::Respond {
                status: u32::from(*status),
                body: body.clone(),
            }),
            Content::Redirect(redirect) => wire::own_answer::Content::Redirect(encode_redirect(redirect)),
        }),
        headers: headers.iter().map(header).collect(),
    }
}

fn encode_redirect(redirect: &Redirect) -> wire::Redirect {
    let Redirect {
        scheme,
        host,
        port,
        path,
        status,
        strip_query,
    } = redirect;
    wire::Redirect {
        scheme: scheme.as_ref().map(|scheme| match scheme {
            SchemeRedirect::Https(https) => wire::redirect::Scheme::Https(*https),
            SchemeRedirect::Named(scheme) => wire::redirect::Scheme::Named(scheme.clone()),
        }),
        host: host.clone(),
        port: *port,
        path: path.as_ref().map(|path| match path {
            PathRedirect::Path(path) => wire::redirect::Path::Whole(path.clone()),
            PathRedirect::Prefix(prefix) => wire::redirect::Path::Prefix(prefix.clone()),
        }),
        status: u32::from(*status),
        strip_query: *strip_query,
    }
}

pub(super) fn decode(answer: wire::OwnAnswer) -> Result<Arc<OwnAnswer>, WireError> {
    let wire::OwnAnswer { content, headers } = answer;
    let content = match content.ok_or(WireError::Malformed("answer"))? {
        wire::own_answer::Content::Respond(wire::Respond { status, body }) => Content::Respond {
            status: self::status(status, 200..600)?,
            body,
        },
        wire::own_answer::Content::Redirect(redirect) => Content::Redirect(decode_redirect(redirect)?),
    };
    let header = |wire::Header { name, value }| {
        let name = HeaderName::parse(&name).map_err(|_| WireError::Malformed("header name"))?;
        Ok((name, value))
    };
    Ok(Arc::new(OwnAnswer {
        content,
        headers: headers.into_iter().map(header).collect::<Result<_, _>>()?,
    }))
}

fn decode_redirect(redirect: wire::Redirect) -> Result<Redirect, WireError> {
    let wire::Redirect {
        scheme,
        host,
        port,
        path,
        status,
        strip_query,
    } = redirect;
    Ok(Redirect {
        scheme: scheme.map(|scheme| match scheme {
            wire::redirect::Scheme::Https(https) => SchemeRedirect::Https(https),
            wire::redirect::Scheme::Named(scheme) => SchemeRedirect::Named(scheme),
        }),
        host,
        port,
        path: path.map(|path| match path {
            wire::redirect::Path::Whole(path) => PathRedirect::Path(path),
            wire::redirect::Path::Prefix(prefix) => PathRedirect::Prefix(prefix),
        }),
        status: self::status(status, 300..400)?,
        strip_query,
    })
}

fn status(status: u32, range: core::ops::Range<u16>) -> Result<u16, WireError> {
    let status = u16::try_from(status).ok();
    status
        .filter(|status| range.contains(status))
        .ok_or(WireError::Malformed("status"))
}
