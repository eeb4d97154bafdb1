//! What the others are compared with, so that a slow machine is seen as one.

use crate::{Run, repeat};
use aws_lc_rs::digest::{SHA256, digest};
use core::hint::black_box;

/// SHA-256 of 200 bytes.
pub(crate) fn sha256() -> Run {
    let input = [7_u8; 200];
    repeat(move || {
        black_box(digest(&SHA256, black_box(&input)));
    })
}
