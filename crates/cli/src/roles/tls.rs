//! Certificates and keys from files.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use portcullis_proto::listener::ServerTls;

use crate::process::Failure;

/// The largest file of certificates: a bundle of all public authorities has a
/// quarter of it.
const MAX_PEM: u64 = 1 << 20;

/// A PEM file that `flag` names.
pub(super) fn read(flag: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_PEM + 1).read_to_end(&mut text));
    match read {
        Ok(_) if text.len() as u64 > MAX_PEM => Err(format!("{flag} `{shown}` is larger than 1 MiB").into()),
        Ok(_) => Ok(text),
        Err(error) => Err(format!("{flag} `{shown}` cannot be read: {error}").into()),
    }
}

/// A PEM file that an option names, if it does.
pub(super) fn read_optional(flag: &str, path: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    path.map(|path| read(flag, path)).transpose()
}

/// A certificate chain and its private key, PEM.
pub(super) type Identity = (Vec<u8>, Vec<u8>);

/// What --tls-cert and --tls-key name, if they are given.
pub(super) fn identity(chain: Option<&Path>, key: Option<&Path>) -> Result<Option<Identity>, Failure> {
    match (chain, key) {
        (Some(chain), Some(key)) => Ok(Some((read("--tls-cert", chain)?, read("--tls-key", key)?))),
        // The command line has seen to it that both are there or none.
        _ => Ok(None),
    }
}

/// What a server shows.
pub(super) fn server((chain_pem, key_pem): Identity, client_ca_pem: Option<Vec<u8>>) -> ServerTls {
    ServerTls {
        chain_pem,
        key_pem,
        client_ca_pem,
    }
}
