//! `portcullis explain`: what would become of a request, and why.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use portcullis_bundle::matcher::Target;
use portcullis_cases::{Certificate, Configured, Session, Situation, explain_request};
use portcullis_config::Severity;
use portcullis_model::Claims;
use portcullis_policy::Leaf;

use crate::args::{Explain, ExplainFormat};
use crate::check::{fail, usage, write};
use crate::test::text;

/// Exits 0 when there is an explanation, whatever it says; 1 when the configuration
/// has errors that no single route has; 2 for a request that cannot be one.
pub(crate) fn explain(arguments: &Explain) -> ExitCode {
    let situation = match situation(arguments) {
        Ok(situation) => situation,
        Err(why) => return usage(&why),
    };
    let source = match arguments.config.source() {
        Ok(source) => source,
        Err(error) => return fail(&error.to_string()),
    };
    let loaded = source.load();
    let fatal = |d: &&portcullis_config::Diagnostic| d.severity == Severity::Error && d.route.is_none();
    let stops = loaded.diagnostics.iter().any(|d| fatal(&d));
    let Some(config) = loaded.config.filter(|_| !stops) else {
        for problem in &loaded.diagnostics {
            let _ = writeln!(std::io::stderr(), "{problem}");
        }
        return ExitCode::FAILURE;
    };
    let configured = match Configured::new(&config, &loaded.diagnostics) {
        Ok(configured) => configured,
        Err(error) => return fail(&error.to_string()),
    };
    let (target, mut situation) = situation;
    if arguments.client_certificate.is_none() {
        situation.certificate = configured.no_certificate();
    }
    let explanation = explain_request(&configured, &target, &situation);
    let shown = match arguments.format {
        ExplainFormat::Text => explanation.to_string(),
        ExplainFormat::Json => format!("{:#}\n", explanation.to_json()),
    };
    match write(&shown) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The request that the flags describe.
fn situation(arguments: &Explain) -> Result<(Target, Situation), String> {
    let target = Target::parse(&arguments.url).map_err(|error| error.to_string())?;
    let now = arguments.at.unwrap_or_else(jiff::Timestamp::now);
    let mut situation = Situation {
        method: arguments.method.clone(),
        path: target.decoded_path().to_owned(),
        session: session(arguments)?,
        certificate: match &arguments.client_certificate {
            None => Certificate::default(),
            Some(file) => Certificate {
                presented: true,
                valid: true,
                leaf: Some(leaf(file)?),
            },
        },
        ..Situation::get(target.host.as_str(), now)
    };
    if let Some(ip) = arguments.source_ip {
        situation.source_ip = Some(ip);
    }
    for (name, value) in &arguments.headers {
        situation.header(name, value);
    }
    Ok((target, situation))
}

fn leaf(file: &Path) -> Result<Leaf, String> {
    Leaf::from_pem(&text(file)?)
        .map_err(|error| format!("{}: no client certificate: {error}", file.display()))
}

/// Who asks: nobody where neither an address, nor an id, nor claims are given.
fn session(arguments: &Explain) -> Result<Option<Session>, String> {
    let Explain {
        user,
        user_id,
        claims,
        groups,
        ..
    } = arguments;
    if user.is_none() && user_id.is_none() && claims.is_none() {
        return if groups.is_empty() {
            Ok(None)
        } else {
            Err("`--group` needs a `--user`".to_owned())
        };
    }
    let claims = claims.clone().unwrap_or_default();
    let claim = |name: &str| {
        claims
            .get(name)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let email = user.clone().or_else(|| claim("email")).unwrap_or_default();
    Ok(Some(Session {
        id: "session".to_owned(),
        user_id: user_id
            .clone()
            .or_else(|| claim("sub"))
            .unwrap_or_else(|| email.clone()),
        email,
        claims: Claims::flatten(&claims).map_err(|error| error.to_string())?,
        groups: (!groups.is_empty()).then(|| groups.clone()),
        devices: Vec::new(),
    }))
}
