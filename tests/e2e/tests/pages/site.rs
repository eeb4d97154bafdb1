//! The sites whose pages are looked at.

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Browser, Site};

pub(crate) const USER: &str = "user@example.com";

pub(crate) const LOGO: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA0MCA0MCI+PHBhdGggZmlsbD0iIzJmNWZkMCIgZD0iTTQgOGgzMnYyNEg0eiIvPjxwYXRoIGZpbGw9IiNmZmYiIGQ9Ik0xMCAxNGgyMHYzSDEwem0wIDZoMjB2M0gxMHptMCA2aDEydjNIMTB6Ii8+PC9zdmc+";

/// A company's mark, five times as wide as high.
const WIDE_LOGO: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSIzMDAiIGhlaWdodD0iNjAiIHZpZXdCb3g9IjAgMCAzMDAgNjAiPjxyZWN0IHdpZHRoPSI2MCIgaGVpZ2h0PSI2MCIgcng9IjE0IiBmaWxsPSIjMGY3NjZlIi8+PHBhdGggZD0iTTE2IDQyVjE4bDE0IDE2IDE0LTE2djI0IiBmaWxsPSJub25lIiBzdHJva2U9IiNmZmYiIHN0cm9rZS13aWR0aD0iNiIvPjxnIGZpbGw9IiMwZjc2NmUiPjxyZWN0IHg9Ijc2IiB5PSIxNiIgd2lkdGg9IjIwMCIgaGVpZ2h0PSIxMiIgcng9IjYiLz48cmVjdCB4PSI3NiIgeT0iMzYiIHdpZHRoPSIxNDAiIGhlaWdodD0iMTAiIHJ4PSI1IiBvcGFjaXR5PSIuNiIvPjwvZz48L3N2Zz4=";

pub(crate) fn routes() -> String {
    format!(
        "
- from: https://app.example.test:{{port}}
  to: '{{upstream}}'
  name: Wiki
  description: What everybody should know, and where it is written down.
  logo_url: '{LOGO}'
  allowed_domains: [example.com, research.subsidiary.international.example.com]
- {{from: 'https://mail.example.test:{{port}}', to: '{{upstream}}', name: Mail, allowed_domains: [example.com]}}
- from: https://reports.example.test:{{port}}
  to: '{{upstream}}'
  name: Quarterly reports
  description: Sales of each quarter.
  policy: [{{allow: {{or: [{{claim/groups: staff}}]}}}}]
- from: https://admin.example.test:{{port}}
  to: '{{upstream}}'
  name: Administration
  policy: [{{allow: {{or: [{{claim/groups: admins}}]}}}}]
- from: https://launch.example.test:{{port}}
  to: '{{upstream}}'
  name: Launch
  show_error_details: true
  policy: [{{allow: {{and: [{{claim/groups: launch}}]}}}}]
  sub_policies:
  - name: launch
    allowed_users: [lea@example.com]
    explanation: Only the launch team may see this before the day.
    remediation: Ask in the channel of the launch for a place in the team.
- from: https://the-plant-in-the-north-west.archive-of-the-year-before-last.research.example.test:{{port}}
  to: '{{upstream}}'
  name: Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft
  description: Sketches.
  allowed_domains: [research.subsidiary.international.example.com]
- from: https://broken.example.test:{{port}}
  to: '{{upstream}}'
  policy: [{{allow: {{or: [{{emial: {{is: x}}}}]}}}}]
- {{from: 'https://open.example.test:{{port}}', to: '{{upstream}}', name: Front page, allow_public_unauthenticated_access: true}}
"
    )
}

/// Colours that can be read, a logo and words of the company's own.
pub(crate) fn branding() -> String {
    format!(
        "primary_color: '#0f766e'
secondary_color: '#f59e0b'
darkmode_primary_color: '#5eead4'
darkmode_secondary_color: '#f59e0b'
logo_url: '{WIDE_LOGO}'
favicon_url: '{LOGO}'
error_message_first_paragraph: |-
  Meridian Freight: the service desk helps on extension 4711,
  from Monday to Friday between 8 and 18 o'clock."
    )
}

/// The worst of colours: those of the cards themselves, so that buttons would vanish.
pub(crate) const UNREADABLE: &str = "primary_color: '#ffffff'
secondary_color: '#ffffff'
darkmode_primary_color: '#191e28'
darkmode_secondary_color: '#191e28'";

#[track_caller]
pub(crate) fn log_in(browser: &mut Browser, user: &str) {
    browser.wait_for_text("Sign in");
    browser.type_into("input[name=login]", user);
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
}

/// A browser in which `user` is signed in at the application, and nothing is on record.
#[track_caller]
pub(crate) fn signed_in(site: &Site, user: &str) -> Browser {
    let mut browser = Browser::watched(site);
    browser.open(&site.url("app", "/"));
    log_in(&mut browser, user);
    browser.wait_for_text("hello from the upstream");
    forget(&mut browser);
    browser
}

/// Forgets what is on record.
pub(crate) fn forget(browser: &mut Browser) {
    drop((browser.requests(), browser.complaints()));
}
