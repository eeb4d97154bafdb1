//! From a text to a [`Config`].

use std::sync::Arc;

use portcullis_document::{Limits, Node, Span, parse_yaml};

use crate::codes::{EMPTY_DOCUMENT, ONE_SOURCE, TOML, WRONG_TYPE};
use crate::report::{Problem, Report};
use crate::{Config, Diagnostic, environment, read};

/// A configuration text.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name as given on the command line.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What came out of it.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The configuration; `None` if some error is not confined to one route.
    pub config: Option<Config>,
    /// Every problem, sorted by position.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a configuration: one YAML (or JSON) text, as Pomerium has one file. Never panics, and is done
/// within seconds whatever the text.
#[must_use]
pub fn parse(sources: &[Source]) -> Parsed {
    parse_with_environment(sources, core::iter::empty())
}

/// Like [`parse`], with environment variables (name and value) over the file, as in Pomerium: an option
/// outside routes is set by its name in upper case, with `_` between the parts of a nested one. Empty
/// values and other variables do not count. A problem of a variable names it in place of the file.
#[must_use]
pub fn parse_with_environment(
    sources: &[Source],
    environment: impl IntoIterator<Item = (String, String)>,
) -> Parsed {
    let file: Arc<str> = sources.first().map_or("", |source| source.name.as_str()).into();
    let mut report = Report::new(Arc::clone(&file));
    let parts = match document(sources) {
        Ok(root) => {
            let entries = environment::overlay(&mut report, root, environment);
            Some(read::document(&mut report, &entries))
        }
        Err(problem) => {
            report.add(problem);
            None
        }
    };
    let config = parts
        .filter(|_| !report.is_fatal())
        .map(|(global, routes)| Config { file, global, routes });
    Parsed {
        config,
        diagnostics: report.finish(),
    }
}

fn document(sources: &[Source]) -> Result<Node, Problem> {
    let [source] = sources else {
        let message = format!("there are {} configuration files, not one", sources.len());
        return Err(Problem::error(ONE_SOURCE, Span::START, message));
    };
    if source.name.to_ascii_lowercase().ends_with(".toml") {
        let problem = Problem::error(TOML, Span::START, "TOML is not supported");
        return Err(problem.help("write the configuration as YAML or JSON"));
    }
    match parse_yaml(&source.text, &Limits::default())? {
        None => Err(Problem::error(EMPTY_DOCUMENT, Span::START, "the file is empty")),
        Some(root) if root.is_null() => {
            Err(Problem::error(EMPTY_DOCUMENT, root.span, "the file says nothing"))
        }
        Some(root) if root.as_map().is_none() => {
            let message = format!("a configuration is a map, not {}", root.describe());
            Err(Problem::error(WRONG_TYPE, root.span, message))
        }
        Some(root) => Ok(root),
    }
}
