//! A session's name in logs.

use portcullis_model::SessionId;

/// The session `id` as it stands in logs: enough to see that two lines are of one
/// session, of no use to anybody who wants to be it. Sixteen hexadecimal digits of
/// the id's SHA-256.
#[must_use]
pub fn log_name(id: SessionId) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, id.to_string().as_bytes());
    hex::encode(digest.as_ref().iter().take(8).copied().collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_same_name_in_every_log() {
        let id: SessionId = "0195a000-a000-7000-8000-00000000a01a".parse().unwrap();
        assert_eq!(log_name(id), "2f6979adfef412c1");
        assert_ne!(log_name(id), log_name(SessionId(uuid::Uuid::nil())));
    }
}
