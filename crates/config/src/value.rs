//! Single values: how Pomerium's loader (and Go beneath it) reads them.

mod address;
mod authorities;
mod duration;
mod go_url;
pub(crate) mod re2;
mod secret;
mod weak;

pub(crate) use address::host_and_port;
pub use authorities::{AuthoritiesError, check_authorities};
pub(crate) use duration::nanoseconds;
pub use go_url::{GoUrl, UrlError};
pub use secret::{SecretError, key_from_base64, pem_text};
pub(crate) use secret::{from_base64, pem_from_base64};
pub(crate) use weak::{boolean, float, integer, strings, text};
