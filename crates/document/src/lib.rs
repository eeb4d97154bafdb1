//! YAML, JSON or TOML text to a tree of nodes with source positions. Pure; the only crate that knows the
//! parsers.
//!
//! [`parse_yaml`] reads the first document of a text. Scalars get the kind that `yaml.v3` (the reader
//! behind Pomerium) gives them, so `no` is a string, `0o17` an integer and an unquoted `2024-01-01` a
//! timestamp. Aliases and merge keys are expanded, within the budget of [`Limits`], so that whoever
//! reads the tree meets neither. [`parse_json`] and [`parse_toml`] give the same tree, so that nobody
//! behind them need know which format a text had.

mod error;
mod json;
mod limits;
mod lines;
mod node;
mod scalar;
mod timestamp;
mod to_json;
mod toml;
mod yaml;

pub use self::toml::parse_toml;
pub use error::{SYNTAX_CODES, SyntaxError};
pub use json::parse_json;
pub use limits::Limits;
pub use node::{Entry, Node, Span, Value};
pub use scalar::{Kind, Scalar};
pub use yaml::parse_yaml;
