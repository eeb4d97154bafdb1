//! Who answered, in a few words.

use portcullis_harness::Response;

/// Status and who gave it:
/// - ``STATUS `code` ``: a refusal of ours, by its code;
/// - `302 login`: on the way to the provider, by us;
/// - `STATUS page`: another page of ours;
/// - `STATUS upstream`: the application;
/// - `STATUS Envoy`: Envoy itself, before or after it asked us.
pub(crate) fn outcome(response: &Response) -> String {
    let status = response.status;
    if response.header("x-pomerium-intercepted-response").is_some() {
        return match code(response) {
            Some(code) => format!("{status} `{code}`"),
            None => format!("{status} Portcullis"),
        };
    }
    if response
        .head
        .all("set-cookie")
        .any(|cookie| cookie.starts_with("app=1"))
    {
        return format!("{status} upstream");
    }
    let to = response.header("location").unwrap_or_default();
    if to.contains("/.pomerium/sign_in") || to.contains("pomerium_redirect_uri=") {
        return format!("{status} login");
    }
    let kind = response.header("content-type").unwrap_or_default();
    let ours = kind.starts_with("text/html")
        || kind.starts_with("application/json")
        || kind.starts_with("application/jwk")
        || response.header("cache-control").is_some();
    if ours {
        format!("{status} page")
    } else {
        format!("{status} Envoy")
    }
}

fn code(response: &Response) -> Option<String> {
    let text = response.text();
    let found = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|body| body["code"].as_str().map(str::to_owned));
    found.or_else(|| {
        let rest = text.split_once("id=\"code\">")?.1;
        Some(rest.split_once('<')?.0.trim().to_owned())
    })
}
