//! Why a rule passed or failed: a closed set of names, kept as bits.

use core::fmt;

use serde::{Serialize, Serializer};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// Why a criterion passed or failed. The names are Pomerium's, but for
        /// [`Reason::EvaluationError`], which Pomerium does not have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $variant,)+
        }

        impl Reason {
            /// Every reason, sorted by name.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in logs, error pages and JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

// Sorted by name, so that iteration over the bits is sorted too (a test holds it).
reasons! {
    /// `accept` always passes.
    Accept = "accept",
    /// A `claim` criterion passed.
    ClaimOk = "claim-ok",
    /// A `claim` criterion failed for a signed-in user.
    ClaimUnauthorized = "claim-unauthorized",
    /// A client certificate is required and none was presented.
    ClientCertificateRequired = "client-certificate-required",
    /// The request is a CORS preflight.
    CorsRequest = "cors-request",
    /// The user has not authenticated a device yet.
    DeviceUnauthenticated = "device-unauthenticated",
    /// The user's device is not good enough.
    DeviceUnauthorized = "device-unauthorized",
    /// A `domain` criterion passed.
    DomainOk = "domain-ok",
    /// A `domain` criterion failed for a signed-in user.
    DomainUnauthorized = "domain-unauthorized",
    /// An `email` criterion passed.
    EmailOk = "email-ok",
    /// An `email` criterion failed for a signed-in user.
    EmailUnauthorized = "email-unauthorized",
    /// A criterion could not be decided; it counted against the request. Not in Pomerium,
    /// where what cannot be decided counts as a miss even in a deny rule.
    EvaluationError = "evaluation-error",
    /// An `http_method` criterion passed.
    HttpMethodOk = "http-method-ok",
    /// An `http_method` criterion failed.
    HttpMethodUnauthorized = "http-method-unauthorized",
    /// An `http_path` criterion passed.
    HttpPathOk = "http-path-ok",
    /// An `http_path` criterion failed.
    HttpPathUnauthorized = "http-path-unauthorized",
    /// The presented client certificate is not valid.
    InvalidClientCertificate = "invalid-client-certificate",
    /// The request is no CORS preflight.
    NonCorsRequest = "non-cors-request",
    /// `reject` always fails.
    Reject = "reject",
    /// A `source_ip` criterion passed.
    SourceIpOk = "source-ip-ok",
    /// A `source_ip` criterion failed.
    SourceIpUnauthorized = "source-ip-unauthorized",
    /// A `user` or `authenticated_user` criterion passed.
    UserOk = "user-ok",
    /// A criterion about the session failed because there is no session.
    UserUnauthenticated = "user-unauthenticated",
    /// A `user` or `authenticated_user` criterion failed for a session.
    UserUnauthorized = "user-unauthorized",
}

/// A set of reasons: one machine word, no allocation, iterated in the order of
/// the names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u32);

impl Reasons {
    /// No reason at all: what a policy without rules gives.
    pub const EMPTY: Self = Self(0);

    /// The set of one reason.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self(1 << reason as u32)
    }

    /// Whether `reason` is in the set.
    #[must_use]
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & Self::of(reason).0 != 0
    }

    /// The reasons of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is no reason.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The reasons, sorted by name.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL
            .iter()
            .copied()
            .filter(move |reason| self.contains(*reason))
    }
}

impl From<Reason> for Reasons {
    fn from(reason: Reason) -> Self {
        Self::of(reason)
    }
}

impl FromIterator<Reason> for Reasons {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        reasons
            .into_iter()
            .fold(Self::EMPTY, |set, reason| set.union(Self::of(reason)))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Comma separated, sorted by name.
impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, reason) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            f.write_str(reason.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Reason::name)).finish()
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A list of names, sorted.
impl Serialize for Reasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_fit_the_word() {
        assert!(Reason::ALL.is_sorted_by(|a, b| a.name() < b.name()));
        assert!(Reason::ALL.len() <= u32::BITS as usize);
        for (bit, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(Reasons::of(*reason).0, 1 << bit);
        }
    }

    #[test]
    fn a_set_prints_its_names_sorted() {
        let set: Reasons = [Reason::UserOk, Reason::Accept, Reason::UserOk]
            .into_iter()
            .collect();
        assert_eq!(set.to_string(), "accept,user-ok");
        assert_eq!(format!("{set:?}"), r#"{"accept", "user-ok"}"#);
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["accept","user-ok"]"#);
        assert!(Reasons::EMPTY.is_empty() && Reasons::EMPTY.to_string().is_empty());
    }
}
