//! Why a rule passed or failed: a closed set of names, kept as bits.

use core::fmt;

use serde::{Serialize, Serializer};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $sentence:literal;)+) => {
        /// Why a criterion passed or failed. The names are Pomerium's, but for
        /// [`Reason::EvaluationError`], which Pomerium does not have, and those of the
        /// criteria that it documents and does not publish.
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

            /// The reason in words for the person who asks, to be shown where a
            /// route shows details of an error. Nothing of the policy's values is in
            /// it.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }
        }
    };
}

// Sorted by name, so that iteration over the bits is sorted too (a test holds it).
reasons! {
    /// `accept` always passes.
    Accept = "accept", "everybody is let in here";
    /// A `claim` criterion passed.
    ClaimOk = "claim-ok", "your account has an attribute that a rule names";
    /// A `claim` criterion failed for a signed-in user.
    ClaimUnauthorized = "claim-unauthorized", "your account lacks an attribute that a rule requires";
    /// A `client_certificate` criterion passed.
    ClientCertificateOk = "client-certificate-ok", "your client certificate is one that a rule names";
    /// A client certificate is required and none was presented.
    ClientCertificateRequired = "client-certificate-required", "a client certificate is required and your browser presented none";
    /// A `client_certificate` criterion failed.
    ClientCertificateUnauthorized = "client-certificate-unauthorized", "your client certificate is not one that a rule names";
    /// The request is a CORS preflight.
    CorsRequest = "cors-request", "the request is a CORS preflight";
    /// A `date` criterion passed.
    DateOk = "date-ok", "the date is within a period that a rule names";
    /// A `date` criterion failed.
    DateUnauthorized = "date-unauthorized", "the date is outside of the permitted period";
    /// A `day_of_week` criterion passed.
    DayOfWeekOk = "day-of-week-ok", "today is a day that a rule names";
    /// A `day_of_week` criterion failed.
    DayOfWeekUnauthorized = "day-of-week-unauthorized", "today is not one of the permitted days";
    /// A `device` criterion passed.
    DeviceOk = "device-ok", "your device meets a rule";
    /// The user's device has not been authenticated yet.
    DeviceUnauthenticated = "device-unauthenticated", "your device has not been registered yet";
    /// The user's device is not good enough.
    DeviceUnauthorized = "device-unauthorized", "your device has not been approved";
    /// A `domain` criterion passed.
    DomainOk = "domain-ok", "the domain of your e-mail address is one that a rule names";
    /// A `domain` criterion failed for a signed-in user.
    DomainUnauthorized = "domain-unauthorized", "the domain of your e-mail address is not on the list";
    /// An `email` criterion passed.
    EmailOk = "email-ok", "your e-mail address is one that a rule names";
    /// An `email` criterion failed for a signed-in user.
    EmailUnauthorized = "email-unauthorized", "your e-mail address is not on the list";
    /// A criterion could not be decided; it counted against the request. Not in Pomerium,
    /// where what cannot be decided counts as a miss even in a deny rule.
    EvaluationError = "evaluation-error", "part of the request could not be examined";
    /// A `groups` criterion passed.
    GroupsOk = "groups-ok", "you are a member of a group that a rule names";
    /// A `groups` criterion failed for a signed-in user.
    GroupsUnauthorized = "groups-unauthorized", "you are not a member of a group that has access";
    /// An `http_method` criterion passed.
    HttpMethodOk = "http-method-ok", "the request method is one that a rule names";
    /// An `http_method` criterion failed.
    HttpMethodUnauthorized = "http-method-unauthorized", "the request method is not permitted";
    /// An `http_path` criterion passed.
    HttpPathOk = "http-path-ok", "the path is one that a rule names";
    /// An `http_path` criterion failed.
    HttpPathUnauthorized = "http-path-unauthorized", "the path is not permitted";
    /// The presented client certificate is not valid.
    InvalidClientCertificate = "invalid-client-certificate", "your client certificate is not valid";
    /// An `mcp_tool` criterion met something else than a call of a tool.
    McpNotAToolCall = "mcp-not-a-tool-call", "the request does not call a tool";
    /// An `mcp_tool` criterion passed.
    McpToolMatch = "mcp-tool-match", "the tool is one that a rule names";
    /// An `mcp_tool` criterion failed for a call of a tool.
    McpToolNoMatch = "mcp-tool-no-match", "the tool is not permitted";
    /// The request is no CORS preflight.
    NonCorsRequest = "non-cors-request", "the request is not a CORS preflight";
    /// A `record` criterion passed.
    RecordOk = "record-ok", "a record about you or your device meets a rule";
    /// A `record` criterion failed.
    RecordUnauthorized = "record-unauthorized", "the records about you or your device do not permit access";
    /// `reject` always fails.
    Reject = "reject", "nobody is let in here";
    /// A `source_ip` criterion passed.
    SourceIpOk = "source-ip-ok", "your network address is one that a rule names";
    /// A `source_ip` criterion failed.
    SourceIpUnauthorized = "source-ip-unauthorized", "your network address is not permitted";
    /// An `ssh_publickey` or `ssh_ca` criterion passed.
    SshPublicKeyOk = "ssh-publickey-ok", "your SSH key is one that a rule names";
    /// An `ssh_publickey` or `ssh_ca` criterion failed.
    SshPublicKeyUnauthorized = "ssh-publickey-unauthorized", "your SSH key is not permitted";
    /// A criterion about the SSH user name passed.
    SshUsernameOk = "ssh-username-ok", "the SSH user name is one that a rule names";
    /// A criterion about the SSH user name failed.
    SshUsernameUnauthorized = "ssh-username-unauthorized", "the SSH user name is not permitted for you";
    /// A `time_of_day` criterion passed.
    TimeOfDayOk = "time-of-day-ok", "the time is within the hours that a rule names";
    /// A `time_of_day` criterion failed.
    TimeOfDayUnauthorized = "time-of-day-unauthorized", "the time is outside of the permitted hours";
    /// A `user` or `authenticated_user` criterion passed.
    UserOk = "user-ok", "you are a user whom a rule names";
    /// A criterion about the session failed because there is no session.
    UserUnauthenticated = "user-unauthenticated", "you are not signed in";
    /// A `user` or `authenticated_user` criterion failed for a session.
    UserUnauthorized = "user-unauthorized", "your account is not on the list";
    /// The client certificate is valid, or none is needed.
    ValidClientCertificate = "valid-client-certificate", "your client certificate is valid";
}

/// A set of reasons: one machine word, no allocation, iterated in the order of
/// the names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u64);

impl Reasons {
    /// No reason at all: what a policy without rules gives.
    pub const EMPTY: Self = Self(0);

    /// The set of one reason.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self(1 << reason as u64)
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

    /// Whether every reason of this set is in `other`.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
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
        assert!(Reason::ALL.len() <= u64::BITS as usize);
        for (bit, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(Reasons::of(*reason).0, 1 << bit);
            let sentence = reason.sentence();
            assert!(!sentence.is_empty() && !sentence.ends_with('.'), "{sentence}");
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
        assert!(Reasons::of(Reason::Accept).is_subset(set) && Reasons::EMPTY.is_subset(set));
        assert!(!Reasons::of(Reason::Reject).is_subset(set) && !set.is_subset(Reasons::EMPTY));
        assert!(Reasons::EMPTY.is_empty() && Reasons::EMPTY.to_string().is_empty());
    }
}
