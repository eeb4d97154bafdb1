//! How the pages look: the one style sheet, and over it what is configured. A page
//! shows nothing that another site would be asked for.

use portcullis_model::{Branding, Image};

use crate::page::{paint, style_source};

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
        let mut style = STYLE.to_owned();
        paint(&mut style, branding);
        Self {
            style,
            logo: branding.logo_url.as_ref().map(Image::as_str),
            favicon: branding.favicon_url.as_ref().map(Image::as_str),
            portal,
        }
    }

    /// The sources that the content security policy admits beside its defaults.
    pub(super) fn sources(&self, other_images: bool) -> String {
        let images = match self.logo.is_some() || self.favicon.is_some() || other_images {
            true => " img-src 'self' data:;",
            false => "",
        };
        style_source(&self.style) + images
    }
}
