//! Client certificates, as their bytes and as PEM.

use portcullis_policy::Leaf;

/// Reads `data` as a certificate. Nothing panics, and whatever can be read says
/// the same however it came.
pub fn certificate(data: &[u8]) {
    if let Ok(text) = core::str::from_utf8(data) {
        let _either = Leaf::from_pem(text);
    }
    let Ok(leaf) = Leaf::from_der(data) else {
        return;
    };
    let names = [&leaf.san_dns, &leaf.san_email, &leaf.san_uri, &leaf.san_ip];
    let size: usize = names
        .iter()
        .flat_map(|names| names.iter())
        .map(|name| name.len())
        .sum();
    // An address grows when it is written out.
    assert!(size <= 4 * data.len(), "names from nowhere");
    assert_eq!(Leaf::from_der(data), Ok(leaf));
}
