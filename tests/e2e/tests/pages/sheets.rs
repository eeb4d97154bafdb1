//! Many pages in one picture.

use std::fmt::Write as _;
use std::path::Path;

use portcullis_harness::Browser;

use super::eyes::{LIGHTS, SCREENS};

const JUDGE: &str = include_str!("judge.js");

/// The pages of one picture.
const PAGES: usize = 20;

/// One page on a sheet.
pub(crate) struct Shown {
    /// What stands below it.
    pub(crate) label: String,
    /// The page itself.
    pub(crate) html: String,
}

/// Shows all pages, each in a frame as large as the screen, and judges each.
/// The pictures are `pages-NAME-NUMBER-SCREEN-LIGHT`.
#[track_caller]
pub(crate) fn show(browser: &mut Browser, directory: &Path, name: &str, pages: &[Shown]) {
    for (screen, width, _) in SCREENS {
        let phone = width < 600;
        for (number, pages) in (1..).zip(pages.chunks(PAGES)) {
            let file = directory.join(format!("{name}-{number}-{screen}.html"));
            std::fs::write(&file, sheet(pages, phone)).unwrap();
            browser.open(&format!("file://{}", file.display()));
            for (light, dark) in LIGHTS {
                // The frames are as wide as the screen; the sheet is seen on a large one.
                browser.emulate(1280, 720, dark);
                let judged = browser.script(&format!(
                    "{JUDGE}; return [...document.querySelectorAll('iframe')].map((frame) => {{
                       const root = frame.contentDocument.documentElement;
                       const cut = root.scrollHeight > root.clientHeight ? 'longer than its frame' : '';
                       return [judge(frame.contentDocument, {phone}), cut].filter(Boolean)
                         .map((said) => frame.title + ': ' + said).join('\\n');
                     }}).filter(Boolean).join('\\n') || `${{document.querySelectorAll('iframe').length}} pages`"
                ));
                assert_eq!(judged, format!("{} pages", pages.len()), "on a {screen}, {light}");
                browser.picture(&format!("pages-{name}-{number}-{screen}-{light}"));
            }
        }
    }
}

fn sheet(pages: &[Shown], phone: bool) -> String {
    let (width, height, scale, columns) = if phone {
        (390, 720, 0.6, 5)
    } else {
        (1280, 640, 0.31, 3)
    };
    let (shown_width, shown_height) = (f64::from(width) * scale, f64::from(height) * scale);
    let mut html = format!(
        "<!doctype html><meta charset=utf-8><title>Refusals</title><style>
:root {{ color-scheme: light dark }}
body {{ margin: 12px; display: grid; grid-template-columns: repeat({columns}, {shown_width}px); gap: 14px;
  background: #fff; color: #333; font: 13px/1.6 ui-monospace, monospace; width: max-content }}
@media (prefers-color-scheme: dark) {{ body {{ background: #000; color: #ccc }} }}
figure {{ margin: 0; min-width: 0; overflow-wrap: anywhere }}
div {{ width: {shown_width}px; height: {shown_height}px; overflow: hidden; border-radius: 8px; outline: 1px solid #8888 }}
iframe {{ border: 0; width: {width}px; height: {height}px; transform: scale({scale}); transform-origin: 0 0 }}
</style>"
    );
    for Shown { label, html: page } in pages {
        let page = page.replace('&', "&amp;").replace('"', "&quot;");
        write!(
            html,
            "<figure><div><iframe title=\"{label}\" srcdoc=\"{page}\"></iframe></div><figcaption>{label}</figcaption></figure>"
        )
        .unwrap();
    }
    html
}
