//! What an operator reads.

use super::*;

fn said(error: &RotateError) -> String {
    let help = error.help().map(|help| format!("\n{help}")).unwrap_or_default();
    format!("{error}{help}")
}

fn no_file(name: KeyName, origin: Origin) -> String {
    let life = if name == KeyName::CookieSecret {
        Duration::from_secs(14 * 3600)
    } else {
        SHORT_LIFE
    };
    said(&RotateError::NoFile { name, origin, life })
}

#[test]
fn a_key_that_is_not_in_a_file_is_replaced_by_hand() {
    assert_eq!(
        no_file(
            KeyName::CookieSecret,
            Origin::Inline("config.yaml:12:16".to_owned())
        ),
        "`cookie_secret` stands at config.yaml:12:16, which no command edits
do it by hand with what `portcullis keys generate cookie-secret` prints:
  1. cookie_secret: [OLD, NEW]   every process learns the new one
  2. cookie_secret: [NEW, OLD]   the new one is in use
  3. cookie_secret: [NEW]        after 14h: the former one is worth nothing
or move it to a file that `cookie_secret_file` names: then this command does it"
    );
    assert_eq!(
        no_file(KeyName::SigningKey, Origin::Environment("SIGNING_KEY".to_owned())),
        "`signing_key` is set by the variable SIGNING_KEY, which no command can change
do it by hand, with a restart after each step, with what `portcullis keys generate signing-key` prints:
  1. OLD and below it NEW   every process learns the new one
  2. NEW and below it OLD   two minutes later: the new one is in use
  3. NEW                    after 6m: the former one is worth nothing
or move it to a file that `signing_key_file` names: then this command does it"
    );
    assert_eq!(
        no_file(KeyName::SharedSecret, Origin::Generated),
        "`shared_secret` is not set: each start makes one, which ends with it
keep one in a file: `portcullis keys generate shared-secret --output FILE`, then `shared_secret_file: FILE`; everybody signs in once more"
    );
    assert_eq!(
        no_file(KeyName::SigningKey, Origin::Derived),
        "`signing_key` is not set: the signing key derives from the shared secret
`portcullis keys rotate shared-secret` replaces both; or set `signing_key_file`"
    );
    assert_eq!(
        no_file(KeyName::CookieSecret, Origin::Files(vec!["a".into(), "b".into()]))
            .lines()
            .take(2)
            .collect::<Vec<_>>(),
        [
            "`cookie_secret_file` names 2 files, and a rotation edits one",
            "move all to one file, or do it by hand with what `portcullis keys generate cookie-secret` prints:",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_replaced_is_replaced_where_it_comes_from() {
    let of = |error| {
        said(&RotateError::File {
            name: KeyName::SharedSecret,
            path: "/etc/keys/shared".into(),
            error,
            life: SHORT_LIFE,
        })
    };
    assert_eq!(
        of(FileError::ReadOnly("`/etc/keys` is read-only".to_owned())),
        "`/etc/keys/shared`: it cannot be replaced: `/etc/keys` is read-only
change it where it comes from, with what `portcullis keys generate shared-secret` prints:
  1. OLD,NEW   every process learns the new one
  2. NEW,OLD   two minutes later: the new one is in use
  3. NEW       after 6m: the former one is worth nothing"
    );
    assert_eq!(
        of(FileError::Changed),
        "`/etc/keys/shared`: somebody else has just changed it\nlook at it, and try again"
    );
    assert_eq!(
        of(FileError::Linked).lines().take(2).collect::<Vec<_>>(),
        [
            "`/etc/keys/shared`: it cannot be replaced: it has a second name (a hard link), which would keep the old content",
            "leave it one name; or edit it by hand, with what `portcullis keys generate shared-secret` prints:",
        ]
    );
}

#[test]
fn former_keys_are_not_dropped_too_early() {
    let young = |name, age, life| {
        said(&RotateError::Young {
            name,
            age: Duration::from_secs(age),
            life: Duration::from_secs(life),
        })
    };
    assert_eq!(
        young(KeyName::CookieSecret, 200, 14 * 3600),
        "the former keys may still be needed: they were replaced 3m 20s ago, and what they made is good for up to 14h
wait 13h 56m more, or say --force: then whoever signed in before that has to sign in again"
    );
    assert_eq!(
        young(KeyName::SigningKey, 0, 360),
        "the former keys may still be needed: they were replaced 0s ago, and what they made is good for up to 6m
wait 6m more, or say --force: then upstreams may refuse requests for some minutes"
    );
}

#[test]
fn what_keeps_the_oldest_of_eight_is_said() {
    let young = RotateError::Young {
        name: KeyName::CookieSecret,
        age: Duration::from_secs(200),
        life: Duration::from_secs(14 * 3600),
    };
    let full = RotateError::Full(Box::new(young.clone()));
    assert_eq!(
        said(&full),
        format!(
            "there are eight keys already, and the oldest would have to go: {}",
            said(&young)
        )
    );
}

#[test]
fn what_was_half_done_is_said_to_stay() {
    let half = said(&RotateError::HalfWay(Box::new(RotateError::NobodyConnected)));
    assert_eq!(
        half,
        "no authz-server is connected
start one: it must learn the new key before that is in use
the new key stays in the file as one that only opens, where it does no harm"
    );
    let half = said(&RotateError::HalfWay(Box::new(RotateError::Rejected(vec![]))));
    assert!(!half.contains("as it was"), "{half}");
    let untaken = |names: &[&str]| {
        RotateError::Untaken(names.iter().map(|name| (*name).to_owned()).collect()).to_string()
    };
    assert_eq!(untaken(&["a"]), "the authz-server `a` has not taken the new key");
    assert_eq!(
        untaken(&["a", "b", "c"]),
        "the authz-server `a` and 2 more have not taken the new key"
    );
    assert_eq!(
        untaken(&[]),
        "the new content of the file did not take effect in time"
    );
}

#[test]
fn spans_are_said_in_two_units() {
    for (seconds, said) in [
        (0, "0s"),
        (59, "59s"),
        (120, "2m"),
        (3600, "1h"),
        (50_399, "13h 59m"),
    ] {
        assert_eq!(span(Duration::from_secs(seconds)), said);
    }
}
