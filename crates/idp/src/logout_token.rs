//! The logout token (OpenID Connect Back-Channel Logout 1.0, sections 2.4 to 2.6).
//!
//! It is read by itself, as the library knows id tokens alone: this one may have no
//! `sub`, and must have no `nonce`. Names that we read stand there once, times are
//! whole numbers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey as _, JsonWebKeyAlgorithm, JsonWebKeyUse as _, JwsSigningAlgorithm as _};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::discovery::Metadata;
use crate::error::IdpError;
use crate::verify::{Rejected, allowed_algorithms};

pub(crate) const STEP: &str = "logout token";
/// The member of `events` that makes a token one of these.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The longest token, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// The longest `jti`, `sub` or `sid`, in bytes.
const MAX_NAME_BYTES: usize = 1024;
/// For how many seconds a token is good. The specification asks for two minutes at
/// most; some providers try again for longer.
const MAX_AGE: i64 = 300;
/// How many seconds the provider's clock may be off.
const SKEW: i64 = 60;

/// What a logout token says, once it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// Its own id (`jti`): the same is not to be taken twice.
    pub id: String,
    /// Whose sessions end (`sub`), by the id token's claim of that name.
    pub subject: Option<String>,
    /// Which session at the provider ended (`sid`). This or the subject is there.
    pub session: Option<String>,
    /// When it was made, in seconds since 1970 by the provider's clock.
    pub issued_at: i64,
    /// From when on it is too old in any case, in seconds since 1970 by our clock.
    pub stale_at: i64,
}

/// Whether these claims are those of a logout token.
pub(crate) fn is_one(claims: &Map<String, Value>) -> bool {
    claims
        .get("events")
        .is_some_and(|events| events.get(EVENT).is_some())
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default, deserialize_with = "there")]
    crit: bool,
    #[serde(default, deserialize_with = "there")]
    b64: bool,
    #[serde(default, deserialize_with = "there")]
    zip: bool,
}

#[derive(Deserialize)]
struct Payload {
    iss: String,
    aud: Audience,
    iat: i64,
    #[serde(default, deserialize_with = "some")]
    exp: Option<i64>,
    #[serde(default, deserialize_with = "some")]
    nbf: Option<i64>,
    jti: Name,
    #[serde(default, deserialize_with = "some")]
    sub: Option<Name>,
    #[serde(default, deserialize_with = "some")]
    sid: Option<Name>,
    events: Map<String, Value>,
    #[serde(default, deserialize_with = "there")]
    nonce: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A text that names something: not empty, and not without end.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return Err(D::Error::custom("a name of no use"));
        }
        Ok(Self(text))
    }
}

/// A member that may be left out, but is not null.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// That the member is there, whatever it says.
fn there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(from).map(|_| true)
}

/// A token that was read and is not believed yet.
pub(crate) struct Written<'a> {
    signed: &'a [u8],
    signature: Vec<u8>,
    header: Header,
    payload: Payload,
}

impl<'a> Written<'a> {
    /// Takes a token (RFC 7515, compact form) apart.
    pub(crate) fn read(token: &'a str) -> Result<Self, IdpError> {
        if token.len() > MAX_BYTES {
            return Err(invalid("too long"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("not three parts"));
        };
        let end = header.len() + 1 + payload.len();
        Ok(Self {
            signed: token.as_bytes().get(..end).unwrap_or_default(),
            signature: decode(signature)?,
            header: json(header, "header fields")?,
            payload: json(payload, "claims")?,
        })
    }

    /// Checks everything but the signature.
    pub(crate) fn check(&self, issuer: &str, client_id: &str, now: i64) -> Result<LogoutToken, IdpError> {
        let Header {
            alg: _,
            kid: _,
            typ,
            crit,
            b64,
            zip,
        } = &self.header;
        let Payload {
            iss,
            aud,
            iat,
            exp,
            nbf,
            jti,
            sub,
            sid,
            events,
            nonce,
        } = &self.payload;
        // RFC 7515 section 4.1.9: `application/` may be left out.
        let typ = typ.as_deref().map(str::to_ascii_lowercase);
        let typ = typ
            .as_deref()
            .map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        let ours = match aud {
            Audience::One(one) => one == client_id,
            Audience::Several(all) => all.iter().any(|one| one == client_id),
        };
        let stale_at = iat.saturating_add(MAX_AGE);
        let rules = [
            (
                matches!(typ, None | Some("logout+jwt" | "jwt")),
                "`typ` is another kind of token",
            ),
            (!crit && !b64 && !zip, "unsupported header"),
            (iss == issuer, "issuer is not the provider"),
            (ours, "audience is not this client"),
            (*iat <= now.saturating_add(SKEW), "made in the future"),
            (now < stale_at, "too old"),
            (exp.is_none_or(|exp| now < exp.saturating_add(SKEW)), "expired"),
            (
                nbf.is_none_or(|nbf| nbf <= now.saturating_add(SKEW)),
                "not good yet",
            ),
            (sub.is_some() || sid.is_some(), "neither `sub` nor `sid`"),
            (
                events.get(EVENT).is_some_and(Value::is_object),
                "`events` has no logout",
            ),
            (!nonce, "it has a `nonce`"),
        ];
        if let Some((_, reason)) = rules.into_iter().find(|(holds, _)| !holds) {
            return Err(invalid(reason));
        }
        let text = |name: &Option<Name>| name.as_ref().map(|Name(text)| text.clone());
        Ok(LogoutToken {
            id: jti.0.clone(),
            subject: text(sub),
            session: text(sid),
            issued_at: *iat,
            stale_at,
        })
    }

    /// Verifies the signature by the one key of the provider that fits.
    pub(crate) fn verify(&self, metadata: &Metadata) -> Result<(), Rejected> {
        let algorithm = &self.header.alg;
        if !allowed_algorithms(metadata).contains(algorithm) {
            return Err(Rejected::Invalid(invalid(
                "signature algorithm is not acceptable",
            )));
        }
        let kid = self.header.kid.as_deref();
        let keys = metadata.jwks().keys().iter();
        let mut fitting = keys.filter(|key| fits(key, kid, algorithm));
        let reason = match (fitting.next(), fitting.next()) {
            (None, _) => "signed by an unknown key",
            (Some(_), Some(_)) => "several keys could have signed it",
            (Some(key), None) => match key.verify_signature(algorithm, self.signed, &self.signature) {
                Ok(()) => return Ok(()),
                Err(_) => "signature does not verify",
            },
        };
        Err(Rejected::MaybeNewKeys(invalid(reason)))
    }
}

fn fits(key: &CoreJsonWebKey, kid: Option<&str>, algorithm: &CoreJwsSigningAlgorithm) -> bool {
    let named = kid.is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
    let signs = key.key_use().is_none_or(|usage| usage.allows_signature());
    let kind = algorithm.key_type().as_ref() == Some(key.key_type());
    let alg = match key.signing_alg() {
        JsonWebKeyAlgorithm::Unspecified => true,
        JsonWebKeyAlgorithm::Algorithm(own) => own == algorithm,
        JsonWebKeyAlgorithm::Unsupported => false,
    };
    named && signs && kind && alg
}

fn invalid(reason: &'static str) -> IdpError {
    IdpError::invalid(STEP, reason)
}

fn decode(part: &str) -> Result<Vec<u8>, IdpError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| invalid("not base64url"))
}

/// Reads an object. The library's message is left out: it may quote the token.
fn json<T: for<'de> Deserialize<'de>>(part: &str, what: &'static str) -> Result<T, IdpError> {
    let bytes = decode(part)?;
    // A list would do for a struct as well.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(invalid("not a json object"));
    }
    serde_json::from_slice(&bytes)
        .map_err(|_| IdpError::invalid(STEP, format!("{what} are not as they must be")))
}
