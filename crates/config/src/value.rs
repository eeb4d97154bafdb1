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
pub use secret::{SecretError, SecretsProblem, key_from_base64, keys_from_list, pem_text, secrets_in};
pub(crate) use secret::{from_base64, pem_from_base64};
pub(crate) use weak::{boolean, float, integer, strings, text};
