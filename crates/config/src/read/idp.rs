//! The identity provider.

use super::{secrets, strings, text};
use crate::codes::{IDP_INCOMPLETE, NOT_IMPLEMENTED, URL_INVALID};
use crate::report::{Problem, Report};
use crate::schema::{Field, Fields};
use crate::{GoUrl, Idp, Secret};

/// The provider if a login with it can work; else it is said why not.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>) -> Option<Idp> {
    let client_secret = secrets::opaque(report, fields, "idp_client_secret");
    let scopes = strings(report, fields, "idp_scopes");
    let url = text(fields, "idp_provider_url");
    let url_is_good = url.as_deref().is_none_or(|url| check_url(report, fields, url));
    let client_id = text(fields, "idp_client_id");
    let Some(field) = fields
        .get("idp_provider")
        .filter(|_| text(fields, "idp_provider").is_some())
    else {
        if let Some(field) = any(fields, fields.present("idp_provider")) {
            let message = "`idp_provider` is missing, so that nobody can log in";
            report.add(
                Problem::warning(IDP_INCOMPLETE, field.key_span, message).help("write `idp_provider: oidc`"),
            );
        }
        return None;
    };
    let provider = text(fields, "idp_provider")?.to_ascii_lowercase();
    if provider != "oidc" {
        let message = format!("the provider `{provider}` is not implemented yet, so that nobody can log in");
        let help = "if it speaks OpenID Connect, use `oidc` with its `idp_provider_url`";
        report.add(Problem::warning(NOT_IMPLEMENTED, field.node.span, message).help(help));
        return None;
    }
    let missing: Vec<&str> = [
        (url.is_none(), "`idp_provider_url`"),
        (client_id.is_none(), "`idp_client_id`"),
    ]
    .into_iter()
    .filter_map(|(missing, name)| missing.then_some(name))
    .collect();
    if !missing.is_empty() {
        let message = format!("{} missing, so that nobody can log in", is_or_are(&missing));
        report.add(Problem::warning(IDP_INCOMPLETE, field.key_span, message));
    }
    let (url, client_id) = (url?, client_id?);
    url_is_good.then(|| Idp {
        provider,
        url,
        client_id,
        client_secret: client_secret.filter(is_set),
        scopes,
    })
}

fn is_set(secret: &Secret) -> bool {
    match secret {
        Secret::File(_) => true,
        Secret::Inline(text) => !secrecy::ExposeSecret::expose_secret(&text.value).is_empty(),
    }
}

fn is_or_are(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        many => format!("{} are", many.join(" and ")),
    }
}

fn any<'a, 'd>(fields: &'a Fields<'d>, provider: Option<&'a Field<'d>>) -> Option<&'a Field<'d>> {
    // An explicit empty provider is the hosted one, and then the rest has no meaning either.
    if provider.is_some() {
        return None;
    }
    [
        "idp_provider_url",
        "idp_client_id",
        "idp_client_secret",
        "idp_client_secret_file",
    ]
    .into_iter()
    .find_map(|name| fields.get(name))
}

fn check_url(report: &mut Report, fields: &Fields<'_>, text: &str) -> bool {
    let good = GoUrl::parse(text).is_ok_and(|url| {
        let (host, _) = url.host_and_port();
        matches!(url.scheme.as_str(), "http" | "https") && !host.is_empty()
    });
    if !good && let Some(field) = fields.get("idp_provider_url") {
        let message = "`idp_provider_url` takes an http or https URL";
        report.add(Problem::error(URL_INVALID, field.node.span, message));
    }
    good
}
