//! From bundles to messages.

use std::collections::HashSet;

use bytes::Bytes;
use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{
    Advice, Authenticate, Bundle, Cookie, FoundBy, Keys, Listing, Provider, Route, RoutePolicy, SameSite,
    Settings, Template,
};
use portcullis_model::{
    Branding, Color, HeaderName, HostPattern, Image, Pages, PathParameters, RouteId, Secrets, SignOut,
};
use portcullis_policy::{ClientAuthorities, ClientRequirements, Program, SanType};
use prost::Message as _;
use secrecy::ExposeSecret as _;

use super::{MAX_PART, Update};
use crate::generated::feed as wire;

/// What a field adds to its content in a message: tag and length.
const FRAME: usize = 16;

/// The messages that lead from `base`, which the peer holds, to `new`; without a
/// base, all of it. At least one; the last one carries the new version.
#[must_use]
pub fn updates(new: &Bundle, base: Option<&Bundle>) -> Vec<Update> {
    let Bundle {
        version,
        settings,
        routes,
    } = new;
    let mut parts = Parts::new(base.map(|base| base.version.to_string()).unwrap_or_default());
    if base.is_none_or(|base| settings_digest(&base.settings) != settings_digest(settings)) {
        let message = encode_settings(settings);
        parts.make_room(message.encoded_len());
        parts.current.settings = Some(message);
    }
    parts.hosts(settings, base.map(|base| &*base.settings));

    let mut there: HashSet<[u8; 32]> = base
        .iter()
        .flat_map(|base| base.routes.values())
        .filter_map(|route| route.policy.program().map(Program::digest))
        .collect();
    let mut changed: Vec<&Route> = routes
        .values()
        .filter(|route| {
            let before = base.and_then(|base| base.route(route.id));
            before.is_none_or(|before| {
                !std::sync::Arc::ptr_eq(before, route) && before.digest() != route.digest()
            })
        })
        .map(|route| &**route)
        .collect();
    changed.sort_unstable_by_key(|route| route.id);
    for program in changed.iter().filter_map(|route| route.policy.program()) {
        if there.insert(program.digest()) {
            parts.program(program);
        }
    }
    for route in changed {
        let message = encode_route(route);
        parts.make_room(message.encoded_len());
        parts.current.routes.push(message);
    }
    let mut removed: Vec<RouteId> = base
        .iter()
        .flat_map(|base| base.routes.keys())
        .filter(|id| !routes.contains_key(id))
        .copied()
        .collect();
    removed.sort_unstable();
    for RouteId(id) in removed {
        parts.make_room(size_of::<u64>());
        parts.current.removed.push(id);
    }
    parts.finish(version.to_string())
}

/// The parts so far, and the one that is being filled.
struct Parts {
    done: Vec<Update>,
    current: Update,
    size: usize,
}

impl Parts {
    fn new(base: String) -> Self {
        Self {
            done: Vec::new(),
            current: Update {
                base,
                ..Update::default()
            },
            size: 0,
        }
    }

    /// Begins another part if `size` bytes do not fit into this one.
    fn make_room(&mut self, size: usize) {
        let size = size.saturating_add(FRAME);
        // The base and the version, which every part has room for.
        if self.size.saturating_add(size) > MAX_PART - 256 && self.size > 0 {
            self.next();
        }
        self.size = self.size.saturating_add(size);
    }

    fn next(&mut self) {
        let next = Update {
            base: self.current.base.clone(),
            part: self.current.part.saturating_add(1),
            ..Update::default()
        };
        self.done.push(core::mem::replace(&mut self.current, next));
        self.size = 0;
    }

    fn program(&mut self, program: &Program) {
        // A program holds texts, numbers and lists, which always serialise; were
        // that ever untrue, the receiver would refuse it by its digest.
        let content = Bytes::from(serde_json::to_vec(program).unwrap_or_default());
        let piece = MAX_PART / 2;
        let mut rest = content;
        loop {
            let content = rest.split_to(rest.len().min(piece));
            self.make_room(content.len() + 64);
            let more = !rest.is_empty();
            self.current.programs.push(wire::Program {
                digest: Bytes::copy_from_slice(&program.digest()),
                content,
                more,
            });
            if !more {
                return;
            }
        }
    }

    /// What differs of the hosts that a login may lead back to.
    fn hosts(&mut self, new: &Settings, base: Option<&Settings>) {
        let now = new.redirect_hosts.entries();
        let before = base.map(|base| base.redirect_hosts.entries()).unwrap_or_default();
        // Both are sorted.
        let lacks = |all: &[(HostPattern, u16)], one: &(HostPattern, u16)| all.binary_search(one).is_err();
        for entry in now.iter().filter(|entry| lacks(&before, entry)) {
            let message = encode_host(entry);
            self.make_room(message.encoded_len());
            self.current.hosts_added.push(message);
        }
        for entry in before.iter().filter(|entry| lacks(&now, entry)) {
            let message = encode_host(entry);
            self.make_room(message.encoded_len());
            self.current.hosts_removed.push(message);
        }
    }

    fn finish(mut self, version: String) -> Vec<Update> {
        self.current.version = version;
        self.done.push(self.current);
        self.done
    }
}

/// Tells settings apart, whatever their hosts.
fn settings_digest(settings: &Settings) -> Vec<u8> {
    encode_settings(settings).encode_to_vec()
}

fn encode_host((host, port): &(HostPattern, u16)) -> wire::HostAndPort {
    wire::HostAndPort {
        host: host.as_str().to_owned(),
        port: u32::from(*port),
    }
}

fn encode_settings(settings: &Settings) -> wire::Settings {
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
    let authenticate = match authenticate {
        Authenticate::Own { host, port } => wire::authenticate::Kind::Own(wire::HostAndPort {
            host: host.as_str().to_owned(),
            port: u32::from(*port),
        }),
        Authenticate::Hosted { url } => wire::authenticate::Kind::Hosted(url.clone()),
        Authenticate::EachHost => wire::authenticate::Kind::EachHost(true),
        Authenticate::None => wire::authenticate::Kind::None(true),
    };
    let claim_header = |(header, claim): &(HeaderName, String)| wire::ClaimHeader {
        header: header.as_str().to_owned(),
        claim: claim.clone(),
    };
    wire::Settings {
        authenticate: Some(wire::Authenticate {
            kind: Some(authenticate),
        }),
        provider: provider.as_ref().map(encode_provider),
        cookie: Some(encode_cookie(cookie)),
        keys: Some(encode_keys(keys)),
        jwt_claims_headers: jwt_claims_headers.iter().map(claim_header).collect(),
        pages: Some(encode_pages(pages)),
        path_parameters: match path_parameters {
            None => wire::PathParameters::Unset,
            Some(PathParameters::Allow) => wire::PathParameters::Allow,
            Some(PathParameters::Reject) => wire::PathParameters::Reject,
        }
        .into(),
        trusted_hops: *trusted_hops,
        client_authorities: client_authorities.as_deref().map(encode_client_authorities),
    }
}

fn encode_client_authorities(authorities: &ClientAuthorities) -> wire::ClientAuthorities {
    let ClientRequirements {
        authorities,
        revoked,
        max_depth,
        names,
    } = authorities.requirements();
    let bytes = |all: &[Vec<u8>]| all.iter().map(|der| Bytes::copy_from_slice(der)).collect();
    let name = |(kind, pattern): &(SanType, String)| wire::SubjectAlternativeName {
        kind: kind.key().to_owned(),
        pattern: pattern.clone(),
    };
    wire::ClientAuthorities {
        authorities: bytes(authorities),
        revoked: bytes(revoked),
        max_depth: *max_depth,
        names: names.iter().map(name).collect(),
    }
}

fn encode_pages(pages: &Pages) -> wire::Pages {
    let Pages {
        routes_portal,
        jwt_endpoint,
        programmatic_redirects,
        sign_out,
        branding,
    } = pages;
    let SignOut {
        redirect_url,
        any_redirect,
    } = sign_out;
    let Branding {
        primary_color,
        secondary_color,
        darkmode_primary_color,
        darkmode_secondary_color,
        logo_url,
        favicon_url,
        error_paragraph,
    } = branding;
    let color = |color: &Option<Color>| color.map(|color| color.to_string());
    let image = |image: &Option<Image>| image.as_ref().map(|image| image.as_str().to_owned());
    wire::Pages {
        routes_portal: *routes_portal,
        jwt_endpoint: *jwt_endpoint,
        primary_color: color(primary_color),
        secondary_color: color(secondary_color),
        darkmode_primary_color: color(darkmode_primary_color),
        darkmode_secondary_color: color(darkmode_secondary_color),
        logo_url: image(logo_url),
        favicon_url: image(favicon_url),
        sign_out_redirect_url: redirect_url.as_ref().map(|url| url.as_str().to_owned()),
        any_sign_out_redirect: *any_redirect,
        error_paragraph: error_paragraph.as_ref().map(|text| text.as_str().to_owned()),
        programmatic_redirects: programmatic_redirects
            .iter()
            .map(|host| host.as_str().to_owned())
            .collect(),
    }
}

fn encode_provider(provider: &Provider) -> wire::Provider {
    let Provider {
        id,
        kind,
        issuer_url,
        client_id,
        client_secret,
        scopes,
    } = provider;
    wire::Provider {
        id: id.clone(),
        kind: kind.clone(),
        issuer_url: issuer_url.clone(),
        client_id: client_id.clone(),
        client_secret: client_secret
            .as_ref()
            .map(|secret| secret.expose_secret().to_owned()),
        scopes: scopes.clone(),
    }
}

fn encode_cookie(cookie: &Cookie) -> wire::Cookie {
    let Cookie {
        name,
        expire,
        domain,
        http_only,
        same_site,
    } = cookie;
    let same_site = match same_site {
        SameSite::Unset => wire::SameSite::Unset,
        SameSite::Lax => wire::SameSite::Lax,
        SameSite::Strict => wire::SameSite::Strict,
        SameSite::None => wire::SameSite::None,
    };
    wire::Cookie {
        name: name.clone(),
        expire_seconds: expire.as_secs(),
        expire_nanos: expire.subsec_nanos(),
        domain: domain.clone(),
        http_only: *http_only,
        same_site: same_site.into(),
    }
}

fn encode_keys(keys: &Keys) -> wire::Keys {
    let Keys {
        shared_secret,
        cookie_secret,
        signing_key_pem,
    } = keys;
    let first = |secrets: &Secrets| Bytes::copy_from_slice(secrets.first());
    let others = |secrets: &Secrets| {
        let others = secrets.all().skip(1);
        others.map(|secret| Bytes::copy_from_slice(secret)).collect()
    };
    wire::Keys {
        shared_secret: first(shared_secret),
        cookie_secret: first(cookie_secret),
        signing_key_pem: signing_key_pem.as_ref().map(|pem| pem.expose_secret().to_owned()),
        other_shared_secrets: others(shared_secret),
        other_cookie_secrets: others(cookie_secret),
    }
}

fn encode_route(route: &Route) -> wire::Route {
    let Route {
        id,
        name,
        host,
        port,
        policy,
        pass_identity_headers,
        set_request_headers,
        remove_request_headers,
        allow_websockets,
        answer,
        error_details,
        listing,
        depends_on,
        found_by,
    } = route;
    let Listing {
        from,
        description,
        logo_url,
    } = listing;
    let policy = match policy {
        RoutePolicy::Program(program) => {
            wire::route::Policy::Program(Bytes::copy_from_slice(&program.digest()))
        }
        RoutePolicy::Invalid { message } => wire::route::Policy::Invalid(message.clone()),
    };
    let set_header = |(name, template): &(HeaderName, Template)| wire::SetHeader {
        name: name.as_str().to_owned(),
        template: template.source().to_owned(),
    };
    let advice = |advice: &Advice| wire::Advice {
        explanation: advice.explanation.clone(),
        remediation: advice.remediation.clone(),
    };
    wire::Route {
        id: id.0,
        name: name.clone(),
        host: host.as_str().to_owned(),
        port: port.map(u32::from),
        policy: Some(policy),
        pass_identity_headers: *pass_identity_headers,
        set_request_headers: set_request_headers.iter().map(set_header).collect(),
        remove_request_headers: remove_request_headers
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect(),
        allow_websockets: *allow_websockets,
        error_details: error_details.as_ref().map(|all| wire::ErrorDetails {
            advice: all.iter().map(advice).collect(),
        }),
        listing: Some(wire::Listing {
            from: from.clone(),
            description: description.clone(),
            logo_url: logo_url.clone(),
        }),
        depends_on: depends_on
            .iter()
            .map(|(host, port)| encode_host(&(host.clone().into(), *port)))
            .collect(),
        found_by: found_by.as_ref().map(encode_found_by),
        answer: answer.as_deref().map(super::answer::encode),
    }
}

fn encode_found_by(found_by: &FoundBy) -> wire::FoundBy {
    let FoundBy { path, turn } = found_by;
    wire::FoundBy {
        path: match path {
            PathPattern::Any => None,
            PathPattern::Prefix(prefix) => Some(wire::found_by::Path::Prefix(prefix.clone())),
            PathPattern::Path(path) => Some(wire::found_by::Path::Exact(path.clone())),
            PathPattern::Regex(regex) => Some(wire::found_by::Path::Regex(regex.clone())),
        },
        turn: *turn,
    }
}
