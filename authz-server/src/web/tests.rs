//! The pages as a service, with a provider in this process.

mod cookies;
mod documents;
mod idp;
mod login;
mod redirects;
mod refusals;
mod rig;
mod sign_out;
mod store;
mod tossing;
