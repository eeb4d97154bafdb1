//! Files of cases, read: `docs/policy-tests.md` says what they may hold.

mod given;
mod then;
mod user;
mod when;

use portcullis_document::{Limits, Node, Span, parse_yaml};

use crate::problem::{Fields, Problem, Problems};

pub(crate) use given::{Given, PolicySource};
pub(crate) use then::Then;
pub(crate) use user::UserSpec;
pub(crate) use when::{Blob, CertificateSpec, Record, SshSpec, When};

/// More cases than this are refused.
const MAX_CASES: usize = 100_000;

/// A file of cases.
pub(crate) struct CaseFile {
    pub(crate) cases: Vec<Case>,
}

/// One case, or all that is wrong with it.
pub(crate) struct Case {
    pub(crate) span: Span,
    pub(crate) name: String,
    pub(crate) body: Result<Body, Vec<Problem>>,
}

pub(crate) struct Body {
    pub(crate) given: Given,
    pub(crate) when: When,
    pub(crate) then: Then,
}

/// Whether a YAML text is a file of cases: a map with the key `cases`. A text that
/// cannot be read is one if it says so at the beginning of a line, so that a
/// mistake is told and not passed over.
#[must_use]
pub fn is_case_file(text: &str) -> bool {
    match parse_yaml(text, &Limits::default()) {
        Ok(Some(node)) => node.get("cases").is_some(),
        Ok(None) => false,
        Err(_) => text.lines().any(|line| line.starts_with("cases:")),
    }
}

/// Reads a file of cases.
///
/// # Errors
/// Every problem outside of the cases; those inside are with their case.
pub(crate) fn read(text: &str) -> Result<CaseFile, Vec<Problem>> {
    let node = match parse_yaml(text, &Limits::default()) {
        Ok(Some(node)) => node,
        Ok(None) => return Err(vec![at(Span::START, "the file is empty")]),
        Err(error) => return Err(vec![error.into()]),
    };
    let mut problems = Problems::default();
    let file = problems
        .map(&node, "a file of cases", &["given", "cases"])
        .and_then(|fields| file(&fields, &node, &mut problems));
    problems.finish(file)
}

fn at(span: Span, message: &str) -> Problem {
    Problem {
        span,
        message: message.to_owned(),
    }
}

fn file(fields: &Fields<'_>, node: &Node, problems: &mut Problems) -> Option<CaseFile> {
    let given = fields.get("given").map(|node| Given::read(node, problems));
    let given = given.unwrap_or_default();
    let Some(cases) = fields.get("cases") else {
        problems.add(node.span, "there are no `cases`");
        return None;
    };
    let cases = problems.list(cases, "cases");
    if cases.len() > MAX_CASES {
        problems.add(node.span, format!("there are more than {MAX_CASES} cases"));
        return None;
    }
    let cases = cases
        .iter()
        .enumerate()
        .map(|(place, node)| case(place, node, &given))
        .collect();
    Some(CaseFile { cases })
}

fn case(place: usize, node: &Node, shared: &Given) -> Case {
    let name = node.get("name").and_then(Node::as_str).map(str::to_owned);
    let mut problems = Problems::default();
    let body = body(node, shared, &mut problems);
    Case {
        span: node.span,
        name: name.unwrap_or_else(|| format!("case {}", place.saturating_add(1))),
        body: problems.finish(body),
    }
}

fn body(node: &Node, shared: &Given, problems: &mut Problems) -> Option<Body> {
    let fields = problems.map(node, "a case", &["name", "given", "when", "then"])?;
    if let Some(name) = fields.get("name") {
        problems.text(name, "name");
    }
    let own = fields.get("given").map(|node| Given::read(node, problems));
    let given = own.unwrap_or_default().over(shared);
    if given.policy.is_none() {
        problems.add(
            node.span,
            "nothing is `given`: a `config`, a `policy` or a `route`",
        );
    }
    let when = match fields.get("when") {
        Some(node) => When::read(node, &given, problems),
        None => When::default(),
    };
    let Some(then) = fields.get("then") else {
        problems.add(node.span, "the case has no `then`");
        return None;
    };
    let then = Then::read(then, problems);
    Some(Body { given, when, then })
}
