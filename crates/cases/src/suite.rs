//! Runs files of cases.

mod expected;
mod subject;
mod world;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use portcullis_bundle::matcher::{Met, Target};
use portcullis_document::Span;
use portcullis_policy::explain;

use crate::case_file::{self, Body, Case, PolicySource};
use crate::configured::Configured;
use crate::coverage::Coverage;
use crate::situation::DEFAULT_HOST;
use crate::trace_text::trace_text;
use crate::verdict::Outcome;
use expected::{Got, differences};
pub(crate) use subject::Subject;

/// Where the files that cases name are read. Paths are relative to the working
/// directory.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn text(&self, path: &Path) -> Result<String, String>;
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Where the case stands in it.
    pub span: Span,
    /// The name of the case.
    pub name: String,
    /// Whether it passed.
    pub verdict: Verdict,
}

/// Whether a case passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as expected.
    Passed,
    /// Something is not.
    Failed {
        /// `FIELD: expected X, got Y`, one for each field.
        differences: Vec<String>,
        /// How the decision came about, if there was one.
        trace: Option<String>,
    },
    /// The case cannot be run: `FILE:LINE:COL: why`.
    Broken(Vec<String>),
}

impl CaseResult {
    /// Whether everything was as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }
}

/// Files of cases that are run one after the other; what they exercise adds up.
pub struct Suite<'f> {
    files: &'f dyn Files,
    configs: HashMap<PathBuf, Result<Rc<Configured>, String>>,
    coverage: Coverage,
}

impl<'f> Suite<'f> {
    /// A suite whose cases name files of `files`.
    #[must_use]
    pub fn new(files: &'f dyn Files) -> Self {
        Self {
            files,
            configs: HashMap::new(),
            coverage: Coverage::default(),
        }
    }

    /// What the cases so far have exercised.
    #[must_use]
    pub const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Runs the cases of one file. A file that cannot be read as one is a single
    /// case that is broken.
    pub fn run(&mut self, name: &str, text: &str) -> Vec<CaseResult> {
        let file: Arc<str> = name.into();
        let folder = Path::new(name).parent().unwrap_or(Path::new("")).to_owned();
        match case_file::read(text) {
            Err(problems) => {
                let lines = problems
                    .iter()
                    .map(|problem| format!("{file}:{}: {}", problem.span, problem.message))
                    .collect();
                vec![CaseResult {
                    span: problems.first().map_or(Span::START, |problem| problem.span),
                    file,
                    name: "the file".to_owned(),
                    verdict: Verdict::Broken(lines),
                }]
            }
            Ok(read) => read
                .cases
                .into_iter()
                .map(|case| self.case(&file, &folder, case))
                .collect(),
        }
    }

    fn case(&mut self, file: &Arc<str>, folder: &Path, case: Case) -> CaseResult {
        let Case { span, name, body } = case;
        let verdict = match body {
            Err(problems) => Err(problems
                .into_iter()
                .map(|problem| (problem.span, problem.message))
                .collect()),
            Ok(body) => self
                .body(file, folder, span, &body)
                .map_err(|problem| vec![problem]),
        };
        CaseResult {
            file: Arc::clone(file),
            span,
            name,
            verdict: verdict.unwrap_or_else(|problems: Vec<(Span, String)>| {
                let line = |(span, message)| format!("{file}:{span}: {message}");
                Verdict::Broken(problems.into_iter().map(line).collect())
            }),
        }
    }

    fn body(
        &mut self,
        file: &Arc<str>,
        folder: &Path,
        span: Span,
        body: &Body,
    ) -> Result<Verdict, (Span, String)> {
        let Body { given, when, then } = body;
        let target = match &when.url {
            None => Target::parse(&format!("https://{DEFAULT_HOST}/")).map_err(|error| (span, error)),
            Some((url, span)) => Target::parse(url).map_err(|error| (*span, error)),
        }
        .map_err(|(span, error)| (span, error.to_string()))?;
        let mut situation =
            world::situation(given, when, &target, |path| self.files.text(&folder.join(path)))?;
        let Some(source) = &given.policy else {
            return Err((span, "nothing is given".to_owned()));
        };
        let subject = match source {
            PolicySource::Inline(node) => Subject::inline(Arc::clone(file), node),
            PolicySource::Text { text } => Subject::text(text),
            PolicySource::Route(node) => Subject::route(Arc::clone(file), node).map_err(|mut problems| {
                let first = (!problems.is_empty()).then(|| problems.remove(0));
                first.map_or((span, String::new()), |problem| (problem.span, problem.message))
            })?,
            PolicySource::Config { path, span } => {
                if when.url.is_none() && when.ssh.is_none() {
                    return Err((*span, "a case of a configuration needs a `url`".to_owned()));
                }
                let config = self.config(&folder.join(path)).map_err(|why| (*span, why))?;
                if when.certificate.is_none() {
                    situation.certificate = config.no_certificate();
                }
                let (met, route) = config.find(&situation.method, &target);
                match (met, route) {
                    (Met::Internal, _) => Subject::without_policy(Outcome::Internal),
                    (_, None) => Subject::without_policy(Outcome::NoRoute),
                    (_, Some(_)) if config.refuses(&target) => Subject::without_policy(Outcome::Ambiguous),
                    (_, Some(route)) => Subject::of_route(&config, route),
                }
            }
        };
        let (got, trace) = match &subject.program {
            Err(refused) => {
                self.coverage.asked(&subject);
                let got = Got {
                    outcome: refused.outcome,
                    route: subject.route.clone(),
                    code: refused.code.map(str::to_owned),
                    evaluation: None,
                };
                (got, refused.why.clone())
            }
            Ok(program) => {
                let input = situation.input();
                let trace = explain(program, &input);
                if given.counts {
                    self.coverage.add(&subject, &trace);
                }
                let got = Got {
                    outcome: Outcome::of(&trace.evaluation),
                    route: subject.route.clone(),
                    code: None,
                    evaluation: Some(trace.evaluation.clone()),
                };
                let place = |span| subject.place_of(span);
                (got, Some(trace_text(&trace, &place)))
            }
        };
        let differences = differences(then, &got);
        Ok(if differences.is_empty() {
            Verdict::Passed
        } else {
            Verdict::Failed { differences, trace }
        })
    }

    /// Reads a configuration once, however many cases name it. All its routes count
    /// as not exercised until they are.
    fn config(&mut self, path: &Path) -> Result<Rc<Configured>, String> {
        if let Some(known) = self.configs.get(path) {
            return known.clone();
        }
        let name = path.to_string_lossy();
        let read = self.files.text(path).and_then(|text| {
            let read = Configured::read(&name, &text);
            read.map(Rc::new).map_err(|error| error.to_string())
        });
        if let Ok(config) = &read {
            for route in config.routes() {
                self.coverage.expect(&Subject::of_route(config, route));
            }
        }
        self.configs.insert(path.to_owned(), read.clone());
        read
    }
}
