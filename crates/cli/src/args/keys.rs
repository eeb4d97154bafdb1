//! What `portcullis keys` is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use portcullis_model::KeyName;

use super::Instance;
use super::roles::duration;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a new key and print it, or write it to a new file; asks no instance
    Generate(KeysGenerate),
    /// Show which keys a running instance has, and who has them; never the keys themselves
    Status(KeysStatus),
    /// Replace a key of a running instance that comes from a file; nobody is signed out
    Rotate(KeysRotate),
}

#[derive(Debug, Args)]
pub(crate) struct KeysGenerate {
    /// What it is for
    #[arg(value_name = "KEY", value_parser = key_name())]
    pub(crate) name: KeyName,
    /// A new file for it, with mode 0600; without it standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KeysStatus {
    #[command(flatten)]
    pub(crate) instance: Instance,
    /// How it looks
    #[arg(long, value_enum, default_value_t = KeysFormat::Text)]
    pub(crate) format: KeysFormat,
}

#[derive(Debug, Args)]
pub(crate) struct KeysRotate {
    /// Which key
    #[arg(value_name = "KEY", value_parser = key_name())]
    pub(crate) name: KeyName,
    #[command(flatten)]
    pub(crate) instance: Instance,
    /// How long a new key that signs assertions is published before it is in use, for upstreams
    /// that keep the key set
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = duration, conflicts_with = "retire")]
    pub(crate) publish_for: Duration,
    /// Drop the former keys instead, all but the one in use
    #[arg(long)]
    pub(crate) retire: bool,
    /// Drop them, or the oldest of eight, although what they made may still be good
    #[arg(long)]
    pub(crate) force: bool,
    /// Whoever must learn the new shared secret by hand has it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeysFormat {
    Text,
    Json,
}

fn key_name() -> impl TypedValueParser<Value = KeyName> {
    PossibleValuesParser::new(KeyName::ALL.map(KeyName::as_str)).try_map(|text| text.parse::<KeyName>())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    fn parse(line: &str) -> Result<Keys, clap::Error> {
        match Arguments::try_parse_from(line.split(' '))?.command {
            Command::Keys(keys) => Ok(keys),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rotation_has_its_defaults() {
        let Ok(Keys::Rotate(rotate)) = parse("portcullis keys rotate signing-key") else {
            panic!()
        };
        assert_eq!((rotate.name, rotate.retire), (KeyName::SigningKey, false));
        assert_eq!(rotate.publish_for, Duration::from_secs(120));
        let Ok(Keys::Rotate(rotate)) = parse("portcullis keys rotate cookie-secret --publish-for 1s") else {
            panic!()
        };
        assert_eq!(rotate.publish_for, Duration::from_secs(1));
    }

    #[test]
    fn what_belongs_to_one_command_is_refused_by_others() {
        for good in [
            "portcullis keys rotate shared-secret --retire --force --yes -c config.yaml",
            "portcullis keys rotate cookie-secret --force",
            "portcullis keys rotate shared-secret --force --yes --publish-for 1s",
            "portcullis keys status --format json --admin-socket /run/a.sock",
            "portcullis keys generate signing-key --output key.pem",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "portcullis keys",
            "portcullis keys rotate",
            "portcullis keys rotate cookie_secret",
            "portcullis keys status --force",
            "portcullis keys generate cookie-secret --force",
            "portcullis keys rotate cookie-secret --retire --publish-for 1s",
            "portcullis keys rotate cookie-secret --publish-for soon",
            "portcullis keys generate tls",
        ] {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
        let said = parse("portcullis keys rotate tls").unwrap_err().to_string();
        assert!(
            said.contains("cookie-secret, shared-secret, signing-key"),
            "{said}"
        );
    }
}
