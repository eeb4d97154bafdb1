//! Where the keys of a configuration come from.

use std::path::PathBuf;

use portcullis_config::{Config, Places, Secret};
use portcullis_model::KeyName;

/// Where the keys of one name come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Files that the configuration names, in this order.
    Files(Vec<PathBuf>),
    /// The configuration file itself: `FILE:LINE:COL`.
    Inline(String),
    /// An environment variable.
    Environment(String),
    /// They were made when the process started, and end with it.
    Generated,
    /// Signing keys that derive from the shared secrets.
    Derived,
}

/// Where each key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origins {
    cookie_secret: Origin,
    shared_secret: Origin,
    signing_key: Origin,
}

impl Default for Origins {
    fn default() -> Self {
        Self {
            cookie_secret: Origin::Generated,
            shared_secret: Origin::Generated,
            signing_key: Origin::Derived,
        }
    }
}

impl Origins {
    pub(crate) fn of(config: &Config) -> Self {
        let global = &config.global;
        let of = |secrets, without| Origin::of(secrets, &config.places).unwrap_or(without);
        Self {
            cookie_secret: of(&global.cookie_secret, Origin::Generated),
            shared_secret: of(&global.shared_secret, Origin::Generated),
            signing_key: of(global.signing_key.as_slice(), Origin::Derived),
        }
    }

    pub(crate) fn get(&self, name: KeyName) -> &Origin {
        match name {
            KeyName::CookieSecret => &self.cookie_secret,
            KeyName::SharedSecret => &self.shared_secret,
            KeyName::SigningKey => &self.signing_key,
        }
    }
}

impl Origin {
    /// `None` where the configuration says nothing.
    fn of(secrets: &[Secret], places: &Places) -> Option<Self> {
        let files: Vec<PathBuf> = secrets
            .iter()
            .filter_map(|secret| match secret {
                Secret::File(path) => Some(path.value.clone()),
                Secret::Inline(_) => None,
            })
            .collect();
        let inline = secrets.iter().find_map(|secret| match secret {
            Secret::Inline(text) => Some(text.span),
            Secret::File(_) => None,
        });
        // The two never mix: a file wins.
        let Some(span) = inline else {
            return (!files.is_empty()).then_some(Self::Files(files));
        };
        let (place, span) = places.find(span);
        Some(match place.strip_prefix('$') {
            Some(variable) => Self::Environment(variable.to_owned()),
            None => Self::Inline(format!("{place}:{span}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_config::{Source, parse_with_environment};

    use super::*;

    const ROUTES: &str = "routes:\n- {from: https://a.example.com, to: http://127.0.0.1:1, allow_public_unauthenticated_access: true}\n";
    const SECRET: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

    fn origins(globals: &str, environment: &[(&str, &str)]) -> Origins {
        let source = Source {
            name: "config.yaml".to_owned(),
            text: format!("{globals}{ROUTES}"),
        };
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let parsed = parse_with_environment(&[source], environment);
        Origins::of(&parsed.config.expect("it is a configuration"))
    }

    #[test]
    fn each_place_is_told_from_the_others() {
        assert_eq!(origins("", &[]), Origins::default());
        let globals = format!("cookie_secret: {SECRET}\nshared_secret_file: [a, b]\n");
        let some = origins(&globals, &[("SIGNING_KEY_FILE", "/run/key.pem")]);
        let cookie = Origin::Inline("config.yaml:1:16".to_owned());
        assert_eq!(some.get(KeyName::CookieSecret), &cookie);
        let files = Origin::Files(vec!["a".into(), "b".into()]);
        assert_eq!(some.get(KeyName::SharedSecret), &files);
        let file = Origin::Files(vec!["/run/key.pem".into()]);
        assert_eq!(some.get(KeyName::SigningKey), &file);
        let variable = origins(&globals, &[("COOKIE_SECRET", SECRET)]);
        let cookie = Origin::Environment("COOKIE_SECRET".to_owned());
        assert_eq!(variable.get(KeyName::CookieSecret), &cookie);
    }
}
