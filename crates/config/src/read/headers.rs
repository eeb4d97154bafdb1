//! `jwt_claims_headers`.

use std::collections::BTreeMap;

use portcullis_document::Value;
use portcullis_model::HeaderName;

use crate::codes::DUPLICATE_KEY;
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::value;

/// Header and claim, sorted by header. A list of claims, or a text with claims between commas or spaces,
/// names the headers after the claims.
pub(super) fn claims(report: &mut Report, fields: &Fields<'_>) -> Vec<(HeaderName, String)> {
    let Some(field) = fields.get("jwt_claims_headers") else {
        return Vec::new();
    };
    let mut headers: BTreeMap<HeaderName, String> = BTreeMap::new();
    if let Value::Map(entries) = &field.node.value {
        for entry in entries.iter().filter(|entry| !entry.value.is_null()) {
            let claim = entry.value.as_scalar().and_then(value::text).unwrap_or_default();
            let Ok(name) = HeaderName::parse(&entry.key) else {
                continue;
            };
            if headers.insert(name, claim).is_some() {
                let message = format!("the header `{}` is given twice, in different case", entry.key);
                report.add(Problem::error(DUPLICATE_KEY, entry.key_span, message));
            }
        }
    } else {
        for (claims, _) in value::strings(field.node).unwrap_or_default() {
            for claim in claims.split_whitespace() {
                if let Ok(name) = HeaderName::parse(&format!("x-pomerium-claim-{claim}")) {
                    headers.insert(name, claim.to_owned());
                }
            }
        }
    }
    headers.into_iter().collect()
}
