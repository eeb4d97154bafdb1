//! The end of a session: at the provider by way of the browser, of its tokens, and
//! at the provider's word.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use openidconnect::{AuthType, ClientId, EndSessionUrl, LogoutRequest, PostLogoutRedirectUrl};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Url, form_urlencoded};

use super::{Provider, auth_type};
use crate::discovery::{self, Metadata};
use crate::error::IdpError;
use crate::logout_token::{self, LogoutToken};
use crate::verify::Rejected;

const REVOCATION: &str = "token revocation";

impl Provider {
    /// Where to end the session at the provider (OpenID Connect RP-Initiated
    /// Logout 1.0), or `None` if it offers no such place.
    ///
    /// # Errors
    ///
    /// When discovery fails.
    pub async fn end_session_url(
        &self,
        id_token_hint: Option<&SecretString>,
        post_logout_redirect_url: &Url,
    ) -> Result<Option<Url>, IdpError> {
        let found = self.bounded("discovery", self.directory.get()).await?;
        let Some(endpoint) = found.metadata.additional_metadata().end_session_endpoint.as_ref() else {
            return Ok(None);
        };
        let mut url = LogoutRequest::from(EndSessionUrl::from_url(endpoint.url().clone()))
            .set_client_id(ClientId::new(self.config.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::from_url(post_logout_redirect_url.clone()))
            .http_get_url();
        if let Some(hint) = id_token_hint {
            url.query_pairs_mut()
                .append_pair("id_token_hint", hint.expose_secret());
        }
        Ok(Some(url))
    }

    /// Revokes the tokens of a session (RFC 7009): the refresh token first, as the
    /// others may go with it. Whether the provider has a place for that.
    ///
    /// # Errors
    ///
    /// When the provider does not take one of them; the other was sent all the same.
    pub async fn revoke(
        &self,
        refresh_token: Option<&SecretString>,
        access_token: &SecretString,
    ) -> Result<bool, IdpError> {
        let tokens = [
            ("refresh_token", refresh_token),
            ("access_token", Some(access_token)),
        ];
        let work = async {
            let found = self.directory.get().await?;
            let Some(endpoint) = discovery::revocation_endpoint(&found.metadata)? else {
                return Ok(false);
            };
            let mut all = Ok(true);
            for (kind, token) in tokens {
                let Some(token) = token.filter(|token| !token.expose_secret().is_empty()) else {
                    continue;
                };
                let revoked = self.revoke_one(&endpoint, &found.metadata, kind, token).await;
                all = all.and(revoked.map(|()| true));
            }
            all
        };
        self.bounded(REVOCATION, work).await
    }

    async fn revoke_one(
        &self,
        endpoint: &Url,
        metadata: &Metadata,
        kind: &str,
        token: &SecretString,
    ) -> Result<(), IdpError> {
        let request = self.revocation(endpoint, metadata, kind, token)?;
        let answer = self.http.send(request).await;
        let answer = answer.map_err(|error| IdpError::from_http(REVOCATION, &error))?;
        self.is_alive();
        match answer.status().as_u16() {
            // A token that it does not know is as good as revoked (section 2.2).
            200 | 204 => Ok(()),
            status => Err(IdpError::invalid(
                REVOCATION,
                format!("answered with status {status}"),
            )),
        }
    }

    fn revocation(
        &self,
        endpoint: &Url,
        metadata: &Metadata,
        kind: &str,
        token: &SecretString,
    ) -> Result<http::Request<Vec<u8>>, IdpError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", token.expose_secret())
            .append_pair("token_type_hint", kind);
        let mut request = http::Request::post(endpoint.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let id = &self.config.client_id;
        let secret = self.config.client_secret.as_ref().map(|s| s.expose_secret());
        match (secret, revocation_auth_type(metadata)) {
            (Some(secret), AuthType::BasicAuth) => {
                // RFC 6749 section 2.3.1: encoded as in a form, each for itself.
                let encode =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
                request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
            }
            (Some(secret), _) => {
                form.append_pair("client_id", id)
                    .append_pair("client_secret", secret);
            }
            (None, _) => {
                form.append_pair("client_id", id);
            }
        }
        request
            .body(form.finish().into_bytes())
            .map_err(|_| IdpError::invalid(REVOCATION, "the request cannot be written"))
    }

    /// Verifies a logout token (OpenID Connect Back-Channel Logout 1.0, section
    /// 2.6) that came at `now`, in seconds since 1970: by the provider's keys and the
    /// algorithms that are good for id tokens. That its `jti` is new is for the
    /// caller to see to.
    ///
    /// # Errors
    ///
    /// [`IdpError::Invalid`] for what is no logout token for us, and
    /// [`IdpError::Unavailable`] where the provider's keys cannot be read.
    pub async fn verify_logout_token(&self, token: &str, now: i64) -> Result<LogoutToken, IdpError> {
        let work = async {
            let written = logout_token::Written::read(token)?;
            let found = self.directory.get().await?;
            // Before the signature: what is not meant for us costs no fetch of keys.
            let said = written.check(found.metadata.issuer().as_str(), &self.config.client_id, now)?;
            match written.verify(&found.metadata) {
                Ok(()) => Ok(said),
                Err(Rejected::Invalid(error)) => Err(error),
                Err(Rejected::MaybeNewKeys(error)) => match self.directory.newer_keys(&found).await? {
                    Some(newer) => written
                        .verify(&newer.metadata)
                        .map(|()| said)
                        .map_err(Rejected::into_error),
                    None => Err(error),
                },
            }
        };
        self.bounded(logout_token::STEP, work).await
    }
}

/// How we say who we are where tokens are revoked: as discovery says of that place, else
/// as at the token endpoint. By RFC 8414 section 2 it would be Basic where nothing is
/// said, but OpenID Connect's own discovery knows the token endpoint's methods alone, and
/// its providers mean both.
fn revocation_auth_type(metadata: &Metadata) -> AuthType {
    let takes = |method| discovery::revocation_takes(metadata, method);
    if takes("client_secret_basic") {
        AuthType::BasicAuth
    } else if takes("client_secret_post") {
        AuthType::RequestBody
    } else {
        auth_type(metadata)
    }
}
