//! What the commands about policies are told.

use core::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Config;

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Files of cases, or folders that are searched for them
    #[arg(value_name = "FILE_OR_DIR", required_unless_present = "vectors")]
    pub(crate) paths: Vec<PathBuf>,
    /// A file of conformance vectors, instead of cases
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "junit"])]
    pub(crate) vectors: Option<PathBuf>,
    /// Write the results there too, as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) config: Config,
    /// What is asked for, such as https://wiki.example.com/start
    #[arg(long)]
    pub(crate) url: String,
    /// The method of the request
    #[arg(long, default_value = "GET", value_parser = method)]
    pub(crate) method: String,
    /// The e-mail address of who asks; without it and without claims nobody is signed in
    #[arg(long, value_name = "EMAIL", value_parser = somebody)]
    pub(crate) user: Option<String>,
    /// The id of who asks; without it the claim `sub`, then the e-mail address
    #[arg(long, value_name = "ID", value_parser = somebody)]
    pub(crate) user_id: Option<String>,
    /// What the identity provider says, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub(crate) claims: Option<Map<String, Value>>,
    /// The id of a directory group of who asks; may be given several times
    #[arg(long = "group", value_name = "ID")]
    pub(crate) groups: Vec<String>,
    /// The address of the client
    #[arg(long, value_name = "IP")]
    pub(crate) source_ip: Option<IpAddr>,
    /// A header of the request; may be given several times
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
    /// A client certificate that is presented, in PEM; it counts as valid
    #[arg(long, value_name = "FILE")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// The time of the request, such as 2026-01-15T12:00:00Z; without it now
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    /// How the explanation looks
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
    pub(crate) format: ExplainFormat,
    /// A decision of the audit log, which there is not yet
    #[arg(long, value_name = "ID", hide = true, value_parser = decision)]
    decision: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    Text,
    Json,
}

fn decision(_: &str) -> Result<String, &'static str> {
    Err("decisions are found in the audit log, which there is not yet; describe the request with --url")
}

/// A token, as HTTP has it.
fn method(text: &str) -> Result<String, &'static str> {
    let in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(in_token) {
        return Err("it is no method, such as GET");
    }
    Ok(text.to_owned())
}

fn somebody(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("it is empty; leave the flag out where nobody is signed in");
    }
    Ok(text.to_owned())
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("a header is NAME:VALUE".to_owned()),
    }
}
