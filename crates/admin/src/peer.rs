//! Who may ask, and whose answer counts.

use std::io;

use tokio::net::UnixStream;

/// The user that may do everything on a machine anyway.
const ROOT: u32 = 0;

/// Whether the user `peer` may ask an instance of the user `own`.
#[must_use]
pub fn may_ask(peer: u32, own: u32) -> bool {
    peer == own || peer == ROOT
}

/// Whether a command of the user `own` may believe an instance of the user `server`.
/// Root may ask anybody's: it names the socket itself.
#[must_use]
pub fn may_answer(server: u32, own: u32) -> bool {
    may_ask(own, server) || server == ROOT
}

/// The user of this process. Both ends of a pair are our own, so that the kernel says
/// who we are.
///
/// # Errors
/// When the kernel has no socket to give.
pub fn own_uid() -> io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_of_the_process_and_root_may_ask() {
        for (peer, own, wanted) in [
            (1000, 1000, true),
            (0, 1000, true),
            (0, 0, true),
            (1001, 1000, false),
            (1000, 0, false),
            (u32::MAX, 1000, false),
            (65534, 0, false),
        ] {
            assert_eq!(may_ask(peer, own), wanted, "{peer} asks {own}");
        }
    }

    #[test]
    fn only_ones_own_instances_and_those_of_root_are_believed() {
        for (server, own, wanted) in [
            (1000, 1000, true),
            (0, 1000, true),
            (0, 0, true),
            (1000, 0, true),
            (1001, 1000, false),
            (65534, 1000, false),
            (1000, u32::MAX, false),
        ] {
            assert_eq!(may_answer(server, own), wanted, "{server} answers {own}");
        }
    }

    #[tokio::test]
    async fn the_kernel_says_who_we_are() {
        use std::os::unix::fs::MetadataExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        let owner = file.as_file().metadata().unwrap().uid();
        assert_eq!(own_uid().unwrap(), owner);
    }
}
