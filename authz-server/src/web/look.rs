//! How the pages look: the one style sheet, and over it what is configured. A page
//! shows nothing that another site would be asked for.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_model::{Branding, Color, Image};

/// The one style sheet. It stands in each page, and the content security policy
/// admits it by its hash and no other.
const STYLE: &str = include_str!("../../templates/style.css");

/// What the layout of every page needs.
pub(super) struct Look<'a> {
    /// The style sheet with the configured colours.
    pub(super) style: String,
    pub(super) logo: Option<&'a str>,
    pub(super) favicon: Option<&'a str>,
    /// Whether there is a list of routes to lead to.
    pub(super) portal: bool,
}

impl<'a> Look<'a> {
    pub(super) fn new(branding: &'a Branding, portal: bool) -> Self {
        let Branding {
            primary_color,
            secondary_color,
            darkmode_primary_color,
            darkmode_secondary_color,
            logo_url,
            favicon_url,
        } = branding;
        let mut style = STYLE.to_owned();
        let light = colors(*primary_color, *secondary_color);
        let dark = colors(*darkmode_primary_color, *darkmode_secondary_color);
        if !light.is_empty() {
            // Of the light mode alone: on dark ground our own are seen, unless others are set.
            let _written = write!(style, "@media (prefers-color-scheme:light){{:root{{{light}}}}}");
        }
        if !dark.is_empty() {
            let _written = write!(style, "@media (prefers-color-scheme:dark){{:root{{{dark}}}}}");
        }
        Self {
            style,
            logo: logo_url.as_ref().map(Image::as_str),
            favicon: favicon_url.as_ref().map(Image::as_str),
            portal,
        }
    }

    /// The sources that the content security policy admits beside its defaults.
    pub(super) fn sources(&self, other_images: bool) -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.style.as_bytes());
        let images = match self.logo.is_some() || self.favicon.is_some() || other_images {
            true => " img-src 'self' data:;",
            false => "",
        };
        format!("style-src 'sha256-{}';{images}", STANDARD.encode(hash))
    }
}

/// Text on a button is black or white, whichever is read better; links keep our own
/// colour, which is read well on the card.
fn colors(primary: Option<Color>, secondary: Option<Color>) -> String {
    let mut colors = String::new();
    if let Some(color) = primary {
        let _written = write!(colors, "--button:{color};--on-button:{};", color.text_on_it());
    }
    if let Some(color) = secondary {
        let _written = write!(colors, "--band:{color};");
    }
    colors
}
