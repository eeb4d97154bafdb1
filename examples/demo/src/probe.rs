//! Waiting until every page answers as it should.

use std::time::{Duration, Instant};

use portcullis_harness::Client;
use url::Url;

use crate::certificates::Certificates;
use crate::parts::{GATEWAY_PORT, KEYS_PORT, PROVIDER_PORT, Parts, SIDECAR_PORT};
use crate::shape::{AUTHENTICATE, Shape};
use crate::{DemoError, stop};

const LIMIT: Duration = Duration::from_secs(120);

/// Returns when everything answers, or when somebody asks for the end.
pub(crate) fn wait(shape: Shape, parts: &mut Parts, certificates: &Certificates) -> Result<(), DemoError> {
    let deadline = Instant::now() + LIMIT;
    let mut missing = pages(shape);
    while let Some((url, statuses)) = missing.first() {
        if stop::asked() {
            return Ok(());
        }
        parts.check()?;
        if answers(certificates, url, statuses) {
            missing.remove(0);
            continue;
        }
        if Instant::now() > deadline {
            let log = parts.log().display().to_string();
            return Err(DemoError::NotReady {
                url: url.clone(),
                limit: LIMIT,
                log,
            });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    parts.check()
}

/// The pages and the statuses that an anonymous visitor is to see there.
fn pages(shape: Shape) -> Vec<(String, &'static [u16])> {
    let provider = format!("http://127.0.0.1:{PROVIDER_PORT}/.well-known/openid-configuration");
    let mut pages: Vec<(String, &'static [u16])> = vec![(provider, &[200])];
    for host in shape.hosts() {
        let statuses: &[u16] = match *host {
            "public.localhost" => &[200],
            AUTHENTICATE => &[200, 302],
            _ => &[302],
        };
        pages.push((format!("https://{host}:{GATEWAY_PORT}/"), statuses));
    }
    if shape == Shape::Istio {
        let keys = format!("http://127.0.0.1:{KEYS_PORT}/.well-known/pomerium/jwks.json");
        pages.push((keys, &[200]));
        // Nobody comes past the gateway.
        pages.push((format!("http://127.0.0.1:{SIDECAR_PORT}/"), &[403]));
    }
    pages
}

fn answers(certificates: &Certificates, url: &str, statuses: &[u16]) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    Client::new(&certificates.der)
        .try_send("GET", &url, &[], b"")
        .is_ok_and(|answer| statuses.contains(&answer.status))
}
