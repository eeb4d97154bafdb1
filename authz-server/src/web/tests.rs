//! The pages as a service, with a provider in this process.

mod documents;
mod idp;
mod login;
mod redirects;
mod refusals;
mod rig;
mod sign_out;
mod tossing;
