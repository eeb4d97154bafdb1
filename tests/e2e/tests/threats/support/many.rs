//! Many requests over one connection, each with the bytes that a test says.

use portcullis_harness::Client;
use portcullis_harness::wire::Connection;
use url::Url;

/// An answer as it matters to tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) body: String,
}

/// One connection that is made anew where the server closes it.
pub(crate) struct Many {
    client: Client,
    url: Url,
    connection: Option<Connection>,
}

impl Many {
    /// A connection to the host of `url`; nothing but what a test says is sent.
    pub(crate) fn to(client: &Client, url: &str) -> Self {
        Self {
            client: client.clone(),
            url: Url::parse(url).unwrap(),
            connection: None,
        }
    }

    /// GET of the URL with these header lines.
    #[track_caller]
    pub(crate) fn get(&mut self, lines: &str) -> Answer {
        let target = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let target = target.to_owned();
        self.ask("GET", &target, lines)
    }

    /// GET with this `Cookie` line.
    #[track_caller]
    pub(crate) fn with_cookie(&mut self, cookie: &str) -> Answer {
        self.get(&format!("Cookie: {cookie}\r\n"))
    }

    /// Any request without a body.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, target: &str, lines: &str) -> Answer {
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.connect(&self.url).unwrap(),
        };
        connection.write(request.as_bytes()).unwrap();
        let head = connection.read_head().unwrap().expect("an answer");
        let body = connection.read_body(&head, false).unwrap();
        connection.take_seen();
        if head.get("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Answer {
            status: head.start.split(' ').nth(1).unwrap().parse().unwrap(),
            location: head.get("location").map(str::to_owned),
            cookies: head.all("set-cookie").map(str::to_owned).collect(),
            body: String::from_utf8_lossy(&body.bytes).into_owned(),
        }
    }
}

/// Every value that differs from this one in a single bit, where the result can
/// stand in a header.
pub(crate) fn flipped(value: &str) -> impl Iterator<Item = String> + '_ {
    (0..value.len() * 8).filter_map(|bit| {
        let mut bytes = value.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let other = bytes[bit / 8];
        (other.is_ascii_graphic() && other != b';').then(|| String::from_utf8(bytes).unwrap())
    })
}
