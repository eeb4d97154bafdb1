//! What nobody means well by: changes to a request that somebody might read in another
//! way than somebody else.

use crate::asked::Asked;
use crate::random::Random;

/// What may stand for a slash, or beside one.
const SLASHES: [&str; 26] = [
    "%2f",
    "%2F",
    "%5c",
    "%5C",
    "\\",
    "//",
    "/./",
    "/../",
    "/%2e%2e/",
    "/%2E./",
    "/.%2e/",
    "/%2e/",
    "/.;/",
    "/..;/",
    "/..;a=1/",
    "/..%3b/",
    "%252f",
    "/..%2f",
    "/..%5c",
    "/%252e%252e%252f",
    "///",
    "/;/",
    "/..%00/",
    "/...//",
    "%c0%af",
    "%ef%bc%8f",
];
/// What may stand anywhere.
const PIECES: [&str; 40] = [
    ";x",
    ";a=1",
    "%3b",
    "%3B",
    "#",
    "#/admin",
    "%23",
    "%00",
    "%",
    "%z",
    "%zz",
    "%%0000",
    "%0a",
    "%0d%0a",
    "%09",
    "%7f",
    "%ff",
    "%c0%ae",
    "%ed%a0%80",
    "%25",
    "%2525",
    "%252e",
    "*",
    "{}",
    "[",
    "]",
    "(",
    ")",
    "|",
    "^",
    "$",
    "+",
    "?",
    "??",
    "&",
    "%3f",
    "..",
    ".",
    "%2e%2e",
    "%C3%A9",
];
/// Bytes that no path has.
const BYTES: [&[u8]; 14] = [
    b" ",
    b"\t",
    b"\0",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xc3\xa9",
    b"\r",
    b"\n",
    b"\r\nX: y",
    b"\"",
    b"<",
    b"\xed\xa0\x80",
    b"`",
];
/// In place of the authority, around `HOST`.
const AUTHORITIES: [&str; 36] = [
    "HOST.",
    "HOST..",
    ".HOST",
    "HOST:0",
    "HOST:99999",
    "HOST:abc",
    "HOST:",
    "HOST:0443",
    "HOST:443:443",
    "HOST:+443",
    "HOST: 443",
    "user@HOST",
    "HOST@evil.test",
    "HOST\\@evil.test",
    "HOST%00.evil.test",
    "HOST,app.example.test",
    "HOST app.example.test",
    "HOST#",
    "HOST/",
    "HOST?x",
    "HOST;x",
    "http://HOST",
    "[::1]",
    "[::1]:8443",
    "[::ffff:7f00:1]",
    "[fe80::1%25eth0]",
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "xn--bcher-kva.example.test",
    "b\u{fc}cher.example.test",
    "app\u{3002}example.test",
    "*",
    "*.example.test",
    "",
    "a..b.example.test",
];
/// Stands for a request id that nobody else has.
const UNIQUE: &str = "a request id";
/// Fields by which somebody's proxy may take another path or host.
const FIELDS: [(&str, &str); 16] = [
    ("X-Envoy-Original-Path", "/admin"),
    ("X-Original-URL", "/admin"),
    ("X-Rewrite-URL", "/admin"),
    ("X-Forwarded-Host", "wiki.example.test"),
    ("X-Forwarded-Prefix", "/admin"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Uri", "/admin"),
    ("X-HTTP-Method-Override", "POST"),
    ("Forwarded", "host=wiki.example.test"),
    ("Host", "wiki.example.test"),
    ("X-Envoy-Original-Host", "wiki.example.test"),
    ("X-Envoy-Internal", "true"),
    ("Connection", "x-request-id, host"),
    ("Upgrade", "h2c"),
    ("X-Request-Id", UNIQUE),
    (":path", "/admin"),
];

/// Changes one thing.
pub(crate) fn mutate(random: &mut Random, asked: &mut Asked) {
    match random.below(100) {
        0..34 => slash(random, &mut asked.target),
        34..56 => {
            let piece = random.pick(&PIECES).as_bytes().to_vec();
            insert(random, &mut asked.target, &piece);
        }
        56..63 => {
            let bytes = random.pick(&BYTES).to_vec();
            insert(random, &mut asked.target, &bytes);
        }
        63..70 => escape(random, &mut asked.target),
        70..73 => flip(random, &mut asked.target),
        73..84 => authority(random, asked),
        84..90 => {
            let (name, value) = FIELDS[random.below(FIELDS.len())];
            let unique = format!(
                "{:08x}-0000-4000-8000-{:012x}",
                random.next() >> 32,
                random.next() >> 16
            );
            let value = if value == UNIQUE { &unique } else { value };
            asked.fields.push((name.into(), value.into()));
        }
        90..94 => form(random, asked),
        94..96 => method(random, asked),
        96 => long(random, &mut asked.target),
        97 => own(random, asked),
        _ => {
            // Cut off anywhere, in the midst of an escape too.
            let end = random.below(asked.target.len() + 1);
            asked.target.truncate(end);
        }
    }
}

fn slash(random: &mut Random, target: &mut Vec<u8>) {
    let slashes: Vec<usize> = (0..target.len()).filter(|at| target[*at] == b'/').collect();
    let Some(at) = slashes.get(random.below(slashes.len().max(1))).copied() else {
        return;
    };
    target.splice(at..=at, random.pick(&SLASHES).bytes());
}

fn insert(random: &mut Random, target: &mut Vec<u8>, piece: &[u8]) {
    // Half of them where the path ends.
    let path = target
        .iter()
        .position(|byte| *byte == b'?')
        .unwrap_or(target.len());
    let at = if random.chance(50) {
        path
    } else {
        random.below(target.len() + 1)
    };
    target.splice(at..at, piece.iter().copied());
}

/// Writes some characters as escapes, some of them twice over.
fn escape(random: &mut Random, target: &mut Vec<u8>) {
    for _ in 0..random.between(1, 4) {
        if target.is_empty() {
            return;
        }
        let at = random.below(target.len());
        let escape = match random.below(4) {
            0 => format!("%25{:02x}", target[at]),
            1 => format!("%{:02x}", target[at]),
            2 => format!("%u00{:02x}", target[at]),
            _ => format!("%{:02X}", target[at]),
        };
        target.splice(at..=at, escape.into_bytes());
    }
}

fn flip(random: &mut Random, target: &mut [u8]) {
    for byte in target {
        if byte.is_ascii_alphabetic() && random.chance(40) {
            *byte ^= 0x20;
        }
    }
}

fn authority(random: &mut Random, asked: &mut Asked) {
    if random.chance(5) {
        asked.nameless = true;
        return;
    }
    if random.chance(8) {
        let long = format!(
            "{}.example.test",
            random.pick(&["a", "a."]).repeat(random.between(60, 300))
        );
        asked.authority = long.into();
        return;
    }
    let host = String::from_utf8_lossy(&asked.authority).into_owned();
    asked.authority = random.pick(&AUTHORITIES).replace("HOST", &host).into();
    if random.chance(5) {
        let bytes = random.pick(&BYTES).to_vec();
        insert(random, &mut asked.authority, &bytes);
    }
}

/// Another form of the target.
fn form(random: &mut Random, asked: &mut Asked) {
    let other = if random.chance(50) {
        b"wiki.example.test".to_vec()
    } else {
        asked.authority.clone()
    };
    let rest = asked.target.clone();
    asked.target = match random.below(8) {
        0..3 => [b"http://".as_slice(), &other, &rest].concat(),
        3 => [b"HTTPS://".as_slice(), &other, &rest].concat(),
        4 => [b"//".as_slice(), &other, &rest].concat(),
        5 => rest.strip_prefix(b"/").unwrap_or(&rest).to_vec(),
        6 => b"*".to_vec(),
        _ => [b"?".as_slice(), &rest].concat(),
    };
}

fn method(random: &mut Random, asked: &mut Asked) {
    let method = random.pick(&["CONNECT", "get", "TRACE", "PRI", "OPTIONS", "X-Y", "GET\t"]);
    asked.method = method.into();
    if method == "CONNECT" {
        match random.below(3) {
            0 => asked.target = asked.authority.clone(),
            1 => asked.fields.push((b":protocol".to_vec(), b"websocket".to_vec())),
            _ => {}
        }
    }
}

fn long(random: &mut Random, target: &mut Vec<u8>) {
    let times = random.pick(&[&300, &1_100, &9_000, &33_000]);
    let piece = random.pick(&["a", "/a", "/.", "%41", "/../a"]).repeat(*times);
    insert(random, target, piece.as_bytes());
}

/// Near the pages of Portcullis itself.
fn own(random: &mut Random, asked: &mut Asked) {
    let path = random.pick(&[
        "/.pomerium",
        "/.pomerium/x",
        "/.pomeriumx",
        "/%2epomerium/x",
        "/oauth2/callback",
        "/oauth2/callback/",
        "/ping",
        "/pingx",
        "/healthz",
        "/.well-known/pomerium/jwks.json",
        "/.well-known/pomeriumx",
        "/robots.txt",
    ]);
    asked.target = path.into();
}
