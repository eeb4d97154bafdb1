//! The look that is configured, over our own.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_model::{Branding, Color, Image, Paragraph};

use super::STYLE;

/// What the error page's style sheet needs beside it.
const BRANDED_STYLE: &str = include_str!("../../templates/error_branded.css");

/// A button is seen on the card even where its colour is the card's.
const EDGE: &str = "--edge:color-mix(in srgb,var(--button),var(--text));";

/// How error pages look where that is configured. It is made once for each bundle:
/// a refusal only writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    style: String,
    policy: String,
    logo: Option<String>,
    favicon: Option<String>,
    paragraph: Option<String>,
}

impl Look {
    /// `None` where nothing is configured: then the page is the same for everybody.
    #[must_use]
    pub fn of(branding: &Branding) -> Option<Self> {
        if *branding == Branding::default() {
            return None;
        }
        let mut style = [STYLE, BRANDED_STYLE].concat();
        paint(&mut style, branding);
        let text = |image: &Option<Image>| image.as_ref().map(|image| image.as_str().to_owned());
        let (logo, favicon) = (text(&branding.logo_url), text(&branding.favicon_url));
        let images = match logo.is_some() || favicon.is_some() {
            true => " img-src 'self' data:;",
            false => "",
        };
        let policy = format!(
            "default-src 'none'; {}{images} base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            style_source(&style)
        );
        Some(Self {
            style,
            policy,
            logo,
            favicon,
            paragraph: branding
                .error_paragraph
                .as_ref()
                .map(|text| Paragraph::as_str(text).to_owned()),
        })
    }

    pub(super) fn style(&self) -> &str {
        &self.style
    }

    pub(super) fn policy(&self) -> &str {
        &self.policy
    }

    pub(super) fn logo(&self) -> Option<&str> {
        self.logo.as_deref()
    }

    /// What the page says first.
    pub(super) fn paragraph(&self) -> Option<&str> {
        self.paragraph.as_deref()
    }

    pub(super) fn favicon(&self) -> Option<&str> {
        self.favicon.as_deref()
    }
}

/// The directive that admits this style sheet and no other.
#[must_use]
pub fn style_source(style: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
    format!("style-src 'sha256-{}';", STANDARD.encode(hash))
}

/// Adds the configured colours to a style sheet.
pub(crate) fn paint(style: &mut String, branding: &Branding) {
    let Branding {
        primary_color,
        secondary_color,
        darkmode_primary_color,
        darkmode_secondary_color,
        logo_url: _,
        favicon_url: _,
        error_paragraph: _,
    } = branding;
    let light = colors(*primary_color, *secondary_color);
    let dark = colors(*darkmode_primary_color, *darkmode_secondary_color);
    if !light.is_empty() {
        // Of the light mode alone: on dark ground our own are seen, unless others are set.
        let _written = write!(style, "@media (prefers-color-scheme:light){{:root{{{light}}}}}");
    }
    if !dark.is_empty() {
        let _written = write!(style, "@media (prefers-color-scheme:dark){{:root{{{dark}}}}}");
    }
}

/// Text on a button is black or white, whichever is read better; links keep our own
/// colour, which is read well on the card.
fn colors(primary: Option<Color>, secondary: Option<Color>) -> String {
    let mut colors = String::new();
    if let Some(color) = primary {
        let _written = write!(
            colors,
            "--button:{color};--on-button:{};{EDGE}",
            color.text_on_it()
        );
    }
    if let Some(color) = secondary {
        let _written = write!(colors, "--band:{color};");
    }
    colors
}
