//! `portcullis explain` and `portcullis test` take a path for what the gateway takes it
//! for: the same bytes, or the same refusal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_bundle::matcher::{Target, TargetError};
use portcullis_harness::wire::Connection;
use portcullis_harness::{SharedSite, Site};

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
";

static SITE: SharedSite = SharedSite::new(ROUTES);

/// Spellings in which the steps of normalising come into each other's way.
const SPELLINGS: &str = r#"
    / // /// //a /a///b// /a//../b /a/..//b /a/..// //.. //../ //..;// /. /.. /a/. /a/.. /a/...
    /a/..b /a/b.. /a/../../b /a/b/..\.. /a\..\b /a/%2e%2e/b /a/.%2E/b /a/%2e /a/%2e/ /a/%252e
    /a/%2e% /a/.% /a/.%2 /a/%2 /a/.;/b /a/.;x/b /a/..; /a/..;/ /a/..;x=1;y/b /a/..;a/..;b/c
    /a/c/..;x/../b /a/.;./b /a/.;.;/b /a/..;\b /a/.;a\b/c /a/\..;/b /a/%2e%2e;/b /a/%2e;/b
    /a/..%3b/b /a/.%3B/b /a/..;%/b /a/..;|/b /a/..;%2f /a/..;%00/b /a/..%00 /a/..,/b /a;x/../b
    /a;x/b;y /a/b/;/..;/c /a/;../b /a/..;%41..;/b /% /%4 /%zz /%4| /%aa| /a%2 /%%41 /%%41g /%%41b
    /%%%41b /%%41%42 /%a%62 /%%2541 /%2541 /a/%2%65 /%2%2e /%%2e /%%2e2 /%4%2e./b /%%35%43b /a%2%66b
    /a%2%46b /%/../%41b /%/..%41b /%%7e /%%2f /%2e%2e%5cb /%2%35%32%65 /%c3%a9 /%C3%A9 /%c3%A9 /%c3
    /%ed%a0%80 /%c0%ae%c0%ae/a /%EF%BC%8F /%e2%82%ac| /a?b|c%63//../ /a/..?/c /a?%2f%5c\ /a?%
    /%3f/../b /a%23b
"#;

/// Of which random spellings are put together.
const PIECES: &str = r#"
    / / / // \ . .. ... /.. /. %2e %2E ; ;x ;a=b %3b a b 41 c % %2 %% %61 %41 %7e %2d %25 %252e %35
    %46 | " { ^ ' ! %21 %c3%a9 %E2%82%AC
"#;

/// What became of a path, of which there are two kinds.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It goes upstream, as these bytes without the query.
    Forwarded(String),
    /// 400, and nothing goes upstream.
    Refused,
}

/// One that asks the gateway, over one connection for as long as it lasts.
struct Asker<'s> {
    site: &'s Site,
    connection: Option<Connection>,
    /// The name of the test, which others run beside.
    name: &'static str,
    asked: usize,
}

impl Asker<'_> {
    fn ask(&mut self, target: &str) -> Fate {
        let Site { upstream, .. } = self.site;
        let origin = url::Url::parse(&self.site.origin("app")).unwrap();
        let before = upstream.begun();
        self.asked += 1;
        let mark = format!("{}{}", self.name, self.asked);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.site.client().connect(&origin).unwrap(),
        };
        let authority = &origin[url::Position::BeforeHost..url::Position::AfterPort];
        let request = format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nX-Mark: {mark}\r\n\r\n");
        connection.write(request.as_bytes()).unwrap();
        let head = connection.read_head().unwrap().expect("an answer");
        connection.read_body(&head, true).unwrap();
        let mut arrived = upstream.heads_since(before);
        arrived.retain(|head| head.get("x-mark") == Some(&mark));
        match head.start.split(' ').nth(1) {
            Some("200") => {
                self.connection = Some(connection);
                assert_eq!(arrived.len(), 1, "{target}");
                let arrived = arrived[0].start.split(' ').nth(1).expect("a target");
                Fate::Forwarded(arrived.split('?').next().unwrap().to_owned())
            }
            Some("400") => {
                assert!(
                    arrived.is_empty(),
                    "{target} was refused and arrived: {arrived:?}"
                );
                Fate::Refused
            }
            _ => panic!("{target}: {}", head.start),
        }
    }
}

fn explained(site: &Site, target: &str) -> Fate {
    match Target::parse(&site.url("app", target)) {
        Ok(target) => Fate::Forwarded(target.path().to_owned()),
        Err(TargetError::Path(_)) => Fate::Refused,
        Err(other) => panic!("{target}: {other}"),
    }
}

/// Asks for all of these; how many were forwarded, and how many refused.
#[track_caller]
fn compare(name: &'static str, targets: impl IntoIterator<Item = String>) -> (usize, usize) {
    let site = SITE.get();
    let mut asker = Asker {
        site: &site,
        connection: None,
        name,
        asked: 0,
    };
    let (mut forwarded, mut refused) = (0, 0);
    let mut wrong = Vec::new();
    for target in targets {
        let (fate, explained) = (asker.ask(&target), explained(&site, &target));
        match fate {
            Fate::Forwarded(_) => forwarded += 1,
            Fate::Refused => refused += 1,
        }
        if fate != explained {
            wrong.push(format!("{target}: {fate:?}, but explained as {explained:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (forwarded, refused)
}

#[test]
fn every_byte_is_explained_as_it_is_forwarded() {
    // A client does not send a fragment: its mark alone has no meaning here.
    let raw = (b'!'..=b'~').filter(|byte| *byte != b'#');
    let raw = raw.map(|byte| format!("/a{}b", char::from(byte)));
    let escaped = (u8::MIN..=u8::MAX).flat_map(|byte| [format!("/a%{byte:02x}b"), format!("/a%{byte:02X}b")]);
    // Refused: NUL, the separators, what is not UTF-8, and a `%` that begins no escape.
    assert_eq!(
        compare("byte", raw.chain(escaped)),
        (92 + 2 * (128 - 3), 1 + 2 * (128 + 3))
    );
}

#[test]
fn every_odd_spelling_is_explained_as_it_is_forwarded() {
    let (forwarded, refused) = compare("odd", SPELLINGS.split_whitespace().map(str::to_owned));
    assert!(
        forwarded > 50 && refused > 20,
        "{forwarded} forwarded, {refused} refused"
    );
}

#[test]
fn random_spellings_are_explained_as_they_are_forwarded() {
    // SplitMix64: the same ones each time.
    let mut state = 6_u64;
    let mut below = |end: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    };
    let pieces: Vec<&str> = PIECES.split_whitespace().collect();
    let mut spelling = |_| {
        let count = 1 + below(9);
        let text: String = (0..count).map(|_| pieces[below(pieces.len())]).collect();
        // A word of our own, so that none is one of our endpoints.
        format!("/x/{text}")
    };
    let (forwarded, refused) = compare("random", (0..1500).map(&mut spelling));
    assert!(
        forwarded > 400 && refused > 400,
        "{forwarded} forwarded, {refused} refused"
    );
}
