//! Files of conformance vectors: policies with requests and what must come out,
//! down to the reasons.
//!
//! ```json
//! {"fixtures": {"certs": {…}, "ssh": {…}},
//!  "vectors": [{"id": "x-001", "policy": "allow: …", "request": {…}, "session": {…}, "expect": {…}}],
//!  "documented_only": [{"id": "y-001", "policy": "allow: …", "expect": {"allow": true}}]}
//! ```
//!
//! What a vector leaves out is absent. A vector that cannot be read, or that says
//! something that nobody here knows, has failed: it is never skipped.

mod fixtures;
mod judge;
mod look_up;
mod record;

use serde_json::{Map, Value};

use fixtures::Fixtures;
use record::Vector;

/// Why a file holds no vectors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VectorsError {
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// Something in it has not the shape of a file of vectors.
    #[error("{0}")]
    Shape(String),
    /// There is nothing to run.
    #[error("it holds no vectors")]
    Empty,
}

/// What came of one vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its id, or its place in the file where it has none.
    pub id: String,
    /// What is wrong; empty when it passed.
    pub failures: Vec<Failure>,
}

impl Ran {
    /// Whether everything was as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The vector says something that cannot be read or that nobody here knows.
    Unreadable(String),
    /// A field of `expect` is another one.
    Differs {
        /// The field.
        field: &'static str,
        /// What the vector expects, as JSON.
        expected: String,
        /// What came out, as JSON or in words.
        got: String,
    },
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "the vector cannot be run: {why}"),
            Self::Differs { field, expected, got } => write!(f, "{field}: expected {expected}, got {got}"),
        }
    }
}

/// Runs every vector of a file: those of `vectors`, then those of
/// `documented_only`.
///
/// # Errors
/// When the text is no file of vectors, or of none.
pub fn run_vectors(text: &str) -> Result<Vec<Ran>, VectorsError> {
    let file: Value = serde_json::from_str(text).map_err(|error| VectorsError::Json(error.to_string()))?;
    let Value::Object(mut file) = file else {
        return Err(VectorsError::Shape("it is no JSON object".to_owned()));
    };
    let fixtures = Fixtures::new(file.remove("fixtures"));
    let mut vectors = list(&mut file, "vectors")?.unwrap_or_default();
    vectors.extend(list(&mut file, "documented_only")?.unwrap_or_default());
    if vectors.is_empty() {
        return Err(VectorsError::Empty);
    }
    Ok(vectors
        .into_iter()
        .enumerate()
        .map(|(place, vector)| run(place, vector, &fixtures))
        .collect())
}

fn list(file: &mut Map<String, Value>, key: &str) -> Result<Option<Vec<Value>>, VectorsError> {
    match file.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(vectors)) => Ok(Some(vectors)),
        Some(_) => Err(VectorsError::Shape(format!("`{key}` is no list"))),
    }
}

fn run(place: usize, vector: Value, fixtures: &Fixtures) -> Ran {
    let id = match vector.get("id") {
        Some(Value::String(id)) => id.clone(),
        _ => format!("vector {place}"),
    };
    let failures = match serde_json::from_value::<Vector>(vector) {
        Ok(vector) => judge::judge(&vector, fixtures).unwrap_or_else(|why| vec![Failure::Unreadable(why)]),
        Err(error) => vec![Failure::Unreadable(error.to_string())],
    };
    Ran { id, failures }
}
