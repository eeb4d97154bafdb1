//! What the fuzz targets run on one input. Each function takes any bytes and
//! panics only if something is wrong with the product. The corpora that are
//! checked in run as ordinary tests.

mod config_text;
mod discovery_request;

pub use config_text::config_text;
pub use discovery_request::discovery_request;
