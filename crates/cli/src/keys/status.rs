//! `portcullis keys status`: which keys there are, by what tells them apart.

use portcullis_admin::client::Client;
use portcullis_admin::keys::protocol::{
    self, Does, KeyStatus, KeysStatus, OneKey, Order, Origin, Outcome, ServerStatus, StoreStatus, Work,
};
use portcullis_admin::printable::{self, printable};
use portcullis_model::KeyName;

use super::span;
use crate::args::{KeysFormat, KeysStatus as Arguments};
use crate::check::{counted, write};
use crate::process::Failure;

pub(super) async fn status(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let status: KeysStatus = client.get(protocol::STATUS).await?;
    let shown = match arguments.format {
        KeysFormat::Text => text(&status),
        KeysFormat::Json => printable::json(&serde_json::to_value(&status)?),
    };
    Ok(write(&shown)?)
}

fn text(status: &KeysStatus) -> String {
    let KeysStatus {
        keys,
        authz_servers,
        store,
        work,
    } = status;
    let mut text = String::new();
    for KeyStatus { name, origin, keys } in keys {
        text.push_str(&format!("{}: {}\n", name.option(), printable(&whence(origin))));
        for OneKey { fingerprint, does } in keys {
            text.push_str(&format!("  {}  {}\n", printable(fingerprint), what(*does, *name)));
        }
    }
    text.push_str(&format!("authz-servers: {}\n", printable(&who(authz_servers))));
    text.push_str(match store {
        StoreStatus::Memory => "sessions at rest: none, they are in memory\n",
        StoreStatus::First => "sessions at rest: sealed with the first shared_secret\n",
        StoreStatus::Former => "sessions at rest: still sealed with a former shared_secret\n",
    });
    if let Some(work) = work {
        text.push_str(&format!("{}\n", printable::lines(&last(work))));
    }
    text
}

fn whence(origin: &Origin) -> String {
    match origin {
        Origin::File { paths } => {
            let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            paths.join(", ")
        }
        Origin::Configuration { at } => at.clone(),
        Origin::Environment { variable } => format!("the variable {variable}"),
        Origin::Generated => "made at the start, ends with the process".to_owned(),
        Origin::Derived => "derived from shared_secret".to_owned(),
    }
}

fn what(does: Does, name: KeyName) -> &'static str {
    match (does, name) {
        (Does::Seals, KeyName::SharedSecret) => "in use: seals and signs",
        (Does::Seals, _) => "in use: seals",
        (Does::Opens, KeyName::SharedSecret) => "former or next: opens and verifies",
        (Does::Opens, _) => "former or next: opens",
        (Does::Signs, _) => "in use: signs",
        (Does::Published, _) => "former or next: published",
    }
}

fn who(servers: &[ServerStatus]) -> String {
    let lacking: Vec<&str> = servers
        .iter()
        .filter(|server| !server.has_keys)
        .map(|server| server.name.as_str())
        .collect();
    match (servers.len(), &lacking[..]) {
        (0, _) => "none is connected".to_owned(),
        (1, []) => "1 connected, it has these keys".to_owned(),
        (all, []) => format!("{all} connected, all have these keys"),
        (all, lacking) => format!("{all} connected, not yet with these keys: {}", lacking.join(", ")),
    }
}

/// What is being done, or was done last.
fn last(work: &Work) -> String {
    let (name, doing) = match &work.order {
        Order::Rotate { name, .. } => (name, "rotating"),
        Order::Retire { name, .. } => (name, "dropping former keys of"),
    };
    match (&work.outcome, work.remaining) {
        (None, Some(seconds)) => format!("{doing} {name}: the new key is in use in {}", span(seconds)),
        (None, None) => format!("{doing} {name}: under way"),
        (Some(Outcome::Rotated { .. }), _) => format!("last: rotated {name}"),
        (Some(Outcome::Retired { dropped, .. }), _) => {
            format!("last: dropped {} of {name}", counted(*dropped, "former key"))
        }
        (Some(Outcome::Failed { why, .. }), _) => format!("last: {doing} {name} failed: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: KeyName, origin: Origin, keys: &[(&str, Does)]) -> KeyStatus {
        let one = |(fingerprint, does): &(&str, Does)| OneKey {
            fingerprint: (*fingerprint).to_owned(),
            does: *does,
        };
        KeyStatus {
            name,
            origin,
            keys: keys.iter().map(one).collect(),
        }
    }

    fn server(name: &str, has_keys: bool) -> ServerStatus {
        ServerStatus {
            name: name.to_owned(),
            has_keys,
        }
    }

    #[test]
    fn it_reads_aloud() {
        let paths = vec!["/etc/keys/cookie".into()];
        let at = "config.yaml:7:16".to_owned();
        let status = KeysStatus {
            keys: vec![
                key(
                    KeyName::CookieSecret,
                    Origin::File { paths },
                    &[("5cb8656a", Does::Seals), ("00112233", Does::Opens)],
                ),
                key(
                    KeyName::SharedSecret,
                    Origin::Configuration { at },
                    &[("aabbccdd", Does::Seals)],
                ),
                key(
                    KeyName::SigningKey,
                    Origin::Derived,
                    &[("f00d", Does::Signs), ("beef", Does::Published)],
                ),
            ],
            authz_servers: vec![server("a", true), server("b", true)],
            store: StoreStatus::First,
            work: Some(Work {
                number: 3,
                order: Order::Rotate {
                    name: KeyName::SigningKey,
                    publish_for: 120,
                    force: false,
                    confirmed: false,
                },
                steps: vec![],
                remaining: Some(80),
                outcome: None,
            }),
        };
        assert_eq!(
            text(&status),
            "cookie_secret: /etc/keys/cookie
  5cb8656a  in use: seals
  00112233  former or next: opens
shared_secret: config.yaml:7:16
  aabbccdd  in use: seals and signs
signing_key: derived from shared_secret
  f00d  in use: signs
  beef  former or next: published
authz-servers: 2 connected, all have these keys
sessions at rest: sealed with the first shared_secret
rotating signing-key: the new key is in use in 1m 20s
"
        );
    }

    #[test]
    fn nothing_that_an_instance_says_moves_the_cursor() {
        let nasty = "a\u{1b}[2K\u{9b}b";
        let paths = vec![nasty.into()];
        let work = Work {
            number: 1,
            order: Order::Retire {
                name: KeyName::CookieSecret,
                force: false,
                confirmed: false,
            },
            steps: vec![],
            remaining: None,
            outcome: Some(Outcome::Failed {
                why: nasty.to_owned(),
                help: None,
            }),
        };
        let status = KeysStatus {
            keys: vec![key(
                KeyName::CookieSecret,
                Origin::File { paths },
                &[(nasty, Does::Seals)],
            )],
            authz_servers: vec![server(nasty, false)],
            store: StoreStatus::Memory,
            work: Some(work),
        };
        let text = text(&status);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert_eq!(text.matches(r"a\u{1b}[2K\u{9b}b").count(), 4, "{text}");
    }

    #[test]
    fn whoever_lacks_them_is_named() {
        assert_eq!(who(&[]), "none is connected");
        assert_eq!(who(&[server("a", true)]), "1 connected, it has these keys");
        assert_eq!(
            who(&[server("a", true), server("b", false), server("c", false)]),
            "3 connected, not yet with these keys: b, c"
        );
    }

    #[test]
    fn what_was_done_last_is_said() {
        let mut work = Work {
            number: 1,
            order: Order::Retire {
                name: KeyName::CookieSecret,
                force: false,
                confirmed: false,
            },
            steps: vec![],
            remaining: None,
            outcome: None,
        };
        assert_eq!(last(&work), "dropping former keys of cookie-secret: under way");
        work.outcome = Some(Outcome::Retired {
            dropped: 2,
            behind: vec![],
        });
        assert_eq!(last(&work), "last: dropped 2 former keys of cookie-secret");
        work.outcome = Some(Outcome::Failed {
            why: "the file has gone".to_owned(),
            help: None,
        });
        assert_eq!(
            last(&work),
            "last: dropping former keys of cookie-secret failed: the file has gone"
        );
    }
}
