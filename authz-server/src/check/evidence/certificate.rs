//! The client's certificate, as Envoy hands it over.
//!
//! Envoy may have taken any certificate (`ACCEPT_UNTRUSTED`), and says of one that it
//! did not verify the same as of one that it did. So the leaf is judged here, by
//! nothing but the authorities of our own configuration. That the client holds its key
//! is all that Envoy's word is taken for.

use super::remembered::{Key, Remembered};
use crate::check::intake::Request;
use crate::check::message::Message;
use core::ops::Range;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use portcullis_policy::{ClientAuthorities, ClientCertificate, ClientChain, Leaf};
use std::borrow::Cow;
use std::sync::Arc;

/// The longest text of certificates that is decoded: more than the longest that is read.
const MAX_TEXT: usize = 256 * 1024;
/// In which header Envoy shows what was presented beside the leaf
/// (`forward_client_cert_details`). It may be the client's own: what an authority has
/// not signed changes nothing.
const FORWARDED: &str = "x-forwarded-client-cert";
/// How many chains are looked at there.
const MAX_CHAINS: usize = 4;

/// What the client presented.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    presented: bool,
    valid: bool,
    leaf: Option<Arc<Leaf>>,
}

/// What holds whatever the time.
const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

impl Presented {
    /// Nothing, where nothing is asked for.
    pub(super) const NOTHING: Self = Self {
        presented: false,
        valid: true,
        leaf: None,
    };

    const ABSENT: Self = Self {
        presented: false,
        valid: false,
        leaf: None,
    };
    const UNREADABLE: Self = Self {
        presented: true,
        ..Self::ABSENT
    };

    /// Reads `attributes.source.certificate`: PEM, percent-encoded, the leaf and perhaps
    /// more. What cannot be read was presented and is not valid.
    pub(super) fn read(
        authorities: &ClientAuthorities,
        remembered: &Remembered,
        message: &Message<'_>,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Self {
        let leaf = message.certificate;
        if leaf.is_empty() {
            return Self::ABSENT;
        }
        if leaf.len() > MAX_TEXT {
            return Self::UNREADABLE;
        }
        let chains: Vec<&str> = if authorities.take_intermediates() {
            // The nearest Envoy's word is the last.
            let fitting = forwarded(request).filter(|chain| chain.len() <= MAX_TEXT);
            let mut fitting: Vec<&str> = fitting.collect();
            fitting.reverse();
            fitting.truncate(MAX_CHAINS);
            fitting
        } else {
            Vec::new()
        };
        let key = Key::of(core::iter::once(leaf).chain(chains.iter().copied()));
        remembered.found_or(key, now, || Self::judge(authorities, leaf, &chains, now))
    }

    /// What is found of these texts at `now`, and for which time it holds.
    fn judge(
        authorities: &ClientAuthorities,
        leaf: &str,
        chains: &[&str],
        now: Timestamp,
    ) -> (Self, Range<i64>) {
        let Some(Ok(mut chain)) = decoded(leaf).map(|text| ClientChain::from_pem(&text)) else {
            return (Self::UNREADABLE, ALWAYS);
        };
        for text in chains.iter().copied().filter_map(decoded) {
            chain.add_intermediates(&text);
        }
        let valid = authorities.verify(&chain, now);
        let holds = authorities.steady(&chain, now);
        let leaf = chain.into_leaf();
        // Of names that no authority vouches for none may count.
        let leaf = if valid { leaf } else { leaf.without_names() };
        let found = Self {
            presented: true,
            valid,
            leaf: Some(Arc::new(leaf)),
        };
        (found, holds)
    }

    #[cfg(test)]
    pub(super) const fn of_validity(valid: bool) -> Self {
        Self {
            valid,
            ..Self::UNREADABLE
        }
    }

    /// The same, as a policy sees it.
    pub(super) fn as_input(&self) -> ClientCertificate<'_> {
        ClientCertificate {
            presented: self.presented,
            valid: self.valid,
            leaf: self.leaf.as_deref(),
        }
    }
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

/// Each `Chain="…"` of the header.
fn forwarded<'a>(request: &Request<'a>) -> impl Iterator<Item = &'a str> {
    let lines = request.headers.all.of(FORWARDED);
    let lines = lines.filter_map(|line| core::str::from_utf8(line).ok());
    lines.flat_map(|line| {
        let chains = line.split("Chain=\"").skip(1);
        chains.filter_map(|rest| rest.split('"').next())
    })
}
