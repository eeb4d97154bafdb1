//! Pomerium-style configuration: spanned document to validated config, with all diagnostics at once. Pure.
//!
//! ```text
//! Source ─► document (YAML, JSON, TOML with positions) ─► schema (names, shapes, states) ─► read ─► Config
//!                                                              └────────── diagnostics ──────────┘
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
//! * What Envoy would refuse only later, and then with all routes of a table, is an error of its route at
//!   once: a `regex` that RE2 does not have, a `response` without a status or with a body of more than 4096
//!   bytes, weights that add up to too much, line breaks in header values.
//! * Headers that say how a message is framed, or in whose name it is sent, cannot be set; nor can a
//!   redirect lead to another scheme than `http` and `https`, nor a rewrite to what is no path.
//! * Values of `set_response_headers` are sent as they stand; Envoy fills nothing in.

pub mod codes;
mod config;
mod diagnostic;
mod environment;
mod json_schema;
mod parse;
mod places;
mod read;
mod report;
pub mod schema;
mod value;

pub use config::{
    Action, Address, Advice, Authenticate, Certificate, CertificateFiles, ClientCertificates, Config,
    CookieOptions, FileReference, From, Global, GrpcAddress, HostRewrite, Idp, Located, LogLevel,
    PathMatcher, Pem, Redirect, Respond, Route, RoutePolicy, RouteResponseHeaders, SameSite, Secret,
    ServiceUrl, Storage, To, UNREADABLE_FILE, Upstream, UpstreamTls, Written, file_references,
};
pub use diagnostic::{Diagnostic, Severity};
pub use json_schema::json_schema;
pub use parse::{Parsed, Source, parse, parse_with_environment};
pub use places::Places;
pub use portcullis_document::Span;
pub use value::{
    AuthoritiesError, GoUrl, SecretError, SecretsProblem, UrlError, check_authorities, key_from_base64,
    keys_from_list, pem_text, secrets_in,
};
