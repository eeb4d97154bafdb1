//! The bundle's settings.

use super::report::Report;
use super::{clients, keys};
use crate::Materials;
use portcullis_bundle::{Authenticate, Cookie, Provider, RedirectHosts, SameSite, Settings};
use portcullis_config::{self as config, Config, Idp};
use secrecy::SecretString;

/// The port that a browser uses where a URL names none.
const HTTPS: u16 = 443;

pub(super) fn settings(config: &Config, materials: &Materials, report: &mut Report) -> Option<Settings> {
    let global = &config.global;
    let authenticate = match &global.authenticate {
        None | Some(config::Authenticate::Hosted { .. }) if materials.each_host_logs_in => {
            Authenticate::EachHost
        }
        None => Authenticate::None,
        Some(config::Authenticate::Hosted { url }) => Authenticate::Hosted { url: url.clone() },
        Some(config::Authenticate::Own { host, port, url: _ }) => Authenticate::Own {
            host: host.clone(),
            port: *port,
        },
    };
    let mut redirect_hosts: RedirectHosts = config
        .routes
        .iter()
        .map(|route| (route.from.host.clone(), route.from.port.unwrap_or(HTTPS)))
        .collect();
    if let Authenticate::Own { host, port } = &authenticate {
        redirect_hosts.insert(host.clone().into(), *port);
    }
    // Both, before either may end it: every problem is reported.
    let provider = match &global.idp {
        None => Some(None),
        Some(idp) => provider(idp, materials, report).map(Some),
    };
    let keys = keys::keys(global, materials, report);
    let clients = match &global.client_certificates {
        None => Some(None),
        Some(clients) => clients::authorities(clients, materials, report).map(Some),
    };
    Some(Settings {
        authenticate,
        provider: provider?,
        cookie: cookie(&global.cookie),
        keys: keys?,
        jwt_claims_headers: global.jwt_claims_headers.clone(),
        redirect_hosts,
        pages: global.pages.clone(),
        path_parameters: global.path_parameters,
        trusted_hops: global.xff_num_trusted_hops,
        client_authorities: clients?,
    })
}

fn cookie(options: &config::CookieOptions) -> Cookie {
    let config::CookieOptions {
        name,
        expire,
        domain,
        http_only,
        same_site,
    } = options;
    Cookie {
        name: name.clone(),
        expire: *expire,
        // Browsers take no notice of a leading dot (RFC 6265, 5.2.3).
        domain: domain
            .as_deref()
            .map(|domain| domain.trim_start_matches('.').to_ascii_lowercase()),
        http_only: *http_only,
        same_site: match same_site {
            config::SameSite::Unset => SameSite::Unset,
            config::SameSite::Lax => SameSite::Lax,
            config::SameSite::Strict => SameSite::Strict,
            config::SameSite::None => SameSite::None,
        },
    }
}

fn provider(idp: &Idp, materials: &Materials, report: &mut Report) -> Option<Provider> {
    let Idp {
        provider,
        url,
        client_id,
        client_secret,
        scopes,
    } = idp;
    let client_secret = match client_secret {
        None => None,
        Some(secret) => {
            let (text, _) = keys::text(secret, "idp_client_secret", materials, report)?;
            // An editor's line end is no part of a secret.
            Some(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
    };
    Some(Provider::new(
        provider.clone(),
        url.clone(),
        client_id.clone(),
        client_secret,
        scopes.clone(),
    ))
}
