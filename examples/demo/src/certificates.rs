//! The demo's certificates: an authority and one leaf that names each host of every shape.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use portcullis_harness::certificates::Authority;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::shape::HOSTS;
use crate::{DemoError, io_error};

/// Renewed well before the 390 days are over, and otherwise kept, so that an
/// authority that was imported into a browser stays the right one.
const KEEP: Duration = Duration::from_secs(300 * 24 * 3600);

/// Where the certificates are.
pub(crate) struct Certificates {
    /// The authority's certificate, absolute.
    pub(crate) authority: PathBuf,
    /// The server's certificate, absolute.
    pub(crate) certificate: PathBuf,
    /// The server's key, absolute.
    pub(crate) key: PathBuf,
    /// The authority's certificate, DER.
    pub(crate) der: Vec<u8>,
}

/// Finds or makes them.
pub(crate) fn ensure(directory: &Path) -> Result<Certificates, DemoError> {
    let [authority, certificate, key] = ["ca.pem", "tls.crt", "tls.key"].map(|name| directory.join(name));
    // For which hosts they were made, by a demo that may have had fewer.
    let (hosts, names) = (directory.join("hosts"), HOSTS.join("\n"));
    let fresh = [&authority, &certificate, &key]
        .into_iter()
        .all(|path| is_fresh(path))
        && fs::read_to_string(&hosts).is_ok_and(|of| of == names);
    let known = if fresh {
        CertificateDer::from_pem_file(&authority).ok()
    } else {
        None
    };
    let der = match known {
        Some(der) => der.to_vec(),
        None => {
            let made = Authority::new("Portcullis demo (this machine only)")?;
            let problem = || io_error(format!("`{}`", directory.display()));
            made.issue(&HOSTS)?.write(directory).map_err(problem())?;
            fs::write(&authority, made.pem()).map_err(problem())?;
            fs::write(&hosts, names).map_err(problem())?;
            made.der().to_vec()
        }
    };
    Ok(Certificates {
        authority,
        certificate,
        key,
        der,
    })
}

fn is_fresh(path: &Path) -> bool {
    let age = || -> io::Result<Duration> {
        fs::metadata(path)?
            .modified()?
            .elapsed()
            .map_err(io::Error::other)
    };
    age().is_ok_and(|age| age < KEEP)
}
