//! Chromium, driven by ChromeDriver over plain WebDriver.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::certificates::Leaf;
use crate::client::Client;
use crate::process::Process;
use crate::site::Site;
use crate::wait;
use crate::{ports, repository};

mod devtools;

pub use devtools::{ENTER, TAB, Told};

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A headless browser with a profile of its own.
pub struct Browser {
    client: Client,
    session: String,
    _driver: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser that finds the site's hosts on this machine and trusts
    /// the site's certificate and nothing else that is unusual.
    ///
    /// # Panics
    ///
    /// When Chromium or ChromeDriver is missing or does not start.
    #[must_use]
    #[track_caller]
    pub fn start(site: &Site) -> Self {
        Self::trusting(site.authority(), &site.leaf)
    }

    /// The same for hosts of another name below `localhost`, with a certificate that is
    /// not a site's.
    #[must_use]
    #[track_caller]
    pub fn trusting(authority: &[u8], leaf: &Leaf) -> Self {
        Self::launch(authority, leaf, &json!({}))
    }

    /// The same, keeping a record of what pages ask the network for and what they
    /// complain of: [`Browser::requests`] and [`Browser::complaints`].
    #[must_use]
    #[track_caller]
    pub fn watched(site: &Site) -> Self {
        Self::launch(
            site.authority(),
            &site.leaf,
            &json!({"browser": "ALL", "performance": "ALL"}),
        )
    }

    #[track_caller]
    fn launch(authority: &[u8], leaf: &Leaf, logs: &Value) -> Self {
        let profile = tempfile::tempdir().expect("a temporary directory can be made");
        let port = ports::free();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        let log = profile.path().join("chromedriver.log");
        let mut driver = Process::spawn("chromedriver", command, &log).unwrap_or_else(|e| {
            panic!(
                "chromedriver does not start ({e}): install the Debian packages chromium and chromium-driver"
            )
        });
        let mut client = Client::new(authority);
        let root = format!("http://127.0.0.1:{port}");
        let status = Url::parse(&format!("{root}/status")).expect("a URL");
        let ready = || {
            client
                .try_send("GET", &status, &[], b"")
                .is_ok_and(|a| a.status == 200)
                .then_some(())
        };
        driver
            .wait_for(wait::PATIENCE, ready)
            .unwrap_or_else(|e| panic!("{e}"));
        let pin = STANDARD.encode(digest(&SHA256, &leaf.public_key));
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--window-size=1100,900".to_owned(),
            "--host-resolver-rules=MAP *.example.test 127.0.0.1".to_owned(),
            format!("--ignore-certificate-errors-spki-list={pin}"),
            format!("--user-data-dir={}", profile.path().join("profile").display()),
        ];
        let options = json!({"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": logs});
        let wish = json!({"capabilities": {"alwaysMatch": options}});
        let answer = call(&mut client, "POST", &format!("{root}/session"), &wish);
        let id = answer["sessionId"]
            .as_str()
            .expect("a WebDriver session has an id")
            .to_owned();
        Self {
            client,
            session: format!("{root}/session/{id}"),
            _driver: driver,
            _profile: profile,
        }
    }

    /// Opens a URL and waits until it is loaded.
    #[track_caller]
    pub fn open(&mut self, url: &str) {
        self.command("POST", "/url", &json!({"url": url}));
    }

    /// The URL in the address line.
    #[must_use]
    #[track_caller]
    pub fn url(&mut self) -> String {
        self.command("GET", "/url", &Value::Null)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The text that a person sees on the page.
    #[must_use]
    #[track_caller]
    pub fn text(&mut self) -> String {
        // While a page is being replaced there is no body for a moment.
        self.script("return document.body ? document.body.innerText : ''")
    }

    /// Types into the element that a CSS selector names.
    #[track_caller]
    pub fn type_into(&mut self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/clear"), &json!({}));
        self.command(
            "POST",
            &format!("/element/{element}/value"),
            &json!({"text": text}),
        );
    }

    /// Presses the element that a CSS selector names.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Does what leads to another page, and waits until that page is loaded: a text that
    /// both have says nothing.
    ///
    /// # Panics
    ///
    /// When it leads nowhere.
    #[track_caller]
    pub fn leave(&mut self, act: impl FnOnce(&mut Self)) {
        self.script("document.seen = true; return ''");
        act(self);
        let state = "return document.seen ? 'still the page before' : document.readyState";
        let left = wait::poll(Duration::from_secs(15), || {
            (self.script(state) == "complete").then_some(())
        });
        assert!(
            left.is_some(),
            "nothing leads on from {}:\n{}",
            self.url(),
            self.text()
        );
    }

    /// Whether there is an element that a CSS selector names.
    #[must_use]
    #[track_caller]
    pub fn has(&mut self, selector: &str) -> bool {
        let by = json!({"using": "css selector", "value": selector});
        let found = self.command("POST", "/elements", &by);
        found.as_array().is_some_and(|found| !found.is_empty())
    }

    /// Opens a URL in as many new tabs, all at once; their handles.
    #[track_caller]
    pub fn open_in_tabs(&mut self, url: &str, tabs: usize) -> Vec<String> {
        let own = self.tabs();
        let script = format!(
            "for (let i = 0; i < {tabs}; i++) window.open({}); return ''",
            json!(url)
        );
        self.script(&script);
        let opened = self.tabs();
        opened.into_iter().filter(|tab| !own.contains(tab)).collect()
    }

    /// Goes to the tab with this handle.
    #[track_caller]
    pub fn switch_to(&mut self, tab: &str) {
        self.command("POST", "/window", &json!({"handle": tab}));
    }

    #[track_caller]
    fn tabs(&mut self) -> Vec<String> {
        let handles = self.command("GET", "/window/handles", &Value::Null);
        let handles = handles.as_array().cloned().unwrap_or_default();
        let text = |handle: &Value| handle.as_str().unwrap_or_default().to_owned();
        handles.iter().map(text).collect()
    }

    /// Makes the browser one with a screen of this size, in dark or light mode.
    #[track_caller]
    pub fn emulate(&mut self, width: u32, height: u32, dark: bool) {
        let mode = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": mode}]});
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        for (cmd, params) in [
            ("Emulation.setEmulatedMedia", media),
            ("Emulation.setDeviceMetricsOverride", screen),
        ] {
            self.devtools(cmd, &params);
        }
    }

    /// Waits until the page's text contains `text`.
    ///
    /// # Panics
    ///
    /// When that does not happen; the message holds what is there instead.
    #[track_caller]
    pub fn wait_for_text(&mut self, text: &str) {
        let found = wait::poll(Duration::from_secs(15), || {
            self.text().contains(text).then_some(())
        });
        assert!(found.is_some(), "no `{text}` on {}:\n{}", self.url(), self.text());
    }

    /// Saves what is seen as `target/screenshots/NAME.png`.
    ///
    /// # Panics
    ///
    /// When it cannot be saved.
    #[track_caller]
    pub fn screenshot(&mut self, name: &str) {
        let answer = self.command("GET", "/screenshot", &Value::Null);
        save(name, answer.as_str().unwrap_or_default());
    }

    /// Domain and name of every cookie that it holds, sorted; a domain that is shared
    /// has a dot in front.
    #[must_use]
    #[track_caller]
    pub fn all_cookies(&mut self) -> Vec<(String, String)> {
        let answer = self.devtools("Storage.getCookies", &json!({}));
        let text = |cookie: &Value, name: &str| cookie[name].as_str().unwrap_or_default().to_owned();
        let cookies = answer["cookies"].as_array().cloned().unwrap_or_default();
        let mut cookies: Vec<_> = cookies
            .iter()
            .map(|cookie| (text(cookie, "domain"), text(cookie, "name")))
            .collect();
        cookies.sort();
        cookies
    }

    /// The cookies of the page that script can see.
    #[must_use]
    #[track_caller]
    pub fn script_cookies(&mut self) -> String {
        self.script("return document.cookie")
    }

    /// The cookies that the page would be asked for with, those among them that script
    /// cannot see: objects of WebDriver (`name`, `value`, `domain`, `httpOnly` and so on).
    #[must_use]
    #[track_caller]
    pub fn cookies(&mut self) -> Vec<Value> {
        let all = self.command("GET", "/cookie", &Value::Null);
        all.as_array().cloned().unwrap_or_default()
    }

    /// Runs a script on the page; the text that it returns.
    #[track_caller]
    pub fn script(&mut self, script: &str) -> String {
        let script = json!({"script": script, "args": []});
        self.command("POST", "/execute/sync", &script)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    #[track_caller]
    fn element(&mut self, selector: &str) -> String {
        let by = json!({"using": "css selector", "value": selector});
        let answer = self.command("POST", "/element", &by);
        answer[ELEMENT]
            .as_str()
            .unwrap_or_else(|| panic!("no element `{selector}`: {answer}"))
            .to_owned()
    }

    #[track_caller]
    fn command(&mut self, method: &str, path: &str, body: &Value) -> Value {
        call(&mut self.client, method, &format!("{}{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Ok(url) = Url::parse(&self.session) {
            let _ = self.client.try_send("DELETE", &url, &[], b"");
        }
    }
}

/// Saves a PNG in base64 as `target/screenshots/NAME.png`.
#[track_caller]
fn save(name: &str, image: &str) {
    let image = STANDARD.decode(image).expect("a screenshot is base64");
    assert!(image.starts_with(b"\x89PNG"), "a screenshot is a PNG");
    let directory = repository::root().join("target/screenshots");
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    std::fs::write(directory.join(Path::new(name).with_extension("png")), image).expect("it can be saved");
}

#[track_caller]
fn call(client: &mut Client, method: &str, url: &str, body: &Value) -> Value {
    let content = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let target = Url::parse(url).expect("a URL");
    let mut answer = client
        .send(
            method,
            &target,
            &[("Content-Type", "application/json")],
            content.as_bytes(),
        )
        .json();
    let value = answer["value"].take();
    assert!(value["error"].is_null(), "{method} {}: {value}", target.path());
    value
}
