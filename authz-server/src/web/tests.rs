//! The pages as a service, with a provider in this process.

mod across;
mod backchannel_logout;
mod circles;
mod cookies;
mod depends_on;
mod documents;
mod idp;
mod in_band;
mod login;
mod lured;
mod one_host;
mod own_sessions;
mod paragraph;
mod policies;
mod portal;
mod programmatic;
mod redirects;
mod refresh;
mod refusals;
mod rig;
mod rotation;
mod sign_out;
mod store;
mod sweep;
mod threats;
mod tossing;
