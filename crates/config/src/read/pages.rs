//! What the pages show: the flags that turn them on, their look, and what the list of routes says.

use portcullis_model::{Branding, Color, Host, Image, Pages, Paragraph, SignOut, WebUrl};

use super::{part, placed_texts, strings, text};
use crate::codes::{BRANDING, HOST_INVALID, URL_INVALID};
use crate::report::{Problem, Report};
use crate::schema::{Fields, excerpt};
use crate::{GoUrl, value};

/// The port of a host without one.
const HTTPS: u16 = 443;

pub(super) fn read(report: &mut Report, fields: &Fields<'_>) -> Pages {
    let flag = |name: &str| {
        let flags = fields.get("runtime_flags")?;
        part(flags.node, name)?.as_scalar().and_then(value::boolean)
    };
    let Pages {
        routes_portal,
        jwt_endpoint,
        programmatic_redirects,
        sign_out: _,
        branding: _,
    } = Pages::default();
    Pages {
        routes_portal: flag("routes_portal").unwrap_or(routes_portal),
        jwt_endpoint: flag("pomerium_jwt_endpoint").unwrap_or(jwt_endpoint),
        programmatic_redirects: programmatic(report, fields).unwrap_or(programmatic_redirects),
        sign_out: SignOut {
            redirect_url: sign_out_redirect(report, fields),
            any_redirect: flag("allow_any_sign_out_redirect_uri").unwrap_or(false),
        },
        branding: Branding {
            primary_color: color(report, fields, "primary_color"),
            secondary_color: color(report, fields, "secondary_color"),
            darkmode_primary_color: color(report, fields, "darkmode_primary_color"),
            darkmode_secondary_color: color(report, fields, "darkmode_secondary_color"),
            logo_url: image(report, fields, "logo_url"),
            favicon_url: image(report, fields, "favicon_url"),
            error_paragraph: paragraph(report, fields, "error_message_first_paragraph"),
        },
    }
}

/// `signout_redirect_url`.
fn sign_out_redirect(report: &mut Report, fields: &Fields<'_>) -> Option<WebUrl> {
    const KEY: &str = "signout_redirect_url";
    let text = text(fields, KEY)?;
    let url = WebUrl::parse(&text);
    if let (None, Some(field)) = (&url, fields.get(KEY)) {
        let message = format!(
            "`{KEY}` takes an http or https URL with a host, not `{}`",
            excerpt(&text)
        );
        report.add(Problem::error(URL_INVALID, field.node.span, message));
    }
    url
}

fn color(report: &mut Report, fields: &Fields<'_>, name: &str) -> Option<Color> {
    let text = text(fields, name)?;
    let color = Color::parse(&text);
    if color.is_none() {
        let message = format!("`{name}` takes `#rgb` or `#rrggbb`, not `{}`", excerpt(&text));
        not_shown(report, fields, name, message, "the pages keep their own colour");
    }
    color
}

fn image(report: &mut Report, fields: &Fields<'_>, name: &str) -> Option<Image> {
    let text = text(fields, name)?;
    let image = Image::parse(&text);
    if image.is_none() {
        let message = format!(
            "`{}` is not shown: pages load nothing from elsewhere",
            excerpt(&text)
        );
        let help = "write the image as `data:image/png;base64,…` of at most 64 KiB, or a path of the route's own host";
        not_shown(report, fields, name, message, help);
    }
    image
}

fn paragraph(report: &mut Report, fields: &Fields<'_>, name: &str) -> Option<Paragraph> {
    let text = text(fields, name).filter(|text| !text.trim().is_empty())?;
    let paragraph = Paragraph::parse(&text);
    if paragraph.is_none() {
        let message = format!("`{name}` is not shown: it is longer than 1,000 characters or no plain text");
        not_shown(report, fields, name, message, "error pages go without it");
    }
    paragraph
}

/// `programmatic_redirect_domain_whitelist`. What is no host lets nothing in, as in Pomerium, which compares
/// hosts; here that is said.
fn programmatic(report: &mut Report, fields: &Fields<'_>) -> Option<Vec<Host>> {
    const KEY: &str = "programmatic_redirect_domain_whitelist";
    let field = fields.get(KEY)?;
    let mut hosts = Vec::new();
    for (entry, span) in placed_texts(report, field.node, KEY) {
        let host = match entry.parse::<core::net::Ipv6Addr>() {
            Ok(address) => Host::parse(&format!("[{address}]")),
            Err(_) => Host::parse(&entry),
        };
        match host {
            Ok(host) => hosts.push(host),
            Err(error) => {
                let message = format!("no program's login leads to `{}`: {error}", excerpt(&entry));
                let help = "write hosts alone, each in full: neither a scheme, a port nor a star";
                report.add(Problem::warning(HOST_INVALID, span, message).help(help));
            }
        }
    }
    Some(hosts)
}

fn not_shown(report: &mut Report, fields: &Fields<'_>, name: &str, message: String, help: &str) {
    if let Some(field) = fields.get(name) {
        report.add(Problem::warning(BRANDING, field.node.span, message).help(help));
    }
}

/// `logo_url` of a route. The list of routes tells what is written; it shows only what is no other site's.
pub(super) fn route_logo(report: &mut Report, fields: &Fields<'_>) -> String {
    let _shown = image(report, fields, "logo_url");
    text(fields, "logo_url").unwrap_or_default()
}

/// `depends_on`; a URL counts by its host, as in Pomerium. That a URL has none has been said.
pub(super) fn depends_on(report: &mut Report, fields: &Fields<'_>) -> Vec<(Host, u16)> {
    let mut hosts = Vec::new();
    for entry in strings(report, fields, "depends_on") {
        let written = match entry.contains("://") {
            true => GoUrl::parse(&entry).map(|url| url.host).unwrap_or_default(),
            false => entry.clone(),
        };
        let read = value::host_and_port(&written);
        let read = read.and_then(|(host, port)| Some((Host::parse(&host?).ok()?, port.unwrap_or(HTTPS))));
        match (read, fields.get("depends_on")) {
            (Some(host), _) => hosts.push(host),
            (None, Some(field)) if !written.is_empty() => {
                let message = format!(
                    "`depends_on` takes hosts, or URLs with one, not `{}`",
                    excerpt(&entry)
                );
                report.add(Problem::error(URL_INVALID, field.node.span, message));
            }
            (None, _) => {}
        }
    }
    hosts
}
