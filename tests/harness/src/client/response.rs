//! What came back.

use std::io;

use url::Url;

use crate::html;
use crate::wire::{Connection, Head};

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The URL that was asked for.
    pub url: Url,
    /// The URLs asked before it, when redirects were followed.
    pub history: Vec<Url>,
    /// The status code.
    pub status: u16,
    /// The fields as they came.
    pub head: Head,
    /// The content.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    /// The content as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The content as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {}", self.url, self.text()))
    }

    /// Where a redirect leads.
    #[must_use]
    pub fn location(&self) -> Option<Url> {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
            .then(|| self.url.join(self.header("location")?).ok())
            .flatten()
    }

    /// The forms of the page.
    #[must_use]
    pub fn forms(&self) -> Vec<html::Form> {
        html::forms(&self.text())
    }
}

pub(crate) fn read_response(connection: &mut Connection, method: &str, url: &Url) -> io::Result<Response> {
    let head = loop {
        let head = connection
            .read_head()?
            .ok_or_else(|| io::Error::other("closed without an answer"))?;
        // 1xx answers come before the real one; 101 is the real one.
        if !head.start.contains(" 100") && !head.start.contains(" 103") {
            break head;
        }
    };
    let status = head.start.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status: u16 = status.ok_or_else(|| io::Error::other(format!("not a status line: {}", head.start)))?;
    let empty = method == "HEAD" || matches!(status, 101 | 204 | 304);
    let body = if empty {
        Vec::new()
    } else {
        connection.read_body(&head, true)?.bytes
    };
    Ok(Response {
        url: url.clone(),
        history: Vec::new(),
        status,
        head,
        body,
    })
}
