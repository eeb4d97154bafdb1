//! Cookies and sessions: CK-01 to CK-19.

mod attributes;
mod ends;
mod forged;
mod lines;
mod planted;
mod script;
mod upstreams;
