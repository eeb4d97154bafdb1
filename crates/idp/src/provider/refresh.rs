//! What follows a login: new tokens for a refresh token, and what the provider
//! says of the user by now.

use openidconnect::core::{CoreIdToken, CoreTokenResponse};
use openidconnect::{AccessToken, Nonce, OAuth2TokenResponse as _, RefreshToken, TokenResponse as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use std::time::Duration;

use super::{Provider, USERINFO, refresh_token, token_error, userinfo_claims};
use crate::error::IdpError;
use crate::http_client::Transport;
use crate::identity::{self, Person};
use crate::providers::ProviderKind;
use crate::verify;

const STEP: &str = "token refresh";

/// The error codes that say something of the grant: it is over, or the user has to
/// be there (RFC 6749 section 5.2, OpenID Connect Core 1.0 section 3.1.2.6).
const FINAL: [&str; 4] = [
    "invalid_grant",
    "interaction_required",
    "login_required",
    "consent_required",
];

/// What a refresh token was exchanged for. The tokens are to be kept whatever
/// became of the rest: the old refresh token may be spent.
#[derive(Debug)]
pub struct Refreshed {
    /// The new access token.
    pub access_token: SecretString,
    /// For how long it is good, if the provider says so.
    pub access_token_expires_in: Option<Duration>,
    /// The next refresh token; `None` where the old one stays good.
    pub refresh_token: Option<SecretString>,
    /// The new id token, verified, if the provider gave one.
    pub id_token: Option<SecretString>,
    /// The user by the id token (the old one, where there is no new one) and
    /// userinfo, or why that is not known.
    pub person: Result<Person, IdpError>,
}

/// An answer of the userinfo endpoint.
#[derive(Clone, Debug)]
pub struct Userinfo {
    claims: Map<String, Value>,
    kind: ProviderKind,
}

impl Userinfo {
    /// The user by the id token of a login with userinfo on top.
    ///
    /// # Errors
    ///
    /// [`IdpError::Invalid`] if they are not of the same user, or too large.
    pub fn over(&self, id_token: &SecretString) -> Result<Person, IdpError> {
        let mut claims = claims_of(id_token)?;
        identity::merge(&mut claims, self.claims.clone())?;
        self.kind.adjust_claims(&mut claims);
        Person::from_claims(claims)
    }
}

impl Provider {
    /// Exchanges the refresh token `token` (RFC 6749 section 6). `id_token` and `user_id` are
    /// those of the session: who answers for another user is not believed (OpenID
    /// Connect Core 1.0 section 12.2).
    ///
    /// # Errors
    ///
    /// [`IdpError::Refused`] and [`IdpError::OtherUser`] are final. After any other
    /// the token may still be good, and may not. An error code that speaks of our
    /// registration or of nothing in particular (`invalid_client`, a gateway's `Not
    /// Found`) is [`IdpError::Invalid`]: a wrong client secret must not sign out
    /// everybody.
    pub async fn refresh(
        &self,
        token: &SecretString,
        id_token: &SecretString,
        user_id: &str,
    ) -> Result<Refreshed, IdpError> {
        let response = self.bounded(STEP, self.exchange_refresh_token(token)).await?;
        // A time of its own: the new tokens must not be lost with the rest.
        let person = self
            .bounded(STEP, self.person(&response, id_token, user_id))
            .await;
        if let Err(error @ IdpError::OtherUser) = person {
            return Err(error);
        }
        // An id token that does not verify is nobody's to keep.
        let new_id_token = response.id_token().filter(|_| person.is_ok());
        Ok(Refreshed {
            access_token: response.access_token().secret().clone().into(),
            access_token_expires_in: response.expires_in(),
            refresh_token: refresh_token(&response),
            id_token: new_id_token.map(|token| token.to_string().into()),
            person,
        })
    }

    /// Reads userinfo; `None` if the provider has none.
    ///
    /// # Errors
    ///
    /// [`IdpError::Refused`] if the access token is no longer accepted, else as for
    /// a login.
    pub async fn read_userinfo(&self, access_token: &SecretString) -> Result<Option<Userinfo>, IdpError> {
        let work = async {
            let found = self.directory.get().await?;
            let Some(endpoint) = found.metadata.userinfo_endpoint() else {
                return Ok(None);
            };
            let token = AccessToken::new(access_token.expose_secret().to_owned());
            let answer = self.ask_userinfo(endpoint, &token).await?;
            if answer.status() == http::StatusCode::UNAUTHORIZED {
                // RFC 6750 section 3.1; the code itself stands in a header.
                return Err(IdpError::refused("invalid_token"));
            }
            let claims = userinfo_claims(&answer)?;
            let kind = self.config.kind;
            Ok(Some(Userinfo { claims, kind }))
        };
        self.bounded(USERINFO, work).await
    }

    async fn exchange_refresh_token(&self, token: &SecretString) -> Result<CoreTokenResponse, IdpError> {
        let found = self.directory.get().await?;
        let response = self
            .client(&found.metadata)
            .exchange_refresh_token(&RefreshToken::new(token.expose_secret().to_owned()))
            .map_err(|_| IdpError::invalid("discovery", "no `token_endpoint`"))?
            .request_async(&Transport(&self.http))
            .await
            .map_err(|error| match token_error(STEP, error) {
                IdpError::Refused { error } if !FINAL.contains(&error.as_str()) => {
                    IdpError::invalid(STEP, format!("answered with the error `{error}`"))
                }
                other => other,
            })?;
        self.is_alive();
        Ok(response)
    }

    async fn person(
        &self,
        response: &CoreTokenResponse,
        id_token: &SecretString,
        user_id: &str,
    ) -> Result<Person, IdpError> {
        let found = self.directory.get().await?;
        let mut claims = match response.id_token() {
            // It has no nonce, or that of a login which is long over.
            Some(_) => self.verified_claims(response, &any_nonce, &found).await?,
            None => claims_of(id_token)?,
        };
        // `oid` may come with userinfo alone, so only `sub` can be compared as yet.
        if claims.get("sub") != claims_of(id_token)?.get("sub") {
            return Err(IdpError::OtherUser);
        }
        if let Some(endpoint) = found.metadata.userinfo_endpoint() {
            let userinfo = self.userinfo(endpoint, response.access_token()).await?;
            identity::merge(&mut claims, userinfo)?;
        }
        self.config.kind.adjust_claims(&mut claims);
        if identity::user_id(&claims) != user_id {
            return Err(IdpError::OtherUser);
        }
        Person::from_claims(claims)
    }
}

fn any_nonce(_: Option<&Nonce>) -> Result<(), String> {
    Ok(())
}

/// The claims of an id token that was verified when it came.
fn claims_of(id_token: &SecretString) -> Result<Map<String, Value>, IdpError> {
    let invalid = |_| IdpError::invalid("id token", "the kept one cannot be read");
    let token: CoreIdToken = id_token.expose_secret().parse().map_err(invalid)?;
    verify::payload(&token).map_err(|reason| IdpError::invalid("id token", reason))
}
