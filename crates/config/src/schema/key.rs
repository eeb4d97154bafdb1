//! What is known of an option.

/// Where an option stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Outside routes.
    Global,
    /// In a route.
    Route,
}

/// An option.
#[derive(Debug)]
pub struct Key {
    /// Its name in lower case; dotted if it is nested. `<name>` stands for a name that users choose.
    pub name: &'static str,
    /// Where it stands.
    pub scope: Scope,
    /// What its value looks like.
    pub kind: Kind,
    /// What happens when it is set.
    pub state: State,
    /// The value that changes nothing, if it is not the empty one.
    pub default: Option<&'static str>,
    /// What is to be known of how it works here; empty if there is nothing.
    pub note: &'static str,
}

/// The lines of the tables.
impl Scope {
    const fn key(self, name: &'static str, kind: Kind, state: State) -> Key {
        Key {
            name,
            scope: self,
            kind,
            state,
            default: None,
            note: "",
        }
    }

    pub(super) const fn working(self, name: &'static str, kind: Kind) -> Key {
        self.key(name, kind, State::Working)
    }

    pub(super) const fn not_yet(self, name: &'static str, kind: Kind) -> Key {
        self.key(name, kind, State::NotYet)
    }

    pub(super) const fn refused(self, name: &'static str, kind: Kind, without: &'static str) -> Key {
        self.key(name, kind, State::NotYetUnsafe { without })
    }

    pub(super) const fn removed(self, name: &'static str, help: &'static str) -> Key {
        self.key(name, Kind::Any, State::Removed { help })
    }

    pub(super) const fn alias(self, name: &'static str, kind: Kind, of: &'static str) -> Key {
        self.key(name, kind, State::Alias { of })
    }

    pub(super) const fn api_only(self, name: &'static str) -> Key {
        self.key(name, Kind::Any, State::ApiOnly)
    }

    pub(super) const fn ignored(self, name: &'static str, because: &'static str) -> Key {
        self.key(name, Kind::Any, State::Ignored { because })
    }

    pub(super) const fn group(self, name: &'static str) -> Key {
        self.key(name, Kind::Object, State::Group)
    }
}

impl Key {
    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(super) const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
}

/// What happens when an option is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It works.
    Working,
    /// It is not implemented yet and ignored, with a warning.
    NotYet,
    /// It is not implemented yet and refused, since ignoring it would let more pass or send requests
    /// elsewhere.
    NotYetUnsafe {
        /// What would happen without it.
        without: &'static str,
    },
    /// A map whose parts are judged one by one.
    Group,
    /// Pomerium removed it and refuses it.
    Removed {
        /// What to use instead.
        help: &'static str,
    },
    /// An older name.
    Alias {
        /// The newer name.
        of: &'static str,
    },
    /// It exists only in Pomerium's API; a file cannot set it.
    ApiOnly,
    /// It is read and has no effect, as in Pomerium.
    Ignored {
        /// Why.
        because: &'static str,
    },
}

/// What a value looks like. Pomerium's loader converts between scalars where it can, and so do we.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// An integer.
    Int,
    /// An integer from 0.
    Uint,
    /// A number.
    Float,
    /// A Go duration; a bare integer counts nanoseconds.
    Duration,
    /// Text.
    Text,
    /// Anything in base64.
    Base64,
    /// PEM in base64.
    Pem,
    /// One of a few words.
    Enum(&'static Enumeration),
    /// A comma list of Pomerium's services.
    Services,
    /// A redirect's status.
    RedirectCode,
    /// A list of texts; a single text is split at commas.
    Strings,
    /// A map from text to text.
    Map,
    /// A header name.
    HeaderName,
    /// A list of names of headers to remove from requests.
    RemovedHeaders,
    /// A map from request header to value.
    RequestHeaders,
    /// A map from response header to value.
    ResponseHeaders,
    /// A map from header to claim, or a list of claims, or such a list as text.
    ClaimsHeaders,
    /// A map from claim to its values.
    Claims,
    /// A map with the parts that the schema names.
    Object,
    /// A list of such maps, or one of them.
    Objects,
    /// A list of such maps.
    StrictObjects,
    /// A map from names that users choose to such maps.
    Named,
    /// One URL or several, with weights.
    To,
    /// A policy.
    Ppl,
    /// A list of routes.
    Routes,
    /// Not looked at.
    Any,
}

/// The words of an enumeration.
#[derive(Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// What stands before each word in its full name (`LOAD_BALANCING_POLICY`); may be empty.
    pub prefix: &'static str,
    /// The words.
    pub values: &'static [&'static str],
    /// Whether case matters.
    pub exact: bool,
}

impl Enumeration {
    /// The word that `text` means: itself, its full name, or an ending of a full name. Empty text is the
    /// enumeration's zero and means none.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&'static str> {
        let same = |a: &str, b: &str| {
            if self.exact {
                a == b
            } else {
                a.eq_ignore_ascii_case(b)
            }
        };
        self.values
            .iter()
            .copied()
            .find(|value| same(value, text))
            .or_else(|| {
                self.values.iter().copied().find(|value| {
                    let full = format!("{}_{value}", self.prefix);
                    let ending = full.len().checked_sub(text.len()).and_then(|at| full.get(at..));
                    !self.prefix.is_empty()
                        && !text.is_empty()
                        && ending.is_some_and(|ending| ending.eq_ignore_ascii_case(text))
                        && (full.len() == text.len()
                            || full
                                .get(..full.len().saturating_sub(text.len()))
                                .is_some_and(|before| before.ends_with('_')))
                })
            })
    }
}
