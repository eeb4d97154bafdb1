//! From messages to what a bundle is made of. Everything is checked as if it
//! came from a stranger.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{
    Advice, Authenticate, Cookie, FoundBy, Keys, Listing, Provider, RedirectHosts, Route, RoutePolicy,
    SameSite, Settings, Template,
};
use portcullis_model::{
    Branding, Color, HeaderName, Host, HostPattern, Image, Pages, Paragraph, PathParameters, RouteId,
    Secrets, SignOut, WebUrl,
};
use portcullis_policy::{ClientAuthorities, ClientRequirements, Program, SanType};

use super::WireError;
use crate::generated::feed as wire;

pub(super) fn host(host: &wire::HostAndPort) -> Result<(HostPattern, u16), WireError> {
    let wire::HostAndPort { host, port } = host;
    let host = HostPattern::parse(host).map_err(|_| WireError::Malformed("host"))?;
    Ok((host, self::port(*port)?))
}

fn port(port: u32) -> Result<u16, WireError> {
    u16::try_from(port).map_err(|_| WireError::Malformed("port"))
}

fn header_name(name: &str) -> Result<HeaderName, WireError> {
    HeaderName::parse(name).map_err(|_| WireError::Malformed("header name"))
}

/// Settings, without the redirect hosts.
pub(super) fn settings(settings: wire::Settings) -> Result<Settings, WireError> {
    let path_parameters = match settings.path_parameters() {
        // As for cookies, an unknown number is belied by the version.
        wire::PathParameters::Unset => None,
        wire::PathParameters::Allow => Some(PathParameters::Allow),
        wire::PathParameters::Reject => Some(PathParameters::Reject),
    };
    let wire::Settings {
        authenticate,
        provider,
        cookie,
        keys,
        jwt_claims_headers,
        pages,
        path_parameters: _,
        trusted_hops,
        client_authorities,
    } = settings;
    let kind = authenticate
        .and_then(|authenticate| authenticate.kind)
        .ok_or(WireError::Malformed("authenticate service"))?;
    let authenticate = match kind {
        wire::authenticate::Kind::Own(wire::HostAndPort { host, port }) => Authenticate::Own {
            host: Host::parse(&host).map_err(|_| WireError::Malformed("host"))?,
            port: self::port(port)?,
        },
        wire::authenticate::Kind::Hosted(url) => Authenticate::Hosted { url },
        wire::authenticate::Kind::EachHost(_) => Authenticate::EachHost,
        wire::authenticate::Kind::None(_) => Authenticate::None,
    };
    let claim_header = |wire::ClaimHeader { header, claim }| Ok((header_name(&header)?, claim));
    Ok(Settings {
        authenticate,
        provider: provider.map(self::provider).transpose()?,
        cookie: self::cookie(cookie.ok_or(WireError::Malformed("cookie"))?)?,
        keys: self::keys(keys.ok_or(WireError::Malformed("keys"))?)?,
        jwt_claims_headers: jwt_claims_headers
            .into_iter()
            .map(claim_header)
            .collect::<Result<_, _>>()?,
        redirect_hosts: RedirectHosts::default(),
        pages: self::pages(pages.ok_or(WireError::Malformed("pages"))?)?,
        path_parameters,
        trusted_hops,
        client_authorities: client_authorities.map(self::client_authorities).transpose()?,
    })
}

fn client_authorities(clients: wire::ClientAuthorities) -> Result<Arc<ClientAuthorities>, WireError> {
    let wire::ClientAuthorities {
        authorities,
        revoked,
        max_depth,
        names,
    } = clients;
    let malformed = || WireError::Malformed("client authorities");
    let bytes = |all: Vec<Bytes>| all.iter().map(|der| der.to_vec()).collect();
    let name = |wire::SubjectAlternativeName { kind, pattern }| {
        Ok((kind.parse::<SanType>().map_err(|_| malformed())?, pattern))
    };
    let requirements = ClientRequirements {
        authorities: bytes(authorities),
        revoked: bytes(revoked),
        max_depth,
        names: names.into_iter().map(name).collect::<Result<_, _>>()?,
    };
    let authorities = ClientAuthorities::new(requirements).map_err(|_| malformed())?;
    Ok(Arc::new(authorities))
}

fn pages(pages: wire::Pages) -> Result<Pages, WireError> {
    let wire::Pages {
        routes_portal,
        jwt_endpoint,
        primary_color,
        secondary_color,
        darkmode_primary_color,
        darkmode_secondary_color,
        logo_url,
        favicon_url,
        sign_out_redirect_url,
        any_sign_out_redirect,
        error_paragraph,
        programmatic_redirects,
    } = pages;
    let color = |text: Option<String>| -> Result<Option<Color>, WireError> {
        let read = |text: String| Color::parse(&text).ok_or(WireError::Malformed("colour"));
        text.map(read).transpose()
    };
    let image = |text: Option<String>| -> Result<Option<Image>, WireError> {
        let read = |text: String| Image::parse(&text).ok_or(WireError::Malformed("image"));
        text.map(read).transpose()
    };
    let url = |text: String| WebUrl::parse(&text).ok_or(WireError::Malformed("URL"));
    let paragraph = |text: String| Paragraph::parse(&text).ok_or(WireError::Malformed("paragraph"));
    let host = |text: String| Host::parse(&text).map_err(|_| WireError::Malformed("host"));
    Ok(Pages {
        routes_portal,
        jwt_endpoint,
        programmatic_redirects: programmatic_redirects
            .into_iter()
            .map(host)
            .collect::<Result<_, _>>()?,
        sign_out: SignOut {
            redirect_url: sign_out_redirect_url.map(url).transpose()?,
            any_redirect: any_sign_out_redirect,
        },
        branding: Branding {
            primary_color: color(primary_color)?,
            secondary_color: color(secondary_color)?,
            darkmode_primary_color: color(darkmode_primary_color)?,
            darkmode_secondary_color: color(darkmode_secondary_color)?,
            logo_url: image(logo_url)?,
            favicon_url: image(favicon_url)?,
            error_paragraph: error_paragraph.map(paragraph).transpose()?,
        },
    })
}

/// The same settings with other redirect hosts.
pub(super) fn with_hosts(settings: &Settings, redirect_hosts: RedirectHosts) -> Settings {
    let Settings {
        authenticate,
        provider,
        cookie,
        keys,
        jwt_claims_headers,
        redirect_hosts: _,
        pages,
        path_parameters,
        trusted_hops,
        client_authorities,
    } = settings;
    let Keys {
        shared_secret,
        cookie_secret,
        signing_key_pem,
    } = keys;
    Settings {
        authenticate: authenticate.clone(),
        provider: provider.clone(),
        cookie: cookie.clone(),
        keys: Keys {
            shared_secret: shared_secret.clone(),
            cookie_secret: cookie_secret.clone(),
            signing_key_pem: signing_key_pem.clone(),
        },
        jwt_claims_headers: jwt_claims_headers.clone(),
        redirect_hosts,
        pages: pages.clone(),
        path_parameters: *path_parameters,
        trusted_hops: *trusted_hops,
        client_authorities: client_authorities.clone(),
    }
}

fn provider(provider: wire::Provider) -> Result<Provider, WireError> {
    let wire::Provider {
        id,
        kind,
        issuer_url,
        client_id,
        client_secret,
        scopes,
    } = provider;
    let provider = Provider::new(kind, issuer_url, client_id, client_secret.map(Into::into), scopes);
    // The version of a bundle knows the provider by its id alone.
    if provider.id != id {
        return Err(WireError::Malformed("provider"));
    }
    Ok(provider)
}

fn cookie(cookie: wire::Cookie) -> Result<Cookie, WireError> {
    let same_site = match cookie.same_site() {
        // An unknown number reads as the default, which the version then belies.
        wire::SameSite::Unset => SameSite::Unset,
        wire::SameSite::Lax => SameSite::Lax,
        wire::SameSite::Strict => SameSite::Strict,
        wire::SameSite::None => SameSite::None,
    };
    let wire::Cookie {
        name,
        expire_seconds,
        expire_nanos,
        domain,
        http_only,
        same_site: _,
    } = cookie;
    if expire_nanos >= 1_000_000_000 {
        return Err(WireError::Malformed("cookie lifetime"));
    }
    Ok(Cookie {
        name,
        expire: Duration::new(expire_seconds, expire_nanos),
        domain,
        http_only,
        same_site,
    })
}

fn keys(keys: wire::Keys) -> Result<Keys, WireError> {
    let wire::Keys {
        shared_secret,
        cookie_secret,
        signing_key_pem,
        other_shared_secrets,
        other_cookie_secrets,
    } = keys;
    let secrets = |first: &Bytes, others: &[Bytes]| -> Result<Secrets, WireError> {
        let malformed = || WireError::Malformed("secret");
        // One more than there may be is enough to be refused.
        let all = core::iter::once(first).chain(others).take(Secrets::MAX + 1);
        let all: Vec<[u8; 32]> = all
            .map(|bytes| bytes.as_ref().try_into().map_err(|_| malformed()))
            .collect::<Result<_, _>>()?;
        Secrets::new(all).map_err(|_| malformed())
    };
    Ok(Keys {
        shared_secret: secrets(&shared_secret, &other_shared_secrets)?,
        cookie_secret: secrets(&cookie_secret, &other_cookie_secrets)?,
        signing_key_pem: signing_key_pem.map(Into::into),
    })
}

/// The digest that names a program.
pub(super) fn digest(bytes: &[u8]) -> Result<[u8; 32], WireError> {
    bytes.try_into().map_err(|_| WireError::Malformed("digest"))
}

/// A program from its whole content.
pub(super) fn program(digest: [u8; 32], content: &[u8]) -> Result<Program, WireError> {
    let program: Program = serde_json::from_slice(content).map_err(|_| WireError::Malformed("program"))?;
    if program.digest() != digest {
        return Err(WireError::Malformed("program"));
    }
    Ok(program)
}

/// A route whose program `find` knows.
pub(super) fn route(
    route: wire::Route,
    find: impl FnOnce(&[u8; 32]) -> Option<Program>,
) -> Result<Arc<Route>, WireError> {
    let wire::Route {
        id,
        name,
        host,
        port,
        policy,
        pass_identity_headers,
        set_request_headers,
        remove_request_headers,
        allow_websockets,
        error_details,
        listing,
        depends_on,
        found_by,
        answer,
    } = route;
    let wire::Listing {
        from,
        description,
        logo_url,
    } = listing.unwrap_or_default();
    let place = |at: wire::HostAndPort| {
        let host = Host::parse(&at.host).map_err(|_| WireError::Malformed("host"))?;
        Ok((host, self::port(at.port)?))
    };
    let policy = match policy.ok_or(WireError::Malformed("policy"))? {
        wire::route::Policy::Program(named) => {
            RoutePolicy::Program(find(&digest(&named)?).ok_or(WireError::UnknownProgram)?)
        }
        wire::route::Policy::Invalid(message) => RoutePolicy::Invalid { message },
    };
    let set_header =
        |wire::SetHeader { name, template }| Ok((header_name(&name)?, Template::parse(&template)));
    let advice = |wire::Advice {
                      explanation,
                      remediation,
                  }| Advice {
        explanation,
        remediation,
    };
    Ok(Arc::new(Route {
        id: RouteId(id),
        name,
        host: HostPattern::parse(&host).map_err(|_| WireError::Malformed("host"))?,
        port: port.map(self::port).transpose()?,
        policy,
        pass_identity_headers,
        set_request_headers: set_request_headers
            .into_iter()
            .map(set_header)
            .collect::<Result<_, _>>()?,
        remove_request_headers: remove_request_headers
            .iter()
            .map(|name| header_name(name))
            .collect::<Result<_, _>>()?,
        allow_websockets,
        answer: answer.map(super::answer::decode).transpose()?,
        error_details: error_details.map(|all| all.advice.into_iter().map(advice).collect()),
        listing: Listing {
            from,
            description,
            logo_url,
        },
        depends_on: depends_on.into_iter().map(place).collect::<Result<_, _>>()?,
        found_by: found_by.map(self::found_by),
    }))
}

fn found_by(found_by: wire::FoundBy) -> FoundBy {
    let wire::FoundBy { path, turn } = found_by;
    let path = match path {
        None => PathPattern::Any,
        Some(wire::found_by::Path::Prefix(prefix)) => PathPattern::Prefix(prefix),
        Some(wire::found_by::Path::Exact(path)) => PathPattern::Path(path),
        Some(wire::found_by::Path::Regex(regex)) => PathPattern::Regex(regex),
    };
    FoundBy { path, turn }
}
