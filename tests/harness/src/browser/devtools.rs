//! What a page is to the keyboard, to a screen reader and to the network.

use serde_json::{Value, json};

use super::{Browser, save};

/// The key that moves the focus on, as WebDriver writes it.
pub const TAB: &str = "\u{E004}";
/// The key that presses what has the focus.
pub const ENTER: &str = "\u{E007}";

/// What a screen reader is told of a part of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its role: `link`, `button`, `heading`, `main` and so on.
    pub role: String,
    /// Its name; empty where there is none.
    pub name: String,
}

impl Browser {
    /// Presses a key, as [`TAB`] or [`ENTER`].
    #[track_caller]
    pub fn press(&mut self, key: &str) {
        let strokes = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        let keyboard = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.command("POST", "/actions", &keyboard);
    }

    /// What the accessibility tree holds, in the order of the page, without what it ignores.
    #[must_use]
    #[track_caller]
    pub fn told(&mut self) -> Vec<Told> {
        let answer = self.devtools("Accessibility.getFullAXTree", &json!({}));
        let nodes = answer["nodes"].as_array().cloned().unwrap_or_default();
        let text = |node: &Value, part: &str| node[part]["value"].as_str().unwrap_or_default().to_owned();
        nodes
            .iter()
            .filter(|node| node["ignored"] != true)
            .map(|node| Told {
                role: text(node, "role"),
                name: text(node, "name"),
            })
            .collect()
    }

    /// The URLs that were asked for since the last call, those alone that leave the browser. Only where
    /// the browser was started by [`Browser::watched`].
    #[must_use]
    #[track_caller]
    pub fn requests(&mut self) -> Vec<String> {
        let events = self.log("performance");
        let asked = events.iter().filter_map(|event| {
            let event: Value = serde_json::from_str(event).ok()?;
            let event = &event["message"];
            let asked = (event["method"] == "Network.requestWillBeSent")
                .then(|| event["params"]["request"]["url"].as_str())
                .flatten();
            asked.filter(|url| url.starts_with("http")).map(str::to_owned)
        });
        asked.collect()
    }

    /// What stands in the console since the last call: violations of a page's policy,
    /// too, and every answer that is an error. Only after [`Browser::watched`].
    #[must_use]
    #[track_caller]
    pub fn complaints(&mut self) -> Vec<String> {
        self.log("browser")
    }

    #[track_caller]
    fn log(&mut self, kind: &str) -> Vec<String> {
        let log = self.command("POST", "/se/log", &json!({"type": kind}));
        let entries = log.as_array().cloned().unwrap_or_default();
        let text = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.iter().map(text).collect()
    }

    /// Loses one cookie of the page's host.
    #[track_caller]
    pub fn lose_cookie(&mut self, name: &str) {
        self.command("DELETE", &format!("/cookie/{name}"), &Value::Null);
    }

    /// Loses every cookie, those of other hosts too: the browser is as good as another.
    #[track_caller]
    pub fn lose_cookies(&mut self) {
        self.devtools("Network.clearBrowserCookies", &json!({}));
    }

    /// Saves the whole page, beyond what is seen of it, as `target/screenshots/NAME.png`.
    ///
    /// # Panics
    ///
    /// When it cannot be saved.
    #[track_caller]
    pub fn picture(&mut self, name: &str) {
        let wish = json!({"format": "png", "captureBeyondViewport": true, "clip": self.extent()});
        let answer = self.devtools("Page.captureScreenshot", &wish);
        save(name, answer["data"].as_str().unwrap_or_default());
    }

    #[track_caller]
    fn extent(&mut self) -> Value {
        let metrics = self.devtools("Page.getLayoutMetrics", &json!({}));
        let size = &metrics["cssContentSize"];
        json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})
    }

    #[track_caller]
    pub(super) fn devtools(&mut self, method: &str, params: &Value) -> Value {
        let wish = json!({"cmd": method, "params": params});
        self.command("POST", "/goog/cdp/execute", &wish)
    }
}
