//! What all routes share. No type here implements `Serialize`, and `Debug` shows
//! no secret (`secrecy` redacts them).

use crate::RedirectHosts;
use crate::digest::Digest;
use core::time::Duration;
use portcullis_model::{
    Branding, HeaderName, Host, Image, Pages, Paragraph, PathParameters, Secrets, SignOut, WebUrl,
};
use portcullis_policy::{ClientAuthorities, ClientRequirements};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;

/// Settings of a bundle.
#[derive(Debug)]
pub struct Settings {
    /// Where logins happen.
    pub authenticate: Authenticate,
    /// The identity provider, where one is configured.
    pub provider: Option<Provider>,
    /// The session cookie.
    pub cookie: Cookie,
    /// The keys that sessions and assertions derive from.
    pub keys: Keys,
    /// Claims that go to upstreams as headers: header and claim.
    pub jwt_claims_headers: Vec<(HeaderName, String)>,
    /// Hosts and external ports of the routes and of the authenticate service:
    /// the only places to which a login may return.
    pub redirect_hosts: RedirectHosts,
    /// Which pages there are beside the routes, and how they look.
    pub pages: Pages,
    /// What becomes of paths with parameters; `None` where that is not said: where our
    /// own Envoy chose the route they pass, elsewhere not.
    pub path_parameters: Option<PathParameters>,
    /// How many proxies stand before Envoy and say in `X-Forwarded-For` whom they
    /// speak for.
    pub trusted_hops: u32,
    /// By which client certificates are judged; `None` where none are asked for, so
    /// that whatever is presented counts for nothing.
    pub client_authorities: Option<Arc<ClientAuthorities>>,
}

/// The authenticate service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authenticate {
    /// We are it.
    Own {
        /// Its host.
        host: Host,
        /// Its external port; 443 where the URL names none.
        port: u16,
    },
    /// Pomerium's hosted service, which we do not speak to.
    Hosted {
        /// As configured.
        url: String,
    },
    /// Every host of a route, for itself.
    EachHost,
    /// Not configured.
    None,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Hash of the settings (the client secret enters through a digest): a
    /// session of another provider id is not a session of this provider.
    pub id: String,
    /// The kind, `oidc`.
    pub kind: String,
    /// The issuer's URL.
    pub issuer_url: String,
    /// Our client id there.
    pub client_id: String,
    /// Our client secret there.
    pub client_secret: Option<SecretString>,
    /// Scopes to ask for; empty means the provider's defaults.
    pub scopes: Vec<String>,
}

impl Provider {
    /// Builds a provider and computes its id.
    #[must_use]
    pub fn new(
        kind: String,
        issuer_url: String,
        client_id: String,
        client_secret: Option<SecretString>,
        scopes: Vec<String>,
    ) -> Self {
        let mut digest = Digest::new("portcullis provider 1");
        digest.text(&kind);
        digest.text(&issuer_url);
        digest.text(&client_id);
        digest.count(scopes.len());
        for scope in &scopes {
            digest.text(scope);
        }
        // The client secret is left out on purpose: the id travels in cookies and
        // logs, and a weak secret could be guessed from it. Rotating the secret
        // need not end sessions either.
        let id = hex::encode(digest.finish()).chars().take(32).collect();
        Self {
            id,
            kind,
            issuer_url,
            client_id,
            client_secret,
            scopes,
        }
    }
}

/// The session cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name, `_pomerium` by default; the others' names derive from it.
    pub name: String,
    /// How long a session lasts after the login.
    pub expire: Duration,
    /// The domain whose hosts share it (RFC 6265, `Domain`), in lower case and
    /// without a leading dot; `None` means the host alone that set it.
    pub domain: Option<String>,
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// Which requests from other sites carry it.
    pub same_site: SameSite,
}

impl Cookie {
    /// The domain that the session cookie has on `host`; `None` where it is the
    /// host's alone: a browser refuses a cookie for a domain that its host is not
    /// of.
    #[must_use]
    pub fn domain_on(&self, host: &Host) -> Option<&str> {
        let domain = self.domain.as_deref()?;
        let of = match host.as_str().strip_suffix(domain) {
            Some("") => true,
            Some(labels) => labels.ends_with('.') && host.as_ip().is_none(),
            None => false,
        };
        of.then_some(domain)
    }
}

/// Which requests from other sites carry a cookie (RFC 6265bis, `SameSite`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SameSite {
    /// Nothing is said, which browsers take for `Lax` or nearly so.
    #[default]
    Unset,
    /// Navigations by GET.
    Lax,
    /// None.
    Strict,
    /// All.
    None,
}

impl SameSite {
    /// The attribute's value, if it is to be there.
    #[must_use]
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Unset => None,
            Self::Lax => Some("Lax"),
            Self::Strict => Some("Strict"),
            Self::None => Some("None"),
        }
    }
}

/// The root keys. Of several the first is in use and the others open what was
/// made with them.
#[derive(Debug)]
pub struct Keys {
    /// Sign, and seal what lies at rest.
    pub shared_secret: Secrets,
    /// Seal cookies.
    pub cookie_secret: Secrets,
    /// PEM of the keys for assertions, of which the first signs; derived from
    /// `shared_secret` where absent.
    pub signing_key_pem: Option<SecretString>,
}

impl Settings {
    /// Hash of everything here; secrets enter through a digest of their own.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let Self {
            authenticate,
            provider,
            cookie,
            keys,
            jwt_claims_headers,
            redirect_hosts,
            pages,
            path_parameters,
            trusted_hops,
            client_authorities,
        } = self;
        let mut digest = Digest::new("portcullis settings 7");
        match authenticate {
            Authenticate::Own { host, port } => {
                digest.number(1);
                digest.text(host.as_str());
                digest.number(u128::from(*port));
            }
            Authenticate::Hosted { url } => {
                digest.number(2);
                digest.text(url);
            }
            Authenticate::None => digest.number(3),
            Authenticate::EachHost => digest.number(4),
        }
        digest.flag(provider.is_some());
        if let Some(Provider {
            id,
            kind: _,
            issuer_url: _,
            client_id: _,
            client_secret,
            scopes: _,
        }) = provider
        {
            // The id is a hash of all that is not secret.
            digest.text(id);
            digest.flag(client_secret.is_some());
            digest.bytes(&secret_digest(
                client_secret.as_ref().map(|s| s.expose_secret().as_bytes()),
            ));
        }
        let Cookie {
            name,
            expire,
            domain,
            http_only,
            same_site,
        } = cookie;
        digest.text(name);
        digest.number(expire.as_nanos());
        digest.optional(domain.as_deref());
        digest.flag(*http_only);
        digest.number(match same_site {
            SameSite::Unset => 0,
            SameSite::Lax => 1,
            SameSite::Strict => 2,
            SameSite::None => 3,
        });
        let Keys {
            shared_secret,
            cookie_secret,
            signing_key_pem,
        } = keys;
        for secrets in [shared_secret, cookie_secret] {
            digest.count(secrets.all().count());
            for secret in secrets.all() {
                digest.bytes(&secret_digest(Some(secret)));
            }
        }
        digest.flag(signing_key_pem.is_some());
        digest.bytes(&secret_digest(
            signing_key_pem.as_ref().map(|s| s.expose_secret().as_bytes()),
        ));
        digest.count(jwt_claims_headers.len());
        for (header, claim) in jwt_claims_headers {
            digest.text(header.as_str());
            digest.text(claim);
        }
        let hosts = redirect_hosts.entries();
        digest.count(hosts.len());
        for (host, port) in &hosts {
            digest.text(host.as_str());
            digest.number(u128::from(*port));
        }
        pages_into(&mut digest, pages);
        digest.number(match path_parameters {
            None => 0,
            Some(PathParameters::Allow) => 1,
            Some(PathParameters::Reject) => 2,
        });
        digest.number(u128::from(*trusted_hops));
        clients_into(&mut digest, client_authorities.as_deref());
        digest.finish()
    }
}

fn clients_into(digest: &mut Digest, authorities: Option<&ClientAuthorities>) {
    digest.flag(authorities.is_some());
    let Some(authorities) = authorities else {
        return;
    };
    let ClientRequirements {
        authorities,
        revoked,
        max_depth,
        names,
    } = authorities.requirements();
    for all in [authorities, revoked] {
        digest.count(all.len());
        for der in all {
            digest.bytes(der);
        }
    }
    digest.number(u128::from(*max_depth));
    digest.count(names.len());
    for (kind, pattern) in names {
        digest.text(kind.key());
        digest.text(pattern);
    }
}

fn pages_into(digest: &mut Digest, pages: &Pages) {
    let Pages {
        routes_portal,
        jwt_endpoint,
        programmatic_redirects,
        sign_out,
        branding,
    } = pages;
    digest.flag(*routes_portal);
    digest.flag(*jwt_endpoint);
    digest.count(programmatic_redirects.len());
    for host in programmatic_redirects {
        digest.text(host.as_str());
    }
    let SignOut {
        redirect_url,
        any_redirect,
    } = sign_out;
    digest.optional(redirect_url.as_ref().map(WebUrl::as_str));
    digest.flag(*any_redirect);
    let Branding {
        primary_color,
        secondary_color,
        darkmode_primary_color,
        darkmode_secondary_color,
        logo_url,
        favicon_url,
        error_paragraph,
    } = branding;
    for color in [
        primary_color,
        secondary_color,
        darkmode_primary_color,
        darkmode_secondary_color,
    ] {
        digest.optional(color.map(|color| color.to_string()).as_deref());
    }
    for image in [logo_url, favicon_url] {
        digest.optional(image.as_ref().map(Image::as_str));
    }
    digest.optional(error_paragraph.as_ref().map(Paragraph::as_str));
}

fn secret_digest(secret: Option<&[u8]>) -> [u8; 32] {
    let mut digest = Digest::new("portcullis secret 1");
    digest.bytes(secret.unwrap_or_default());
    digest.finish()
}
