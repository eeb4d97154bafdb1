//! Who may call: whoever knows a shared secret.
//!
//! A caller shows a token that says when it was made, under a MAC. It lives a
//! minute, so that one seen in a log or a memory dump is soon worth nothing. The
//! key is derived for this use alone (HKDF, RFC 5869): no token is ever good as
//! a user's credential, nor the other way round.
//!
//! Envoy cannot make tokens. It gets a constant one of its own, which opens the
//! configuration streams and nothing else.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use portcullis_model::Secrets;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

#[cfg(test)]
mod tests;

/// How long a token is good after it was made, in seconds.
pub const LIFETIME: i64 = 60;
/// How far the clocks of two machines may differ, in seconds.
pub const CLOCK_SKEW: i64 = 60;

const SALT: &[u8] = b"portcullis grpc 1";
const VERSION: &str = "v1";
/// No token of ours is longer.
const MAX_TOKEN: usize = 160;
const SCHEME: &str = "Bearer ";

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// There is none.
    #[error("no credential")]
    Missing,
    /// It has not the form of a token of ours.
    #[error("the credential has not the form of a token")]
    Malformed,
    /// It was made with another secret, or changed.
    #[error("the credential was made with another secret")]
    Forged,
    /// It is too old, or the clocks differ by more than a minute.
    #[error("the credential has expired, or the clocks differ")]
    Expired,
    /// It is from the future: the clocks differ by more than a minute.
    #[error("the credential is from the future: the clocks differ")]
    Future,
}

/// Makes tokens by the first shared secret, and checks them by all, so that
/// processes of which only some know the next one yet keep talking. `Debug` shows
/// nothing of it.
pub struct Key {
    current: RwLock<Arc<Derived>>,
}

/// What derives from the secrets, the first one apart.
struct Derived {
    first: Tokens,
    others: Vec<Tokens>,
}

/// What derives from one secret.
struct Tokens {
    calls: hmac::Key,
    xds: String,
}

impl Derived {
    fn new(secrets: &Secrets) -> Arc<Self> {
        Arc::new(Self {
            first: Tokens::new(secrets.first()),
            others: secrets.all().skip(1).map(Tokens::new).collect(),
        })
    }

    fn all(&self) -> impl Iterator<Item = &Tokens> {
        core::iter::once(&self.first).chain(&self.others)
    }
}

impl Tokens {
    fn new(secret: &[u8; 32]) -> Self {
        let extracted = hmac::sign(&hmac::Key::new(HMAC_SHA256, SALT), secret);
        let extracted = hmac::Key::new(HMAC_SHA256, extracted.as_ref());
        // HKDF's expansion to one block.
        let expand = |info: &[u8]| hmac::sign(&extracted, &[info, &[1]].concat());
        Self {
            calls: hmac::Key::new(HMAC_SHA256, expand(b"calls").as_ref()),
            xds: format!("xds1.{}", URL_SAFE_NO_PAD.encode(expand(b"xds").as_ref())),
        }
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

impl Key {
    /// The key of these shared secrets.
    #[must_use]
    pub fn derive(shared_secrets: &Secrets) -> Self {
        Self {
            current: RwLock::new(Derived::new(shared_secrets)),
        }
    }

    /// Makes it the key of other secrets, for everybody who holds it.
    pub fn replace(&self, shared_secrets: &Secrets) {
        let derived = Derived::new(shared_secrets);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = derived;
    }

    fn current(&self) -> Arc<Derived> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A token that is good for a minute from `now`.
    #[must_use]
    pub fn mint(&self, now: Timestamp) -> String {
        let mut nonce = [0; 16];
        // It only makes two tokens of one second differ; what protects them is
        // the MAC. So a random source that fails is no reason to fail.
        let _ = SystemRandom::new().fill(&mut nonce);
        let claim = format!("{VERSION}.{}.{}", now.as_second(), URL_SAFE_NO_PAD.encode(nonce));
        let mac = hmac::sign(&self.current().first.calls, claim.as_bytes());
        format!("{claim}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref()))
    }

    /// Whether `token` was made with one of the secrets and is good at `now`.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<(), CredentialError> {
        if token.len() > MAX_TOKEN {
            return Err(CredentialError::Malformed);
        }
        let (claim, mac) = token.rsplit_once('.').ok_or(CredentialError::Malformed)?;
        let mac = URL_SAFE_NO_PAD
            .decode(mac)
            .map_err(|_| CredentialError::Malformed)?;
        let mut parts = claim.split('.');
        let (Some(VERSION), Some(made), Some(_nonce), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CredentialError::Malformed);
        };
        // Before the time is judged: what is not ours says nothing of time.
        let current = self.current();
        let is_ours = |tokens: &Tokens| hmac::verify(&tokens.calls, claim.as_bytes(), &mac).is_ok();
        if !current.all().any(is_ours) {
            return Err(CredentialError::Forged);
        }
        let made: i64 = made.parse().map_err(|_| CredentialError::Malformed)?;
        let age = now.as_second().saturating_sub(made);
        if age < -CLOCK_SKEW {
            return Err(CredentialError::Future);
        }
        if age > LIFETIME + CLOCK_SKEW {
            return Err(CredentialError::Expired);
        }
        Ok(())
    }

    /// The token of Envoy's configuration streams. It never changes for a secret,
    /// stands in Envoy's bootstrap and opens nothing else.
    #[must_use]
    pub fn xds_token(&self) -> String {
        self.current().first.xds.clone()
    }

    /// Whether `token` is the [`Self::xds_token`] of one of the secrets; each
    /// comparison takes constant time.
    #[must_use]
    pub fn is_xds_token(&self, token: &str) -> bool {
        let same = aws_lc_rs::constant_time::verify_slices_are_equal;
        let current = self.current();
        let mut all = current.all();
        all.any(|tokens| same(token.as_bytes(), tokens.xds.as_bytes()).is_ok())
    }
}

/// The bearer token of a call: `authorization: Bearer …`, exactly once.
///
/// # Errors
/// [`CredentialError::Missing`], or [`CredentialError::Malformed`] for another
/// scheme or two of them.
pub fn bearer(metadata: &MetadataMap) -> Result<&str, CredentialError> {
    let mut values = metadata.get_all(http::header::AUTHORIZATION.as_str()).iter();
    let value = values.next().ok_or(CredentialError::Missing)?;
    if values.next().is_some() {
        return Err(CredentialError::Malformed);
    }
    value
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix(SCHEME))
        .ok_or(CredentialError::Malformed)
}

/// Puts a fresh token on each call; without a key it adds nothing (the caller is
/// then known by its certificate, or by who may open the socket).
#[derive(Clone, Debug, Default)]
pub struct Mint(Option<Arc<Key>>);

impl Mint {
    /// Tokens by `key`.
    #[must_use]
    pub fn new(key: Option<Arc<Key>>) -> Self {
        Self(key)
    }
}

impl Interceptor for Mint {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.0 {
            let value = format!("{SCHEME}{}", key.mint(Timestamp::now()));
            let mut value: MetadataValue<_> = value
                .parse()
                .map_err(|_| Status::internal("the token is no header value"))?;
            value.set_sensitive(true);
            request
                .metadata_mut()
                .insert(http::header::AUTHORIZATION.as_str(), value);
        }
        Ok(request)
    }
}

/// Lets only calls with a good token through to the feed and the store.
#[derive(Clone, Debug)]
pub struct Verify(Arc<Key>);

impl Verify {
    /// Tokens by `key`.
    #[must_use]
    pub fn new(key: Arc<Key>) -> Self {
        Self(key)
    }
}

impl Interceptor for Verify {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let verified = bearer(request.metadata()).and_then(|token| self.0.verify(token, Timestamp::now()));
        match verified {
            Ok(()) => Ok(request),
            Err(error) => Err(Status::unauthenticated(error.to_string())),
        }
    }
}
