//! The id token: signature, issuer, audience, time, nonce, access token hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, NonceVerifier,
    SignatureVerificationError,
};
use serde_json::{Map, Value};

use crate::discovery::Metadata;
use crate::error::IdpError;
use crate::logout_token;

const STEP: &str = "id token";

/// Signatures by a key of the provider. The HMAC kinds are left out: their key
/// would be the client secret, which lets whoever knows it mint identities.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why a token was not accepted, and whether other keys could change that.
pub(crate) enum Rejected {
    /// No key fits, or the signature does not verify: the provider may have
    /// changed its keys.
    MaybeNewKeys(IdpError),
    /// Final.
    Invalid(IdpError),
}

impl Rejected {
    pub(crate) fn into_error(self) -> IdpError {
        match self {
            Self::MaybeNewKeys(error) | Self::Invalid(error) => error,
        }
    }
}

/// Verifies the token and returns all its claims.
pub(crate) fn verified_claims(
    token: &CoreIdToken,
    access_token: &AccessToken,
    nonce: impl NonceVerifier,
    client_id: &ClientId,
    metadata: &Metadata,
) -> Result<Map<String, Value>, Rejected> {
    let invalid = |reason: String| Rejected::Invalid(IdpError::invalid(STEP, reason));
    let verifier: CoreIdTokenVerifier<'_> = CoreIdTokenVerifier::new_public_client(
        client_id.clone(),
        metadata.issuer().clone(),
        metadata.jwks().clone(),
    )
    .set_allowed_algs(allowed_algorithms(metadata))
    // A foreign audience beside ours is settled by `azp`, below.
    .set_other_audience_verifier_fn(|_| true);

    let claims = token.claims(&verifier, nonce).map_err(rejected)?;

    // OpenID Connect Core 1.0 section 3.1.3.7, steps 3 to 5.
    match claims.authorized_party() {
        Some(party) if party != client_id => {
            return Err(invalid("`azp` is another client".to_owned()));
        }
        None if claims.audiences().len() > 1 => {
            return Err(invalid("several audiences and no `azp`".to_owned()));
        }
        _ => {}
    }
    if let Some(expected) = claims.access_token_hash() {
        check_access_token(token, access_token, expected, &verifier).map_err(invalid)?;
    }
    let claims = payload(token).map_err(invalid)?;
    if logout_token::is_one(&claims) {
        return Err(invalid("it is a logout token".to_owned()));
    }
    Ok(claims)
}

/// What the provider says that it signs with, less what we do not accept.
pub(crate) fn allowed_algorithms(metadata: &Metadata) -> Vec<CoreJwsSigningAlgorithm> {
    let offered = metadata.id_token_signing_alg_values_supported();
    ALGORITHMS
        .into_iter()
        .filter(|algorithm| offered.contains(algorithm))
        .collect()
}

fn check_access_token(
    token: &CoreIdToken,
    access_token: &AccessToken,
    expected: &AccessTokenHash,
    verifier: &CoreIdTokenVerifier<'_>,
) -> Result<(), String> {
    let fault = |_| "`at_hash` cannot be checked".to_owned();
    let algorithm = token.signing_alg().map_err(fault)?;
    let key: &CoreJsonWebKey = token.signing_key(verifier).map_err(fault)?;
    let actual = AccessTokenHash::from_token(access_token, algorithm, key)
        .map_err(|_| "`at_hash` cannot be checked".to_owned())?;
    if actual == *expected {
        Ok(())
    } else {
        Err("`at_hash` is not that of the access token".to_owned())
    }
}

fn rejected(error: ClaimsVerificationError) -> Rejected {
    let reason = match &error {
        ClaimsVerificationError::Expired(_) => "expired",
        ClaimsVerificationError::InvalidAudience(_) => "audience is not this client",
        ClaimsVerificationError::InvalidIssuer(_) => "issuer is not the provider",
        ClaimsVerificationError::InvalidNonce(_) => "nonce is not that of this login",
        ClaimsVerificationError::InvalidSubject(_) => "subject is not acceptable",
        ClaimsVerificationError::SignatureVerification(cause) => match cause {
            SignatureVerificationError::NoSignature => "not signed",
            SignatureVerificationError::DisallowedAlg(_) | SignatureVerificationError::UnsupportedAlg(_) => {
                "signature algorithm is not acceptable"
            }
            SignatureVerificationError::NoMatchingKey => "signed by an unknown key",
            SignatureVerificationError::AmbiguousKeyId(_) => "several keys could have signed it",
            _ => "signature does not verify",
        },
        ClaimsVerificationError::Unsupported(_) => "unsupported header",
        _ => "claims are not acceptable",
    };
    let other_keys_may_help = matches!(
        &error,
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey
                | SignatureVerificationError::AmbiguousKeyId(_)
                | SignatureVerificationError::CryptoError(_)
                | SignatureVerificationError::InvalidKey(_)
        )
    );
    let error = IdpError::invalid(STEP, reason);
    if other_keys_may_help {
        Rejected::MaybeNewKeys(error)
    } else {
        Rejected::Invalid(error)
    }
}

/// The verified token's claims as they are, typed ones and others alike.
pub(crate) fn payload(token: &CoreIdToken) -> Result<Map<String, Value>, String> {
    let text = token.to_string();
    let encoded = text.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| "payload is not base64url".to_owned())?;
    serde_json::from_slice(&bytes).map_err(|_| "payload is not a json object".to_owned())
}
