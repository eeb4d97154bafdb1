//! The pages as a service, with a provider in this process.

mod circles;
mod cookies;
mod depends_on;
mod documents;
mod idp;
mod login;
mod own_sessions;
mod policies;
mod portal;
mod redirects;
mod refresh;
mod refusals;
mod rig;
mod rotation;
mod sign_out;
mod store;
mod tossing;
