//! What the pages show beside their content: which of them there are, and how they look.

use core::fmt;

use crate::{Host, SignOut};

/// The longest logo or icon, in bytes of its text.
const MAX_IMAGE: usize = 64 * 1024;
/// The longest paragraph, in characters.
const MAX_PARAGRAPH: usize = 1000;
/// The kinds of image that may stand in a page.
const IMAGE_KINDS: [&str; 7] = [
    "png",
    "jpeg",
    "gif",
    "webp",
    "svg+xml",
    "x-icon",
    "vnd.microsoft.icon",
];

/// Options of the pages that all routes share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Whether there is a list of the routes that somebody may use (`runtime_flags.routes_portal`).
    pub routes_portal: bool,
    /// Whether `/.pomerium/jwt` gives out the assertion (`runtime_flags.pomerium_jwt_endpoint`).
    pub jwt_endpoint: bool,
    /// Hosts to which a login that a program began may lead
    /// (`programmatic_redirect_domain_whitelist`). `localhost` stands for the addresses of
    /// this machine too.
    pub programmatic_redirects: Vec<Host>,
    /// Where a sign-out leads.
    pub sign_out: SignOut,
    /// How they look.
    pub branding: Branding,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            routes_portal: true,
            jwt_endpoint: false,
            programmatic_redirects: Host::parse("localhost").into_iter().collect(),
            sign_out: SignOut::default(),
            branding: Branding::default(),
        }
    }
}

/// The look of the pages; `None` means our own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branding {
    /// `primary_color`: buttons, in light mode.
    pub primary_color: Option<Color>,
    /// `secondary_color`: the line above the page's card, in light mode.
    pub secondary_color: Option<Color>,
    /// `darkmode_primary_color`.
    pub darkmode_primary_color: Option<Color>,
    /// `darkmode_secondary_color`.
    pub darkmode_secondary_color: Option<Color>,
    /// `logo_url`.
    pub logo_url: Option<Image>,
    /// `favicon_url`.
    pub favicon_url: Option<Image>,
    /// `error_message_first_paragraph`: what error pages say first.
    pub error_paragraph: Option<Paragraph>,
}

/// An opaque colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Reads `#rgb` or `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let digit = |at: usize| {
            let digit = digits.get(at..=at)?;
            u8::from_str_radix(digit, 16).ok().filter(|_| digit != "+")
        };
        match digits.len() {
            3 => Some(Self([digit(0)? * 17, digit(1)? * 17, digit(2)? * 17])),
            6 => {
                let pair = |at| Some(digit(at)? * 16 + digit(at + 1)?);
                Some(Self([pair(0)?, pair(2)?, pair(4)?]))
            }
            _ => None,
        }
    }

    /// Black or white, whichever is read better on this colour (WCAG 2, contrast ratio).
    #[must_use]
    pub fn text_on_it(self) -> &'static str {
        // Where (L + 0.05)² = 1.05 · 0.05, both are read equally well.
        if self.luminance() > 0.179 {
            "#000000"
        } else {
            "#ffffff"
        }
    }

    /// The relative luminance (WCAG 2).
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        let Self([red, green, blue]) = self;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A paragraph of plain text: whoever shows it escapes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paragraph(String);

impl Paragraph {
    /// Reads up to 1,000 characters, without control characters but line ends and tabs, and not blank.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        let good = !text.is_empty() && text.chars().count() <= MAX_PARAGRAPH && text.chars().all(plain);
        good.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An image that a page can show without asking anybody else: a `data:` URL, or a path of the host that the
/// page is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(String);

impl Image {
    /// Reads `data:image/KIND;base64,…` or `/path`; `None` for what would be loaded from elsewhere.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_IMAGE {
            return None;
        }
        let good = match text.strip_prefix("data:image/") {
            Some(rest) => {
                let (kind, data) = rest.split_once(";base64,")?;
                let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
                IMAGE_KINDS.contains(&kind) && !data.is_empty() && data.bytes().all(base64)
            }
            // `//host` and `/\host` are other hosts to a browser.
            None => {
                let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'\'' | b'<' | b'>');
                text.starts_with('/') && !text.starts_with("//") && text.bytes().all(plain)
            }
        };
        good.then(|| Self(text.to_owned()))
    }

    /// As it stands in the page.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_both_forms() {
        for (text, wanted) in [("#abc", "#aabbcc"), ("#A0b1C2", "#a0b1c2"), ("#000", "#000000")] {
            assert_eq!(Color::parse(text).unwrap().to_string(), wanted);
        }
        for text in [
            "",
            "#",
            "#ab",
            "#abcd",
            "#abcdef0",
            "abc",
            "red",
            "#ggg",
            "#+12",
            "#ä1",
            "#ab;}",
            "rgb(0,0,0)",
        ] {
            assert_eq!(Color::parse(text), None, "{text}");
        }
    }

    #[test]
    fn text_is_read_on_every_colour() {
        for (color, text) in [
            ("#000", "#ffffff"),
            ("#fff", "#000000"),
            ("#ffd400", "#000000"),
            ("#2f5fd0", "#ffffff"),
            ("#757575", "#ffffff"),
            ("#777777", "#000000"),
        ] {
            let color = Color::parse(color).unwrap();
            assert_eq!(color.text_on_it(), text, "{color}");
            let on_it = Color::parse(text).unwrap().luminance();
            let (light, dark) = (color.luminance().max(on_it), color.luminance().min(on_it));
            assert!((light + 0.05) / (dark + 0.05) >= 4.5, "{color}");
        }
    }

    #[test]
    fn paragraphs_are_short_and_plain() {
        for (text, wanted) in [
            ("Ask the help desk.", "Ask the help desk."),
            (" a\n<b>\t", "a\n<b>"),
        ] {
            assert_eq!(Paragraph::parse(text).unwrap().as_str(), wanted);
        }
        assert!(Paragraph::parse(&"é".repeat(MAX_PARAGRAPH)).is_some());
        let long = "é".repeat(MAX_PARAGRAPH + 1);
        for text in ["", " \n", "a\u{1b}[31m", "a\0b", long.as_str()] {
            assert_eq!(Paragraph::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn images_come_from_nowhere_else() {
        for text in [
            "data:image/png;base64,iVBORw0KGgo=",
            "data:image/svg+xml;base64,PHN2Zy8+",
            "/logo.png?v=1",
        ] {
            assert_eq!(Image::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "logo.png",
            "https://cdn.example.com/logo.png",
            "//cdn.example.com/logo.png",
            "/\\cdn.example.com/logo.png",
            "data:image/png,x",
            "data:image/png;base64,",
            "data:image/png;base64,\"><script>",
            "data:text/html;base64,AAAA",
            "/a\" onerror=x",
            "/a b",
        ] {
            assert_eq!(Image::parse(text), None, "{text}");
        }
        assert_eq!(Image::parse(&format!("/{}", "x".repeat(MAX_IMAGE))), None);
    }
}
