//! A configuration whose routes can be asked.

use std::sync::Arc;

use portcullis_bundle::matcher::{Matcher, MatcherError, Met, PathPattern, Pattern, Target};
use portcullis_config::{
    Authenticate, Config, Diagnostic, PathMatcher, Places, RoutePolicy, Severity, Source, Span,
};
use portcullis_model::PathParameters;
use portcullis_policy::{Program, compile};

use crate::situation::Certificate;

/// A place in a text, and the name of that text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named, or the environment variable as `$NAME`.
    pub file: Arc<str>,
    /// Where in it.
    pub span: Span,
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.file, self.span)
    }
}

/// A configuration, ready to be asked.
#[derive(Debug)]
pub struct Configured {
    places: Places,
    routes: Vec<ConfiguredRoute>,
    matcher: Matcher,
    client_authorities: bool,
    rejects_parameters: bool,
}

/// One of its routes.
#[derive(Debug)]
pub struct ConfiguredRoute {
    /// Its `name`.
    pub name: Option<String>,
    /// Its `from`, as written.
    pub from: String,
    /// Which paths it takes, in words.
    pub paths: String,
    /// Where it stands.
    pub place: Place,
    /// Who may pass; the errors where it denies everybody.
    pub policy: Result<Program, Vec<String>>,
}

/// Why a configuration cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfiguredError {
    /// It has errors that no single route has.
    Config(Vec<Diagnostic>),
    /// A regular expression is too large.
    Regex(MatcherError),
}

impl core::fmt::Display for ConfiguredError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Regex(error) => error.fmt(f),
            Self::Config(diagnostics) => {
                let errors = diagnostics
                    .iter()
                    .filter(|diagnostic| diagnostic.severity == Severity::Error);
                for (at, diagnostic) in errors.enumerate() {
                    let gap = if at == 0 { "" } else { "\n" };
                    write!(f, "{gap}{diagnostic}")?;
                }
                Ok(())
            }
        }
    }
}

impl core::error::Error for ConfiguredError {}

impl Configured {
    /// Reads a configuration as `portcullis check` does, without the environment and
    /// without the files that it names: nothing of those decides.
    ///
    /// # Errors
    /// When it has an error that is not confined to a route.
    pub fn read(name: &str, text: &str) -> Result<Self, ConfiguredError> {
        let parsed = portcullis_config::parse(&[Source {
            name: name.to_owned(),
            text: text.to_owned(),
        }]);
        match parsed.config {
            None => Err(ConfiguredError::Config(parsed.diagnostics)),
            Some(config) => Self::new(&config, &parsed.diagnostics),
        }
    }

    /// A configuration that was read already. Routes that `diagnostics` find an error
    /// in deny everybody.
    ///
    /// # Errors
    /// When a regular expression is too large to be tried.
    pub fn new(config: &Config, diagnostics: &[Diagnostic]) -> Result<Self, ConfiguredError> {
        let patterns = config.routes.iter().map(|route| Pattern {
            host: route.from.host.clone(),
            port: route.from.port,
            path: match &route.matcher {
                PathMatcher::Any => PathPattern::Any,
                PathMatcher::Prefix(prefix) => PathPattern::Prefix(prefix.clone()),
                PathMatcher::Path(path) => PathPattern::Path(path.clone()),
                PathMatcher::Regex(regex) => PathPattern::Regex(regex.clone()),
            },
        });
        let authenticate = match &config.global.authenticate {
            Some(Authenticate::Own { host, port, .. }) => Some((host.clone(), *port)),
            Some(Authenticate::Hosted { .. }) | None => None,
        };
        let matcher = Matcher::new(patterns, authenticate).map_err(ConfiguredError::Regex)?;
        let routes = config
            .routes
            .iter()
            .map(|route| ConfiguredRoute::new(route, &config.places, diagnostics))
            .collect();
        Ok(Self {
            places: config.places.clone(),
            routes,
            matcher,
            client_authorities: config.global.client_certificates.is_some(),
            rejects_parameters: config.global.path_parameters == Some(PathParameters::Reject),
        })
    }

    /// What a request meets, and the route if it is one.
    #[must_use]
    pub fn find(&self, method: &str, target: &Target) -> (Met, Option<&ConfiguredRoute>) {
        let met = self.matcher.find(method, target);
        match met {
            Met::Route(route) => (met, self.routes.get(route)),
            Met::Internal | Met::Nothing => (met, None),
        }
    }

    /// Whether a request for a route is refused before its policy is asked, for the
    /// parameters of its path (`path_parameters: reject`).
    #[must_use]
    pub fn refuses(&self, target: &Target) -> bool {
        self.rejects_parameters && target.decoded_path().contains(';')
    }

    /// Every route, in the order of the configuration.
    #[must_use]
    pub fn routes(&self) -> &[ConfiguredRoute] {
        &self.routes
    }

    /// Whether client certificates are judged by authorities.
    #[must_use]
    pub const fn has_client_authorities(&self) -> bool {
        self.client_authorities
    }

    /// What a client has that shows no certificate.
    #[must_use]
    pub fn no_certificate(&self) -> Certificate {
        if self.client_authorities {
            Certificate::MISSING
        } else {
            Certificate::default()
        }
    }

    /// Where a span of a policy of this configuration lies.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let (file, span) = self.places.find(span);
        Place { file, span }
    }
}

impl ConfiguredRoute {
    fn new(route: &portcullis_config::Route, places: &Places, diagnostics: &[Diagnostic]) -> Self {
        let (file, span) = places.find(route.span);
        let errors: Vec<String> = diagnostics
            .iter()
            .filter(|found| found.route == Some(route.index) && found.severity == Severity::Error)
            .map(ToString::to_string)
            .collect();
        let policy = match &route.policy {
            _ if !errors.is_empty() => Err(errors),
            RoutePolicy::Valid(_) if route.invalid.is_some() => Err(route.invalid.iter().cloned().collect()),
            RoutePolicy::Invalid => Err(vec!["the policy could not be read".to_owned()]),
            RoutePolicy::Valid(policy) => {
                compile(policy).map_err(|errors| errors.into_iter().map(|error| error.message).collect())
            }
        };
        Self {
            name: route.name.clone(),
            from: route.from.raw.clone(),
            paths: match &route.matcher {
                PathMatcher::Any => "every path".to_owned(),
                PathMatcher::Prefix(prefix) => format!("prefix `{prefix}`"),
                PathMatcher::Path(path) => format!("path `{path}`"),
                PathMatcher::Regex(regex) => format!("regex `{regex}`"),
            },
            place: Place { file, span },
            policy,
        }
    }

    /// The name, or `from` where it has none.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.from)
    }
}
