//! From a text to a [`Config`].

use portcullis_document::{Entry, Limits, Span, Value, parse_json, parse_toml, parse_yaml};

use crate::codes::{EMPTY_DOCUMENT, ONE_SOURCE, WRONG_TYPE};
use crate::report::{Problem, Report};
use crate::{Config, Diagnostic, Places, environment, read};

/// A configuration text.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name as given on the command line; its extension says in what it is written.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What came out of it.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The configuration; `None` if some error is not confined to one route.
    pub config: Option<Config>,
    /// Every problem, sorted by text and position.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a configuration: one text, as Pomerium has one file. It is JSON if its name ends in `.json`,
/// TOML if it ends in `.toml` (in any case), else YAML. Never panics, and is done within seconds whatever
/// the text.
#[must_use]
pub fn parse(sources: &[Source]) -> Parsed {
    parse_with_environment(sources, core::iter::empty())
}

/// Like [`parse`], with environment variables (name and value) over the file, as in Pomerium: an option
/// outside routes is set by its name in upper case, with `_` between the parts of a nested one. Empty
/// values and other variables do not count. A problem of a variable names it in place of the file.
///
/// Lists are split at commas; `RUNTIME_FLAGS`, `IDP_REQUEST_PARAMS` and `IDENTITY_PROVIDERS` hold a JSON
/// object, `HEADERS` (for `set_response_headers`) one or `NAME:VALUE,NAME:VALUE`, `ROUTES` and `POLICY` the
/// base64 of a YAML list. Where a variable is of this kind, `sources` may be empty.
#[must_use]
pub fn parse_with_environment(
    sources: &[Source],
    environment: impl IntoIterator<Item = (String, String)>,
) -> Parsed {
    let file = sources
        .first()
        .map_or("environment", |source| source.name.as_str());
    let mut report = Report::new(Places::new(file));
    let parts = document(sources)
        .and_then(
            |entries| match environment::overlay(&mut report, entries, environment) {
                Some(entries) => Ok(read::document(&mut report, &entries)),
                None => {
                    let message = "there is neither a configuration file nor a variable that sets an option";
                    Err(Problem::error(EMPTY_DOCUMENT, Span::START, message))
                }
            },
        )
        .map_err(|problem| report.add(problem))
        .ok();
    let places = report.places().clone();
    let config = parts
        .filter(|_| !report.is_fatal())
        .map(|(global, routes)| Config {
            places,
            global,
            routes,
        });
    Parsed {
        config,
        diagnostics: report.finish(),
    }
}

/// The options of the file; `None` without one.
fn document(sources: &[Source]) -> Result<Option<Vec<Entry>>, Problem> {
    let source = match sources {
        [] => return Ok(None),
        [source] => source,
        _ => {
            let message = format!("there are {} configuration files, not one", sources.len());
            return Err(Problem::error(ONE_SOURCE, Span::START, message));
        }
    };
    let limits = Limits::default();
    let format = Format::of(&source.name);
    let (root, map) = match format {
        Format::Yaml => (parse_yaml(&source.text, &limits), "a map"),
        Format::Json => (parse_json(&source.text, &limits), "an object"),
        Format::Toml => (parse_toml(&source.text, &limits), "a table"),
    };
    let Some(root) = root? else {
        return Err(Problem::error(EMPTY_DOCUMENT, Span::START, "the file is empty"));
    };
    let message = match root.value {
        Value::Map(mut entries) => {
            // Editors look for the schema of a JSON file in it; the other formats have comments for that.
            if matches!(format, Format::Json) {
                entries.retain(|entry| entry.key != "$schema");
            }
            return Ok(Some(entries));
        }
        Value::Scalar(scalar) if scalar.is_null() => {
            return Err(Problem::error(EMPTY_DOCUMENT, root.span, "the file says nothing"));
        }
        Value::Scalar(scalar) => format!("a configuration is {map}, not {}", scalar.describe()),
        Value::Seq(_) => format!("a configuration is {map}, not a list"),
    };
    Err(Problem::error(WRONG_TYPE, root.span, message))
}

/// What a file is written in, by its name as in Pomerium.
enum Format {
    Yaml,
    Json,
    Toml,
}

impl Format {
    fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if name.ends_with(".json") {
            Self::Json
        } else if name.ends_with(".toml") {
            Self::Toml
        } else {
            Self::Yaml
        }
    }
}
