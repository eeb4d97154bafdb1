//! The token that a program gets from a login and sends instead of a cookie.
//!
//! It points at the session of the browser in which the login was, like a cookie,
//! and lives and ends with it. It looks like a JWT (RFC 7519), since Pomerium's
//! clients take it apart to see when it ends; but its third part is the sealed
//! handle with the first two as associated data, so that nothing in it can be
//! changed and nothing in it names the session. It is bound to its purpose and to
//! one host: a cookie is no token, nor the other way round. (Pomerium gives out the
//! content of the cookie, good for every host.)

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::json;

use crate::handle::{self, Handle};
use crate::{KeyRing, OpenError, Purpose, SealError};

/// Characters of a token that are looked at: more than the longest host needs.
const MAX_LEN: usize = 2048;
/// What a client sees first. Pomerium's handle is signed by HS256, and clients may
/// insist on it; what the third part is, only we can tell.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// The token of `handle` for `host` (canonical, without port). `expires_at` tells
/// the client when the session ends; that alone counts here.
///
/// # Errors
/// [`SealError::TooLarge`] if the provider id is over [`handle::MAX_PROVIDER_ID`].
pub fn seal(
    handle: &Handle,
    ring: &KeyRing,
    host: &str,
    expires_at: Timestamp,
    nonce: [u8; 12],
) -> Result<String, SealError> {
    let claims = json!({
        "aud": host,
        "iat": handle.issued_at.as_second(),
        "exp": expires_at.as_second(),
    });
    let front = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(HEADER),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let plain = handle::plain(handle)?;
    let sealed = ring.seal(Purpose::Token, &[host, &front], nonce, &plain)?;
    Ok(format!("{front}.{sealed}"))
}

/// Reads a token that came to `host`.
///
/// # Errors
/// [`OpenError`], whatever the cause.
pub fn open(ring: &KeyRing, host: &str, token: &str) -> Result<Handle, OpenError> {
    if token.len() > MAX_LEN {
        return Err(OpenError);
    }
    let (front, sealed) = token.rsplit_once('.').ok_or(OpenError)?;
    handle::read(&ring.open(Purpose::Token, &[host, front], sealed)?)
}

#[cfg(test)]
mod tests {
    use portcullis_model::{Secrets, SessionId};
    use uuid::Uuid;

    use super::*;

    const HOST: &str = "app.example.com";

    fn ring(cookie: &[u8]) -> KeyRing {
        let all = cookie.iter().map(|byte| [*byte; 32]);
        KeyRing::new(&Secrets::new(all).unwrap(), &[9; 32].into())
    }

    fn a_handle() -> Handle {
        Handle {
            session_id: SessionId(Uuid::from_bytes([7; 16])),
            provider_id: "provider".to_owned(),
            issued_at: Timestamp::from_second(1_767_225_600).unwrap(),
        }
    }

    fn a_token(ring: &KeyRing) -> String {
        let expires_at = Timestamp::from_second(1_767_276_000).unwrap();
        seal(&a_handle(), ring, HOST, expires_at, [3; 12]).unwrap()
    }

    #[test]
    fn it_opens_to_its_handle_on_its_host_alone() {
        let ring = ring(&[1]);
        let token = a_token(&ring);
        assert_eq!(open(&ring, HOST, &token), Ok(a_handle()));
        for host in ["other.example.com", "", "app.example.com.", "App.example.com"] {
            assert_eq!(open(&ring, host, &token), Err(OpenError), "{host}");
        }
    }

    #[test]
    fn clients_see_when_it_ends_and_nobody_sees_the_session() {
        let ring = ring(&[1]);
        let token = a_token(&ring);
        let parts: Vec<Vec<u8>> = token
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
            .collect();
        let [header, claims, sealed] = &parts[..] else {
            panic!("{token}")
        };
        let read = |part: &[u8]| serde_json::from_slice::<serde_json::Value>(part).unwrap();
        assert_eq!(read(header), json!({"alg": "HS256", "typ": "JWT"}));
        assert_eq!(
            read(claims),
            json!({"aud": HOST, "iat": 1_767_225_600, "exp": 1_767_276_000})
        );
        assert!(!sealed.windows(16).any(|window| window == [7; 16]));
        assert!(token.len() < 300, "{}", token.len());
    }

    #[test]
    fn nothing_in_it_can_be_changed() {
        let ring = ring(&[1]);
        let token = a_token(&ring);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            assert_eq!(open(&ring, HOST, &altered), Err(OpenError), "byte {at}");
            assert_eq!(open(&ring, HOST, &token[..at]), Err(OpenError), "cut at {at}");
        }
        let (front, sealed) = token.rsplit_once('.').unwrap();
        for other in [
            format!("{token}."),
            format!(".{token}"),
            format!("{token}="),
            format!("{front}.{sealed}\n"),
            format!("{front}.x.{sealed}"),
            format!(".{sealed}"),
            sealed.to_owned(),
            "a".repeat(1 << 20),
        ] {
            assert_eq!(open(&ring, HOST, &other), Err(OpenError));
        }
    }

    /// CK-16: each is bound to what it is for.
    #[test]
    fn a_cookie_is_no_token_nor_the_other_way_round() {
        let ring = ring(&[1]);
        let token = a_token(&ring);
        let cookie = handle::seal(&a_handle(), &ring, "_pomerium", HOST, [3; 12]).unwrap();
        assert_eq!(open(&ring, HOST, &cookie), Err(OpenError));
        assert_eq!(open(&ring, HOST, &format!("a.{cookie}")), Err(OpenError));
        let sealed = token.rsplit_once('.').unwrap().1;
        for text in [&*token, sealed] {
            assert_eq!(handle::open(&ring, "_pomerium", HOST, text), Err(OpenError));
        }
    }

    #[test]
    fn it_outlives_a_rotation_while_the_old_secret_is_kept() {
        let token = a_token(&ring(&[1]));
        assert_eq!(open(&ring(&[2, 1]), HOST, &token), Ok(a_handle()));
        assert_eq!(open(&ring(&[2]), HOST, &token), Err(OpenError));
    }
}
