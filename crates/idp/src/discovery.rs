//! The provider's metadata and keys (OpenID Connect Discovery 1.0), cached.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, DiscoveryError, IssuerUrl, LogoutProviderMetadata, ProviderMetadata,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use crate::error::IdpError;
use crate::http_client::{HttpClient, HttpError, Transport};
use crate::provider::Timing;

const DISCOVERY: &str = "discovery";
const KEYS: &str = "signing keys";

/// What a provider says of itself.
pub(crate) type Metadata = ProviderMetadata<
    LogoutProviderMetadata<Revocation>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Where tokens are revoked (RFC 8414 section 2). It is a text until it is used: no
/// login fails for an address that only a sign-out asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<String>,
    /// How clients say who they are there; whatever it is, for the same reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revocation_endpoint_auth_methods_supported: Option<Value>,
}

impl AdditionalProviderMetadata for Revocation {}

/// Where the provider revokes tokens (RFC 7009), if it says so.
///
/// # Errors
///
/// When it is no address that a token may be sent to.
pub(crate) fn revocation_endpoint(metadata: &Metadata) -> Result<Option<Url>, IdpError> {
    let written = &metadata
        .additional_metadata()
        .additional_metadata
        .revocation_endpoint;
    let Some(written) = written else {
        return Ok(None);
    };
    let url =
        Url::parse(written).map_err(|_| IdpError::invalid(DISCOVERY, "`revocation_endpoint` is no url"))?;
    check_endpoint(&url, metadata.issuer().url().scheme() == "https")?;
    Ok(Some(url))
}

/// Whether the provider says that it takes this method of authentication where tokens are
/// revoked.
pub(crate) fn revocation_takes(metadata: &Metadata, method: &str) -> bool {
    let methods = &metadata
        .additional_metadata()
        .additional_metadata
        .revocation_endpoint_auth_methods_supported;
    let methods = methods.as_ref().and_then(Value::as_array);
    methods.is_some_and(|methods| methods.iter().any(|known| known == method))
}

/// One read of the provider's metadata, keys included.
pub(crate) struct Discovered {
    pub(crate) metadata: Metadata,
    fetched: Instant,
}

#[derive(Default)]
struct Attempts {
    /// The last failed discovery; answered to all for a short while, so that a
    /// provider that is down is not asked once per login.
    failure: Option<(Instant, IdpError)>,
    /// The last time that keys alone were fetched.
    keys: Option<Instant>,
}

/// The cache. Readers take what is there; one task at a time fetches.
pub(crate) struct Directory {
    issuer: String,
    http: HttpClient,
    timing: Timing,
    current: ArcSwapOption<Discovered>,
    attempts: Mutex<Attempts>,
}

impl Directory {
    pub(crate) fn new(issuer: String, http: HttpClient, timing: Timing) -> Self {
        Self {
            issuer,
            http,
            timing,
            current: ArcSwapOption::empty(),
            attempts: Mutex::new(Attempts::default()),
        }
    }

    /// The metadata: from the cache while it is young, from the cache with a
    /// refresh in the background while it is usable, else from the provider.
    pub(crate) async fn get(self: &Arc<Self>) -> Result<Arc<Discovered>, IdpError> {
        if let Some(current) = self.current.load_full() {
            let age = current.fetched.elapsed();
            if age < self.timing.refresh_after {
                return Ok(current);
            }
            if age < self.timing.max_age {
                self.refresh_in_background();
                return Ok(current);
            }
        }
        self.refresh().await
    }

    fn refresh_in_background(self: &Arc<Self>) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            // Whoever holds the lock is already asking.
            if this.attempts.try_lock().is_ok()
                && let Err(error) = this.refresh().await
            {
                tracing::warn!(%error, "provider metadata could not be refreshed, the cached is used");
            }
        });
    }

    /// The metadata from the provider, or what another fetched since we asked.
    pub(crate) async fn refresh(&self) -> Result<Arc<Discovered>, IdpError> {
        let asked = Instant::now();
        let mut attempts = self.attempts.lock().await;
        if let Some(current) = self.current.load_full()
            && current.fetched >= asked
        {
            return Ok(current);
        }
        if let Some((at, error)) = &attempts.failure
            && at.elapsed() < self.timing.failure_pause
        {
            return Err(error.clone());
        }
        match self.fetch().await {
            Ok(found) => {
                attempts.failure = None;
                Ok(self.store(found))
            }
            Err(error) => {
                attempts.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn store(&self, metadata: Metadata) -> Arc<Discovered> {
        let found = Arc::new(Discovered {
            metadata,
            fetched: Instant::now(),
        });
        self.current.store(Some(Arc::clone(&found)));
        found
    }

    async fn fetch(&self) -> Result<Metadata, IdpError> {
        let issuer = IssuerUrl::new(self.issuer.clone())
            .map_err(|e| IdpError::invalid(DISCOVERY, format!("issuer is no url: {e}")))?;
        let metadata = Metadata::discover_async(issuer, &Transport(&self.http))
            .await
            .map_err(|e| discovery_error(DISCOVERY, &e))?;
        check_endpoints(&metadata)?;
        Ok(metadata)
    }

    /// Keys that may be newer than those in `seen`: what another login fetched
    /// meanwhile, else one fetch, unless the last was just now (then `None`).
    pub(crate) async fn newer_keys(
        &self,
        seen: &Arc<Discovered>,
    ) -> Result<Option<Arc<Discovered>>, IdpError> {
        let mut attempts = self.attempts.lock().await;
        if let Some(current) = self.current.load_full()
            && !Arc::ptr_eq(&current, seen)
        {
            return Ok(Some(current));
        }
        if attempts
            .keys
            .is_some_and(|at| at.elapsed() < self.timing.keys_pause)
        {
            return Ok(None);
        }
        attempts.keys = Some(Instant::now());
        let keys = CoreJsonWebKeySet::fetch_async(seen.metadata.jwks_uri(), &Transport(&self.http))
            .await
            .map_err(|e| discovery_error(KEYS, &e))?;
        let found = Arc::new(Discovered {
            metadata: seen.metadata.clone().set_jwks(keys),
            fetched: seen.fetched,
        });
        self.current.store(Some(Arc::clone(&found)));
        Ok(Some(found))
    }
}

fn discovery_error(step: &'static str, error: &DiscoveryError<HttpError>) -> IdpError {
    match error {
        DiscoveryError::Request(http) => IdpError::from_http(step, http),
        DiscoveryError::Response(status, _, _) if *status != http::StatusCode::OK => {
            IdpError::invalid(step, format!("answered with status {}", status.as_u16()))
        }
        DiscoveryError::Response(..) => IdpError::invalid(step, "content type is not `application/json`"),
        DiscoveryError::Parse(e) => IdpError::invalid(step, format!("unexpected json at `{}`", e.path())),
        DiscoveryError::UrlParse(e) => IdpError::invalid(step, format!("url: {e}")),
        DiscoveryError::Validation(message) => IdpError::invalid(step, message.clone()),
        _ => IdpError::invalid(step, "unexpected answer"),
    }
}

/// An https issuer must not send us (with the client secret, the code or a
/// token) to a plain http address; credentials in a URL are never right.
fn check_endpoints(metadata: &Metadata) -> Result<(), IdpError> {
    let secure = metadata.issuer().url().scheme() == "https";
    let end_session = metadata
        .additional_metadata()
        .end_session_endpoint
        .as_ref()
        .map(|url| url.url());
    let endpoints = [
        Some(metadata.authorization_endpoint().url()),
        metadata.token_endpoint().map(|url| url.url()),
        metadata.userinfo_endpoint().map(|url| url.url()),
        Some(metadata.jwks_uri().url()),
        end_session,
    ];
    endpoints
        .into_iter()
        .flatten()
        .try_for_each(|url| check_endpoint(url, secure))
}

pub(crate) fn check_endpoint(url: &Url, secure: bool) -> Result<(), IdpError> {
    let scheme_fits = url.scheme() == "https" || (!secure && url.scheme() == "http");
    if !scheme_fits || !url.username().is_empty() || url.password().is_some() {
        return Err(IdpError::invalid(
            DISCOVERY,
            format!(
                "endpoint is not acceptable: `{}`",
                url.origin().ascii_serialization()
            ),
        ));
    }
    Ok(())
}
