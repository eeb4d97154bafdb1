//! `portcullis keys rotate`: has the instance replace a key, and tells how far it is.

use std::io::Write as _;
use std::time::Duration;

use portcullis_admin::client::{Client, ClientError};
use portcullis_admin::keys::protocol::{self, Begin, Order, Outcome, Step, Watch, Work};
use portcullis_admin::printable::{self, printable};
use portcullis_model::KeyName;
use tokio::time::sleep;

use super::span;
use crate::args::KeysRotate;
use crate::check::{counted, write};
use crate::process::Failure;

/// How often the instance is asked how far it is.
const PAUSE: Duration = Duration::from_millis(200);
/// How often, in seconds, it is said how long a pause still is.
const TELL: u64 = 30;

pub(super) async fn rotate(client: &Client, arguments: &KeysRotate) -> Result<(), Failure> {
    let KeysRotate {
        name,
        instance: _,
        publish_for,
        retire,
        force,
        yes,
    } = arguments;
    let order = if *retire {
        Order::Retire {
            name: *name,
            force: *force,
            confirmed: *yes,
        }
    } else {
        Order::Rotate {
            name: *name,
            publish_for: publish_for.as_secs(),
            force: *force,
            confirmed: *yes,
        }
    };
    let begun: Work = client.ask(protocol::BEGIN, &Begin { order }).await?;
    let outcome = watch(client, begun).await?;
    write(&printable::lines(&ended(*name, outcome)?))?;
    Ok(())
}

/// Says each step as it comes, until there is an outcome.
async fn watch(client: &Client, mut work: Work) -> Result<Outcome, Failure> {
    let number = work.number;
    let (mut told, mut next) = (0, u64::MAX);
    loop {
        for step in work.steps.iter().skip(told) {
            note(&came_about(*step));
            next = u64::MAX;
        }
        told = work.steps.len();
        if let Some(outcome) = work.outcome {
            return Ok(outcome);
        }
        if let Some(remaining) = work.remaining {
            if remaining <= next.saturating_sub(TELL) && next != u64::MAX {
                note(&format!("{} more", span(remaining)));
                next = remaining;
            } else if next == u64::MAX {
                next = remaining;
            }
        }
        sleep(PAUSE).await;
        work = client
            .ask(protocol::WATCH, &Watch { number })
            .await
            .map_err(lost)?;
    }
}

/// The instance no longer says how far it is.
fn lost(error: ClientError) -> Failure {
    format!("{error}\nwhere the replacement stands is not known; look with `portcullis keys status`").into()
}

fn note(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn came_about(step: Step) -> String {
    match step {
        Step::Added => "the new key is in the file, as the last one".to_owned(),
        Step::Known { authz_servers: 1 } => "the authz-server knows it".to_owned(),
        Step::Known { authz_servers } => format!("all {authz_servers} authz-servers know it"),
        Step::Published { seconds } => format!(
            "it is published, and in use in {}, when upstreams have read the key set again; \
             that goes on also when this command ends",
            span(seconds)
        ),
    }
}

/// The last word.
fn ended(name: KeyName, outcome: Outcome) -> Result<String, Failure> {
    let (mut text, behind) = match outcome {
        Outcome::Rotated {
            former,
            dropped,
            behind,
        } => {
            let still = if former == 1 { "is" } else { "are" };
            let mut text = format!(
                "{name}: the new key is in use; {} {still} still good\n",
                counted(former, "former key")
            );
            if dropped > 0 {
                text.push_str(&format!(
                    "{} had to go: there are eight at most\n",
                    counted(dropped, "oldest key")
                ));
            }
            if former > 0 {
                text.push_str(&format!(
                    "`portcullis keys rotate {name} --retire` drops what is former, once what it made has ended\n"
                ));
            }
            (text, behind)
        }
        Outcome::Retired { dropped: 0, .. } => (format!("{name}: there is no former key\n"), Vec::new()),
        Outcome::Retired { dropped, behind } => {
            let gone = counted(dropped, "former key");
            (format!("{name}: {gone} dropped\n"), behind)
        }
        Outcome::Failed { why, help } => {
            let help = help.map(|help| format!("\n{help}")).unwrap_or_default();
            return Err(format!("{why}{help}").into());
        }
    };
    if !behind.is_empty() {
        let names = printable(&behind.join(", "));
        text.push_str(&format!(
            "not yet taken by: {names}; each takes it once it answers\n"
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_reads_aloud() {
        let name = KeyName::CookieSecret;
        let rotated = |former, dropped, behind: &[&str]| Outcome::Rotated {
            former,
            dropped,
            behind: behind.iter().map(|name| (*name).to_owned()).collect(),
        };
        let retire = "`portcullis keys rotate cookie-secret --retire` drops what is former, once what it made has ended\n";
        assert_eq!(
            ended(name, rotated(1, 0, &[])).unwrap(),
            format!("cookie-secret: the new key is in use; 1 former key is still good\n{retire}")
        );
        assert_eq!(
            ended(name, rotated(7, 1, &["a", "b"])).unwrap(),
            format!(
                "cookie-secret: the new key is in use; 7 former keys are still good\n\
                 1 oldest key had to go: there are eight at most\n{retire}\
                 not yet taken by: a, b; each takes it once it answers\n"
            )
        );
        let retired = |dropped| Outcome::Retired {
            dropped,
            behind: vec![],
        };
        assert_eq!(
            ended(name, retired(0)).unwrap(),
            "cookie-secret: there is no former key\n"
        );
        assert_eq!(
            ended(name, retired(2)).unwrap(),
            "cookie-secret: 2 former keys dropped\n"
        );
        let failed = Outcome::Failed {
            why: "no".to_owned(),
            help: Some("do this".to_owned()),
        };
        assert_eq!(ended(name, failed).unwrap_err().to_string(), "no\ndo this");
    }

    #[test]
    fn each_step_reads_aloud() {
        assert_eq!(
            came_about(Step::Known { authz_servers: 1 }),
            "the authz-server knows it"
        );
        assert_eq!(
            came_about(Step::Known { authz_servers: 3 }),
            "all 3 authz-servers know it"
        );
        assert!(
            came_about(Step::Published { seconds: 120 }).starts_with("it is published, and in use in 2m, ")
        );
    }
}
