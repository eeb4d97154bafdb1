//! One configured identity provider and the steps of a login at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, Nonce, NonceVerifier, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, TokenResponse,
    UserInfoUrl,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;

use crate::discovery::{Directory, Discovered, Metadata};
use crate::error::IdpError;
use crate::http_client::{HttpClient, HttpError, Transport};
use crate::identity::{self, Identity, Person};
use crate::providers::ProviderKind;
use crate::verify::{self, Rejected};

mod logout;
mod refresh;

pub use refresh::{Refreshed, Userinfo};

/// The step of reading userinfo, in errors.
const USERINFO: &str = "userinfo";

/// The settings of one provider and of our registration there.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// Which provider's peculiarities apply.
    pub kind: ProviderKind,
    /// The issuer exactly as the provider writes it; discovery stands at
    /// `<issuer>/.well-known/openid-configuration`.
    pub issuer_url: String,
    /// Our client id.
    pub client_id: String,
    /// Our client secret; none for a public client.
    pub client_secret: Option<SecretString>,
    /// The scopes to ask for; empty for the provider's defaults.
    pub scopes: Vec<String>,
    /// Where the provider sends the browser with the code.
    pub redirect_url: Url,
}

/// How long things are kept and waited for; [`Default`] is what production uses.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Metadata older than this is refreshed in the background.
    pub refresh_after: Duration,
    /// Metadata older than this is not used.
    pub max_age: Duration,
    /// After a failed discovery its error is repeated for this long.
    pub failure_pause: Duration,
    /// The least time between two fetches of keys for an unknown key id.
    pub keys_pause: Duration,
    /// The most time that one step of a login may take in all.
    pub total: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            refresh_after: Duration::from_secs(60 * 60),
            max_age: Duration::from_secs(24 * 60 * 60),
            failure_pause: Duration::from_secs(2),
            keys_pause: Duration::from_secs(5),
            total: Duration::from_secs(12),
        }
    }
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider; keeps its metadata and keys cached. Cheap to clone.
#[derive(Clone)]
pub struct Provider {
    config: Arc<ProviderConfig>,
    http: HttpClient,
    directory: Arc<Directory>,
    timing: Timing,
    /// Whether the last that was heard of it is that it does not answer.
    suspect: Arc<AtomicBool>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Provider {
    /// A provider; nothing is fetched before the first login.
    #[must_use]
    pub fn new(config: ProviderConfig, http: HttpClient) -> Self {
        Self::with_timing(config, http, Timing::default())
    }

    /// As [`Provider::new`] with other times.
    #[must_use]
    pub fn with_timing(config: ProviderConfig, http: HttpClient, timing: Timing) -> Self {
        Self {
            directory: Arc::new(Directory::new(config.issuer_url.clone(), http.clone(), timing)),
            config: Arc::new(config),
            http,
            timing,
            suspect: Arc::default(),
        }
    }

    /// The same provider, with all that it has cached, for a login that leads back to
    /// another address of ours.
    #[must_use]
    pub fn returning_to(&self, redirect_url: Url) -> Self {
        let config = ProviderConfig {
            redirect_url,
            ..ProviderConfig::clone(&self.config)
        };
        Self {
            config: Arc::new(config),
            ..self.clone()
        }
    }

    /// Where the browser is sent to log in (RFC 6749 section 4.1.1), with PKCE
    /// S256 whether or not the provider advertises it. Where the provider was last
    /// found to be down it is asked first, so that nobody is sent to a dead page.
    ///
    /// # Errors
    ///
    /// When discovery fails, or the verifier is not one of RFC 7636 section 4.1.
    pub async fn authorize_url(
        &self,
        state: &str,
        nonce: &str,
        pkce_verifier: &str,
    ) -> Result<Url, IdpError> {
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(pkce_verifier)?);
        let found = if self.suspect.load(Ordering::Relaxed) {
            let found = self.bounded("discovery", self.directory.refresh()).await?;
            self.is_alive();
            found
        } else {
            self.bounded("discovery", self.directory.get()).await?
        };
        let client = self.client(&found.metadata);
        let (state, nonce) = (state.to_owned(), nonce.to_owned());
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(state),
            || Nonce::new(nonce),
        );
        for scope in self.scopes() {
            request = request.add_scope(Scope::new(scope));
        }
        let (url, _, _) = request.set_pkce_challenge(challenge).url();
        Ok(url)
    }

    /// Redeems the code (RFC 6749 section 4.1.3), verifies the id token and
    /// reads userinfo where the provider has it.
    ///
    /// # Errors
    ///
    /// [`IdpError::Refused`] when the provider does not accept the code,
    /// [`IdpError::Unavailable`] when it does not answer,
    /// [`IdpError::Invalid`] when its answer does not verify.
    pub async fn exchange(&self, code: &str, nonce: &str, pkce_verifier: &str) -> Result<Identity, IdpError> {
        let verifier = verifier(pkce_verifier)?;
        let nonce = Nonce::new(nonce.to_owned());
        let step = self.redeem(code, &nonce, verifier);
        self.bounded("code exchange", step).await
    }

    async fn redeem(
        &self,
        code: &str,
        nonce: &Nonce,
        verifier: PkceCodeVerifier,
    ) -> Result<Identity, IdpError> {
        const STEP: &str = "code exchange";
        let found = self.directory.get().await?;
        let client = self.client(&found.metadata);
        let response: CoreTokenResponse = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| IdpError::invalid("discovery", "no `token_endpoint`"))?
            .set_pkce_verifier(verifier)
            .request_async(&Transport(&self.http))
            .await
            .map_err(|error| token_error(STEP, error))?;
        self.is_alive();
        let mut claims = self.verified_claims(&response, nonce, &found).await?;
        if let Some(endpoint) = found.metadata.userinfo_endpoint() {
            let userinfo = self.userinfo(endpoint, response.access_token()).await?;
            identity::merge(&mut claims, userinfo)?;
        }
        self.config.kind.adjust_claims(&mut claims);
        let Person {
            user_id,
            email,
            name,
            claims,
        } = Person::from_claims(claims)?;
        Ok(Identity {
            user_id,
            email,
            name,
            claims,
            id_token: response
                .id_token()
                .map(ToString::to_string)
                .unwrap_or_default()
                .into(),
            access_token: response.access_token().secret().clone().into(),
            refresh_token: refresh_token(&response),
            access_token_expires_in: response.expires_in(),
        })
    }

    /// Verifies the id token; with newer keys once more, if that could help.
    async fn verified_claims(
        &self,
        response: &CoreTokenResponse,
        nonce: impl NonceVerifier + Copy,
        found: &Arc<Discovered>,
    ) -> Result<Map<String, Value>, IdpError> {
        let token = response
            .id_token()
            .ok_or(IdpError::invalid("code exchange", "no id token"))?;
        let client_id = ClientId::new(self.config.client_id.clone());
        let verify = |found: &Discovered| {
            let access_token = response.access_token();
            verify::verified_claims(token, access_token, nonce, &client_id, &found.metadata)
        };
        match verify(found) {
            Ok(claims) => Ok(claims),
            Err(Rejected::Invalid(error)) => Err(error),
            Err(Rejected::MaybeNewKeys(error)) => match self.directory.newer_keys(found).await? {
                Some(newer) => verify(&newer).map_err(Rejected::into_error),
                None => Err(error),
            },
        }
    }

    /// Userinfo (OpenID Connect Core 1.0 section 5.3). We read it ourselves:
    /// the library's typed claims would drop what a policy may want.
    async fn userinfo(
        &self,
        endpoint: &UserInfoUrl,
        access_token: &AccessToken,
    ) -> Result<Map<String, Value>, IdpError> {
        userinfo_claims(&self.ask_userinfo(endpoint, access_token).await?)
    }

    async fn ask_userinfo(
        &self,
        endpoint: &UserInfoUrl,
        access_token: &AccessToken,
    ) -> Result<http::Response<Vec<u8>>, IdpError> {
        let request = http::Request::get(endpoint.as_str())
            .header(http::header::ACCEPT, "application/json")
            .header(
                http::header::AUTHORIZATION,
                format!("Bearer {}", access_token.secret()),
            )
            .body(Vec::new())
            .map_err(|_| IdpError::invalid(USERINFO, "access token is not usable in a header"))?;
        let answer = self.http.send(request).await;
        let answer = answer.map_err(|e: HttpError| IdpError::from_http(USERINFO, &e))?;
        self.is_alive();
        Ok(answer)
    }

    fn scopes(&self) -> Vec<String> {
        let configured = &self.config.scopes;
        let scopes: Vec<String> = if configured.is_empty() {
            self.config
                .kind
                .default_scopes()
                .iter()
                .map(ToString::to_string)
                .collect()
        } else {
            configured.clone()
        };
        // The library puts `openid` first itself: without it there is no id token.
        scopes.into_iter().filter(|s| s != "openid").collect()
    }

    fn client(&self, metadata: &Metadata) -> Client {
        let secret = self.config.client_secret.as_ref();
        CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.config.client_id.clone()),
            secret.map(|s| ClientSecret::new(s.expose_secret().to_owned())),
        )
        .set_auth_type(auth_type(metadata))
        .set_redirect_uri(RedirectUrl::from_url(self.config.redirect_url.clone()))
    }

    async fn bounded<T>(
        &self,
        step: &'static str,
        work: impl Future<Output = Result<T, IdpError>>,
    ) -> Result<T, IdpError> {
        let done = tokio::time::timeout(self.timing.total, work)
            .await
            .unwrap_or_else(|_| Err(IdpError::unavailable(step, "no complete answer in time")));
        // What has succeeded may have asked nobody: a cache, or an endpoint that is not there.
        if let Err(IdpError::Unavailable { .. }) = done {
            self.suspect.store(true, Ordering::Relaxed);
        }
        done
    }

    /// It has just answered.
    fn is_alive(&self) {
        self.suspect.store(false, Ordering::Relaxed);
    }
}

/// What an answer of the userinfo endpoint says.
fn userinfo_claims(answer: &http::Response<Vec<u8>>) -> Result<Map<String, Value>, IdpError> {
    if answer.status() != http::StatusCode::OK {
        let status = answer.status().as_u16();
        return Err(IdpError::invalid(
            USERINFO,
            format!("answered with status {status}"),
        ));
    }
    if !is_json(answer.headers()) {
        return Err(IdpError::invalid(
            USERINFO,
            "content type is not `application/json`",
        ));
    }
    serde_json::from_slice(answer.body()).map_err(|_| IdpError::invalid(USERINFO, "not a json object"))
}

/// The refresh token of an answer; some providers write an empty one for none.
fn refresh_token(response: &CoreTokenResponse) -> Option<SecretString> {
    let token = response.refresh_token()?.secret();
    (!token.is_empty()).then(|| token.clone().into())
}

/// Why a token endpoint gave no tokens.
fn token_error(
    step: &'static str,
    error: RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> IdpError {
    match error {
        RequestTokenError::ServerResponse(answer) => match answer.error().as_ref() {
            // Codes that say nothing against the grant.
            "temporarily_unavailable" | "server_error" | "slow_down" => {
                IdpError::unavailable(step, "answered that it cannot at the moment")
            }
            code => IdpError::refused(code),
        },
        RequestTokenError::Request(http) => IdpError::from_http(step, &http),
        RequestTokenError::Parse(e, _) => {
            IdpError::invalid(step, format!("unexpected json at `{}`", e.path()))
        }
        RequestTokenError::Other(_) => IdpError::invalid(step, "unexpected answer"),
    }
}

/// RFC 7636 section 4.1; checked here because the library asserts it.
fn verifier(text: &str) -> Result<PkceCodeVerifier, IdpError> {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
        Ok(PkceCodeVerifier::new(text.to_owned()))
    } else {
        Err(IdpError::invalid("pkce", "verifier is malformed"))
    }
}

/// HTTP Basic unless the provider says that it takes only the form.
fn auth_type(metadata: &Metadata) -> AuthType {
    let methods = metadata
        .token_endpoint_auth_methods_supported()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}

fn is_json(headers: &http::HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
