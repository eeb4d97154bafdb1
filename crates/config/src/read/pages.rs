//! What the pages show: the flags that turn them on, their look, and what the list of routes says.

use portcullis_model::{Branding, Color, Host, Image, Pages};

use super::{part, strings, text};
use crate::codes::{BRANDING, URL_INVALID};
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
        branding: _,
    } = Pages::default();
    Pages {
        routes_portal: flag("routes_portal").unwrap_or(routes_portal),
        jwt_endpoint: flag("pomerium_jwt_endpoint").unwrap_or(jwt_endpoint),
        branding: Branding {
            primary_color: color(report, fields, "primary_color"),
            secondary_color: color(report, fields, "secondary_color"),
            darkmode_primary_color: color(report, fields, "darkmode_primary_color"),
            darkmode_secondary_color: color(report, fields, "darkmode_secondary_color"),
            logo_url: image(report, fields, "logo_url"),
            favicon_url: image(report, fields, "favicon_url"),
        },
    }
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
