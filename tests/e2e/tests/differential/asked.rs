//! What is asked for: requests such as clients make, drawn around the routes of a set.

use crate::hostile;
use crate::random::Random;
use crate::reference::AUTHENTICATE_HOST;
use crate::routes::{LAST_HOST, Paths, Route, Set, a_path};

/// One request as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) authority: Vec<u8>,
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) h2: bool,
    pub(crate) hostile: bool,
    /// No authority at all.
    pub(crate) nameless: bool,
}

impl Asked {
    /// A request that every world serves.
    pub(crate) fn last() -> Self {
        Self {
            method: b"GET".to_vec(),
            target: b"/last".to_vec(),
            authority: LAST_HOST.into(),
            fields: Vec::new(),
            h2: false,
            hostile: false,
            nameless: false,
        }
    }

    /// One of each second kind at a time: well-formed, or not.
    pub(crate) fn new(random: &mut Random, set: &Set, gateway_port: u16) -> Self {
        let mut asked = Self::well_formed(random, set, gateway_port);
        if random.chance(50) {
            asked.hostile = true;
            for _ in 0..random.between(1, 3) {
                hostile::mutate(random, &mut asked);
            }
        }
        asked
    }

    fn well_formed(random: &mut Random, set: &Set, gateway_port: u16) -> Self {
        let route = &set.routes[random.between(1, set.routes.len() - 1)];
        let mut host = route.a_host(random.pick(&["x", "x1", "a.b", "wiki", "test"]));
        if random.chance(3) {
            host = random.pick(&[AUTHENTICATE_HOST, "nobody.test", "app"]).to_owned();
        }
        if random.chance(15) {
            host = host
                .chars()
                .map(|c| {
                    if random.chance(50) {
                        c.to_ascii_uppercase()
                    } else {
                        c
                    }
                })
                .collect();
        }
        let port = match random.below(10) {
            _ if route.port.is_some() && random.chance(80) => route.port,
            0..3 => Some(gateway_port),
            3 => Some(443),
            4 => Some(8443),
            _ => None,
        };
        let authority = port.map_or(host.clone(), |port| format!("{host}:{port}"));
        let mut target = path_for(random, route);
        if random.chance(40) {
            target.push_str(random.pick(&[
                "?x=1&y=/pub/..",
                "?a=%2F..%2f&a=b",
                "?next=https%3A%2F%2Fapp.example.test%2F",
                "?q=a+b",
                "?",
                "?a?b;c",
                "?z=%41%20%e2%82%ac",
            ]));
        }
        let method = random.pick(&["GET", "GET", "GET", "GET", "HEAD", "DELETE", "OPTIONS"]);
        Self {
            method: method.into(),
            target: target.into(),
            authority: authority.into(),
            fields: Vec::new(),
            h2: random.chance(40),
            hostile: false,
            nameless: false,
        }
    }

    /// The bytes of it over HTTP/1.1.
    pub(crate) fn h1(&self, mark: &str) -> Vec<u8> {
        let mut bytes = [&self.method, b" ".as_slice(), &self.target, b" HTTP/1.1\r\n"].concat();
        let mut field = |name: &[u8], value: &[u8]| bytes.extend([name, b": ", value, b"\r\n"].concat());
        // First, so that it is there where a line break ends the rest.
        field(b"X-Mark", mark.as_bytes());
        if !self.nameless {
            field(b"Host", &self.authority);
        }
        for (name, value) in &self.fields {
            field(name, value);
        }
        bytes.extend(b"\r\n");
        bytes
    }

    /// The fields of it over HTTP/2.
    pub(crate) fn h2(&self, mark: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut fields = vec![
            (b":method".to_vec(), self.method.clone()),
            (b":scheme".to_vec(), b"http".to_vec()),
        ];
        if !self.nameless {
            fields.push((b":authority".to_vec(), self.authority.clone()));
        }
        // A tunnel has none.
        if self.method != b"CONNECT" || self.fields.iter().any(|(name, _)| name == b":protocol") {
            fields.push((b":path".to_vec(), self.target.clone()));
        }
        let (pseudo, others): (Vec<_>, Vec<_>) = self
            .fields
            .iter()
            .cloned()
            .partition(|(name, _)| name.starts_with(b":"));
        fields.extend(pseudo);
        fields.push((b"x-mark".to_vec(), mark.as_bytes().to_vec()));
        fields.extend(
            others
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value)),
        );
        fields
    }

    /// Whether all that is left on the connection after an answer is nothing.
    pub(crate) fn leaves_a_clean_connection(&self) -> bool {
        let breaks = |text: &Vec<u8>| text.contains(&b'\n') || text.contains(&b'\r');
        let pieces = [&self.method, &self.target, &self.authority];
        self.method != b"CONNECT" && !pieces.into_iter().any(breaks)
    }

    /// Short enough to be read.
    pub(crate) fn words(&self) -> String {
        let short = |bytes: &[u8]| {
            let text = bytes.escape_ascii().to_string();
            match text.char_indices().nth(200) {
                Some((at, _)) => format!("{}… ({} bytes)", &text[..at], bytes.len()),
                None => text,
            }
        };
        let version = if self.h2 { "HTTP/2" } else { "HTTP/1.1" };
        let authority = if self.nameless {
            "none".to_owned()
        } else {
            short(&self.authority)
        };
        let mut words = format!(
            "{version} {} `{}` of `{authority}`",
            short(&self.method),
            short(&self.target)
        );
        for (name, value) in &self.fields {
            words.push_str(&format!(", {}: {}", short(name), short(value)));
        }
        words
    }
}

/// A path that the route takes, in most cases.
fn path_for(random: &mut Random, route: &Route) -> String {
    if random.chance(12) {
        return a_path(random);
    }
    let mut path = match &route.paths {
        Paths::All => a_path(random),
        Paths::Prefix(prefix) => {
            let rest = random.pick(&[
                "",
                "",
                "/x",
                "x",
                "/a/b/",
                "istrator",
                "%20y",
                "/caf%C3%A9",
                ".html",
            ]);
            format!("{prefix}{rest}")
        }
        Paths::Exact(path) => path.clone(),
        Paths::Regex(pattern) => pattern.sample(random),
    };
    if random.chance(10) {
        escape_one(random, &mut path);
    }
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

/// Writes an ordinary character as an escape.
fn escape_one(random: &mut Random, path: &mut String) {
    let places: Vec<(usize, char)> = path
        .char_indices()
        .filter(|(at, c)| c.is_ascii_alphanumeric() && !in_escape(path, *at))
        .collect();
    if !places.is_empty() {
        let (at, c) = places[random.below(places.len())];
        let upper = random.chance(50);
        let escape = if upper {
            format!("%{:02X}", c as u8)
        } else {
            format!("%{:02x}", c as u8)
        };
        path.replace_range(at..=at, &escape);
    }
}

fn in_escape(path: &str, at: usize) -> bool {
    let bytes = path.as_bytes();
    (1..=2).any(|back| at >= back && bytes[at - back] == b'%')
}
