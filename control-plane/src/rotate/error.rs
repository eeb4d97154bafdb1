//! Why a rotation is not done, and what to do instead.

use core::fmt::Write as _;
use std::{path::PathBuf, time::Duration};

use portcullis_config::{Diagnostic, Severity};
use portcullis_model::KeyName;

use super::{EditError, FileError, Origin, span};

/// Problems of a configuration that one error repeats.
const MAX_REPEATED: usize = 5;

/// Why a rotation is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// Another one is under way.
    #[error("another rotation is under way")]
    Busy,
    /// The key does not come from a file.
    #[error("{}", stands(*.name, .origin))]
    NoFile {
        /// Which.
        name: KeyName,
        /// Where it comes from instead.
        origin: Origin,
        /// How long what it made is good.
        life: Duration,
    },
    /// Another key comes from the same file.
    #[error("`{}` and `{}` name the same file", .0.file_option(), .1.file_option())]
    SharedFile(KeyName, KeyName),
    /// The file cannot be replaced.
    #[error("`{}`: {error}", .path.display())]
    File {
        /// Which key.
        name: KeyName,
        /// As the configuration names it.
        path: PathBuf,
        /// Why not.
        error: FileError,
        /// How long what the key made is good.
        life: Duration,
    },
    /// What is in the file cannot be edited.
    #[error("`{}`: {error}", .path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: EditError,
    },
    /// The file is not what serves: it has changed, and is being read or refused.
    #[error("`{}` does not hold the keys that are in use", .0.display())]
    NotServing(PathBuf),
    /// The configuration as it stands is refused, so no change would take effect.
    #[error("the configuration as it now stands is refused")]
    Refused,
    /// No authz-server would learn of a new key.
    #[error("no authz-server is connected")]
    NobodyConnected,
    /// The configuration is refused with the edit.
    #[error("the configuration is refused with the new content of the file{}", told(.0))]
    Rejected(Vec<Diagnostic>),
    /// Not every authz-server has taken the new key.
    #[error("{}", untaken(.0))]
    Untaken(Vec<String>),
    /// The new key is known everywhere, but could not be put to use.
    #[error("{0}")]
    HalfWay(Box<RotateError>),
    /// The edit was taken back, but for the reason within that did not succeed.
    #[error("{why}; and the file could not be put back: {error}")]
    NotPutBack {
        /// Why it was to be put back.
        why: Box<RotateError>,
        /// Why it is not.
        error: FileError,
    },
    /// What the former keys made may still be good.
    #[error(
        "the former keys may still be needed: they were replaced {} ago, and what they made is good for up to {}",
        span(*.age), span(*.life)
    )]
    Young {
        /// Which.
        name: KeyName,
        /// How long ago the file was last changed.
        age: Duration,
        /// How long what they made is good.
        life: Duration,
    },
    /// There is room for a new key only where the oldest may go, which it may not.
    #[error("there are eight keys already, and the oldest would have to go: {0}")]
    Full(Box<RotateError>),
    /// Somebody must say that everybody knows the new key.
    #[error("whoever knows only a former shared secret is not let in any more when it comes again")]
    Unconfirmed,
    /// The store at rest still stands under a former secret.
    #[error("the store is still sealed with a former shared secret")]
    StoreLags,
    /// The control plane has ended.
    #[error("the control plane is ending")]
    Ended,
    /// The machine gives no random numbers.
    #[error("no new key can be made: {0}")]
    Random(String),
}

impl RotateError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let plain = |text: &str| Some(text.to_owned());
        match self {
            Self::Busy => plain("it ends by itself; `portcullis keys status` says how far it is"),
            Self::NoFile { name, origin, life } => Some(instead(*name, origin, *life)),
            Self::SharedFile(..) => plain("give each key a file of its own"),
            Self::File {
                name, error, life, ..
            } => match error {
                FileError::ReadOnly(_) | FileError::Mounted | FileError::Owner => {
                    let whence = "change it where it comes from, with what";
                    Some(steps(*name, Written::File, whence, *life))
                }
                FileError::Linked => {
                    let by_hand = "leave it one name; or edit it by hand, with what";
                    Some(steps(*name, Written::File, by_hand, *life))
                }
                FileError::Changed => plain("look at it, and try again"),
                FileError::Unreadable(_) | FileError::Failed(_) => None,
            },
            Self::Edit {
                error: EditError::Gone,
                ..
            } => plain("somebody has edited the file meanwhile: begin again"),
            Self::Edit { .. } | Self::Refused => {
                plain("`portcullis check` says what is wrong with the configuration")
            }
            Self::NotServing(_) => plain("try again in a second; `/status` says whether it was refused"),
            Self::NobodyConnected => plain("start one: it must learn the new key before that is in use"),
            Self::Rejected(_) => plain("the file is as it was"),
            Self::HalfWay(why) => {
                let stays = "the new key stays in the file as one that only opens, where it does no harm";
                let help = match &**why {
                    // It would say that nothing has changed.
                    Self::Rejected(_) | Self::Untaken(_) => None,
                    why => why.help(),
                };
                Some(help.map_or_else(|| stays.to_owned(), |help| format!("{help}\n{stays}")))
            }
            Self::Untaken(_) => plain("the file is as it was; `/status` says what is wrong with them"),
            Self::NotPutBack { .. } => plain("edit it by hand: the key in use must stand first"),
            Self::Young { name, age, life } => Some(format!(
                "wait {} more, or say --force: then {}",
                span(life.saturating_sub(*age)),
                stops(*name)
            )),
            Self::Full(why) => why.help(),
            Self::Unconfirmed => plain(
                "that is each Envoy whose bootstrap is from before the rotation, and each authz-server that is \
                 started with the former `SHARED_SECRET` or `--shared-secret-file`; see to them, then say --yes",
            ),
            Self::StoreLags => {
                plain("it is being sealed anew: try again in a second; the log says if that fails")
            }
            Self::Ended | Self::Random(_) => None,
        }
    }
}

/// What ends at once where former keys are dropped too early.
fn stops(name: KeyName) -> &'static str {
    match name {
        KeyName::CookieSecret => "whoever signed in before that has to sign in again",
        KeyName::SharedSecret => {
            "logins that are under way fail, and upstreams may refuse requests for some minutes"
        }
        KeyName::SigningKey => "upstreams may refuse requests for some minutes",
    }
}

fn stands(name: KeyName, origin: &Origin) -> String {
    let option = name.option();
    match origin {
        Origin::Files(files) => format!(
            "`{}` names {} files, and a rotation edits one",
            name.file_option(),
            files.len()
        ),
        Origin::Inline(at) => format!("`{option}` stands at {at}, which no command edits"),
        Origin::Environment(variable) => {
            format!("`{option}` is set by the variable {variable}, which no command can change")
        }
        Origin::Generated => format!("`{option}` is not set: each start makes one, which ends with it"),
        Origin::Derived => format!("`{option}` is not set: the signing key derives from the shared secret"),
    }
}

/// The form in which a key is written down.
#[derive(Clone, Copy)]
enum Written {
    Config,
    File,
}

fn instead(name: KeyName, origin: &Origin, life: Duration) -> String {
    let (option, file) = (name.option(), name.file_option());
    let move_it = format!("\nor move it to a file that `{file}` names: then this command does it");
    match origin {
        Origin::Files(_) => {
            let by_hand = "move all to one file, or do it by hand with what";
            steps(name, Written::File, by_hand, life)
        }
        Origin::Inline(_) => {
            let by_hand = "do it by hand with what";
            steps(name, Written::Config, by_hand, life) + &move_it
        }
        Origin::Environment(_) => {
            let by_hand = "do it by hand, with a restart after each step, with what";
            steps(name, Written::Config, by_hand, life) + &move_it
        }
        Origin::Generated => format!(
            "keep one in a file: `portcullis keys generate {name} --output FILE`, then `{file}: FILE`; everybody signs in once more"
        ),
        Origin::Derived => format!(
            "`portcullis keys rotate {}` replaces both; or set `{option}_file`",
            KeyName::SharedSecret
        ),
    }
}

/// The three edits of the handbook.
fn steps(name: KeyName, written: Written, by_hand: &str, life: Duration) -> String {
    let option = name.option();
    let shapes = match (name, written) {
        (KeyName::SigningKey, _) => {
            ["OLD and below it NEW", "NEW and below it OLD", "NEW"].map(str::to_owned)
        }
        (_, Written::File) => ["OLD,NEW", "NEW,OLD", "NEW"].map(str::to_owned),
        (_, Written::Config) => ["[OLD, NEW]", "[NEW, OLD]", "[NEW]"].map(|list| format!("{option}: {list}")),
    };
    let pause = match name {
        KeyName::CookieSecret => "",
        KeyName::SharedSecret | KeyName::SigningKey => "two minutes later: ",
    };
    let whys = [
        "every process learns the new one".to_owned(),
        format!("{pause}the new one is in use"),
        format!("after {}: the former one is worth nothing", span(life)),
    ];
    let wide = shapes.iter().map(String::len).max().unwrap_or_default();
    let mut text = format!("{by_hand} `portcullis keys generate {name}` prints:");
    for (number, (shape, why)) in (1..).zip(shapes.iter().zip(&whys)) {
        // Writing to a string does not fail.
        let _ = write!(text, "\n  {number}. {shape:wide$}   {why}");
    }
    text
}

fn told(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let lines: Vec<String> = errors
        .take(MAX_REPEATED)
        .map(|d| format!("\n  {}:{}: {}", d.file, d.span, d.message))
        .collect();
    lines.concat()
}

fn untaken(servers: &[String]) -> String {
    match servers {
        [] => "the new content of the file did not take effect in time".to_owned(),
        [one] => format!("the authz-server `{one}` has not taken the new key"),
        [one, others @ ..] => format!(
            "the authz-server `{one}` and {} more have not taken the new key",
            others.len()
        ),
    }
}
