//! Pomerium-style configuration: spanned document to validated config, with all diagnostics at once. Pure.
//!
//! ```text
//! Source ─► document (YAML or JSON with positions) ─► schema (names, shapes, states) ─► read ─► Config
//!                                                        └────────── diagnostics ──────────┘
//! ```
//!
//! An error inside one route is confined to it: the route stays in the [`Config`], marked invalid, and
//! denies wherever it would have matched. Only what cannot be confined leaves no config at all.
//!
//! Where this differs from Pomerium on purpose:
//!
//! * Option names match without regard to case, but keys that users choose (headers, claims, names in a
//!   policy) keep theirs; Pomerium lower-cases every key of a file.
//! * An option that stands twice in different case is an error; Pomerium takes either.
//! * An empty file is an error: a file that is being written must not take every route away.
//! * A `to` with an unknown scheme is an error; Pomerium treats it like `http`.
//! * A mistake in a route invalidates that route, where Pomerium refuses the whole file.
//! * TOML is not read, nor are environment variables for maps and routes.

pub mod codes;
mod config;
mod diagnostic;
mod environment;
mod parse;
mod read;
mod report;
pub mod schema;
mod value;

pub use config::{
    Address, Authenticate, CertificateFiles, Config, CookieOptions, FileReference, From, Global, Idp,
    Located, LogLevel, PathMatcher, Route, RoutePolicy, Secret, Storage, To, UNREADABLE_FILE,
    file_references,
};
pub use diagnostic::{Diagnostic, Severity};
pub use parse::{Parsed, Source, parse, parse_with_environment};
pub use portcullis_document::Span;
pub use value::{GoUrl, SecretError, UrlError, key_from_base64, pem_text};
