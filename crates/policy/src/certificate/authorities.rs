//! Which client certificates are valid: `downstream_mtls`.
//!
//! Signatures, validity, key usage, name constraints and revocation are checked by
//! rustls-webpki; here stands what of it is asked for.

#[cfg(test)]
mod tests;

use core::ops::Range;
use core::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, Der, TrustAnchor, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder,
    UnknownStatusPolicy, VerifiedPath, anchor_from_trusted_cert,
};
use x509_parser::prelude::{CertificateRevocationList as RevocationList, FromDer as _, X509Certificate};

use super::chain::{ClientChain, Link, MAX_INTERMEDIATES};
use super::patterns::{SanPatternError, SanPatterns, SanType};

/// More than any system trusts.
const MAX_AUTHORITIES: usize = 1_000;
/// Lists of revoked certificates.
const MAX_LISTS: usize = 100;
/// Bytes of all of them: they go to every authz-server in one message.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// What a client certificate must meet to be valid, as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientRequirements {
    /// Certificates of the authorities, DER: one of them must have signed it, or an
    /// intermediate that was presented with it.
    pub authorities: Vec<Vec<u8>>,
    /// Lists of revoked certificates (RFC 5280, 5), DER.
    pub revoked: Vec<Vec<u8>>,
    /// How many certificates there may be above it, that of the authority included; 0
    /// is no limit.
    pub max_depth: u32,
    /// Expressions for whole names, of which it must have one; none: any will do.
    pub names: Vec<(SanType, String)>,
}

/// Requirements that cannot be used. Numbers count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthoritiesError {
    /// There is no authority: nobody's certificate would be valid.
    #[error("there is no certificate of an authority")]
    NoAuthority,
    /// There are too many authorities or lists, or they are too large.
    #[error(
        "there are more than {MAX_AUTHORITIES} authorities, {MAX_LISTS} lists of revoked certificates or \
         {MAX_BYTES} bytes of both"
    )]
    TooMany,
    /// The bytes of an authority are no certificate.
    #[error("authority {0} is not a valid X.509 certificate")]
    Unreadable(usize),
    /// The certificate is not one of an authority: it may sign none.
    #[error("authority {0} is the certificate of no authority")]
    NotAnAuthority(usize),
    /// A list cannot be read, or is of a kind that is not supported: one of changes
    /// alone, or of what somebody else has issued.
    #[error("list {0} of revoked certificates cannot be read")]
    List(usize),
    /// A list is of a part of what its issuer has issued; of the other parts it does
    /// not say whether they were revoked.
    #[error("list {0} of revoked certificates is of a part of its issuer's certificates alone")]
    PartialList(usize),
    /// Two lists have one issuer: which of them counts is anybody's guess.
    #[error("list {0} of revoked certificates has the issuer of an earlier one")]
    TwoLists(usize),
    /// An expression for names.
    #[error(transparent)]
    Names(#[from] SanPatternError),
}

/// The authorities by which client certificates are judged.
pub struct ClientAuthorities {
    requirements: ClientRequirements,
    authorities: Vec<Authority>,
    lists: Vec<CertRevocationList<'static>>,
    names: SanPatterns,
    /// When an authority or a list begins or ends to count, in seconds of Unix time.
    turns: Vec<i64>,
}

struct Authority {
    anchor: TrustAnchor<'static>,
    subject: Box<[u8]>,
    /// From when until when it is valid, in seconds of Unix time.
    validity: (i64, i64),
}

impl ClientAuthorities {
    /// Reads what the requirements consist of.
    ///
    /// # Errors
    /// If some of it cannot be used, see [`ClientAuthoritiesError`].
    pub fn new(requirements: ClientRequirements) -> Result<Self, ClientAuthoritiesError> {
        use ClientAuthoritiesError as Error;
        let ClientRequirements {
            authorities,
            revoked,
            max_depth: _,
            names,
        } = &requirements;
        if authorities.is_empty() {
            return Err(Error::NoAuthority);
        }
        let bytes: usize = authorities.iter().chain(revoked).map(Vec::len).sum();
        if authorities.len() > MAX_AUTHORITIES || revoked.len() > MAX_LISTS || bytes > MAX_BYTES {
            return Err(Error::TooMany);
        }
        let read: Result<Vec<_>, _> = (1..)
            .zip(authorities)
            .map(|(at, der)| authority(der, at))
            .collect();
        let authorities = read?;
        let mut turns: Vec<i64> = authorities.iter().flat_map(|one| turns(one.validity)).collect();
        let mut lists: Vec<CertRevocationList<'static>> = Vec::with_capacity(revoked.len());
        for (at, der) in (1..).zip(revoked) {
            let list = OwnedCertRevocationList::from_der(der).map_err(|_| Error::List(at))?;
            let list = CertRevocationList::from(list);
            if list.issuing_distribution_point().is_some() {
                return Err(Error::PartialList(at));
            }
            if lists.iter().any(|earlier| earlier.issuer() == list.issuer()) {
                return Err(Error::TwoLists(at));
            }
            lists.push(list);
            let Ok(([], read)) = RevocationList::from_der(der) else {
                return Err(Error::List(at));
            };
            let end = read.next_update().ok_or(Error::List(at))?;
            self::turns((end.timestamp(), end.timestamp())).for_each(|turn| turns.push(turn));
        }
        let names = SanPatterns::new(names.iter().map(|(kind, pattern)| (*kind, pattern.as_str())))?;
        Ok(Self {
            requirements,
            authorities,
            lists,
            names,
            turns,
        })
    }

    /// What they were made from.
    #[must_use]
    pub const fn requirements(&self) -> &ClientRequirements {
        &self.requirements
    }

    /// Whether an intermediate can matter: above the leaf there may be more than the
    /// authority.
    #[must_use]
    pub const fn take_intermediates(&self) -> bool {
        self.requirements.max_depth != 1
    }

    /// Whether the certificate is valid at `now`: signed by an authority, itself or by
    /// what was presented with it, each valid at that time and meant for clients, at
    /// most as deep as is allowed, not revoked by its issuer, and with one of the
    /// names.
    ///
    /// As in Pomerium only the leaf is looked up in the lists, and an issuer without a
    /// list has revoked nothing. Other than there, a list that has expired says
    /// nothing any more: no certificate of its issuer is valid.
    ///
    /// Of several ways from the leaf to an authority one is looked at: a client that
    /// presents certificates which name one another in circles costs no more than
    /// another.
    #[must_use]
    pub fn verify(&self, chain: &ClientChain, now: Timestamp) -> bool {
        let way = self.way_up(chain);
        // Borrowed, and none that cannot matter: of authorities there may be many.
        let anchors: Vec<TrustAnchor<'_>> = self
            .authorities
            .iter()
            .filter(|authority| {
                authority.is_valid(now) && way.iter().any(|link| link.issuer == authority.subject)
            })
            .map(Authority::anchor)
            .collect();
        let mut way = way.into_iter().map(|link| CertificateDer::from(&*link.der));
        let (Ok(seconds), Some(der)) = (u64::try_from(now.as_second()), way.next()) else {
            return false;
        };
        let Ok(leaf) = EndEntityCert::try_from(&der) else {
            return false;
        };
        let intermediates: Vec<CertificateDer<'_>> = way.collect();
        let lists: Vec<&CertRevocationList<'_>> = self.lists.iter().collect();
        let depth_allowed = |path: &VerifiedPath<'_>| {
            let above = path.intermediate_certificates().count().saturating_add(1);
            match usize::try_from(self.requirements.max_depth) {
                Ok(0) => Ok(()),
                Ok(max) if above <= max => Ok(()),
                _ => Err(webpki::Error::MaximumPathDepthExceeded),
            }
        };
        let path = leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            KeyUsage::client_auth(),
            revocation(&lists),
            Some(&depth_allowed),
        );
        path.is_ok() && self.names.matches(chain.leaf())
    }

    /// The time around `now`, in seconds of Unix time, for which [`Self::verify`] says of
    /// the chain what it says at `now`: until something of the chain, an authority or a
    /// list begins or ends to be valid.
    #[must_use]
    pub fn steady(&self, chain: &ClientChain, now: Timestamp) -> Range<i64> {
        let now = now.as_second();
        let way = self.way_up(chain);
        let turns = way.iter().flat_map(|link| turns(link.validity));
        turns
            .chain(self.turns.iter().copied())
            .fold(i64::MIN..i64::MAX, |Range { start, end }, turn| {
                if turn <= now {
                    start.max(turn)..end
                } else {
                    start..end.min(turn)
                }
            })
    }

    fn way_up<'c>(&self, chain: &'c ClientChain) -> Vec<&'c Link> {
        let max = match usize::try_from(self.requirements.max_depth) {
            Ok(0) | Err(_) => MAX_INTERMEDIATES,
            Ok(depth) => MAX_INTERMEDIATES.min(depth.saturating_sub(1)),
        };
        chain.way_up(max, |name| {
            self.authorities
                .iter()
                .any(|authority| *authority.subject == *name)
        })
    }
}

impl Authority {
    fn is_valid(&self, now: Timestamp) -> bool {
        let (from, until) = self.validity;
        (from..=until).contains(&now.as_second())
    }

    /// Without a copy of its bytes.
    fn anchor(&self) -> TrustAnchor<'_> {
        let TrustAnchor {
            subject,
            subject_public_key_info,
            name_constraints,
        } = &self.anchor;
        TrustAnchor {
            subject: Der::from_slice(subject),
            subject_public_key_info: Der::from_slice(subject_public_key_info),
            name_constraints: name_constraints.as_deref().map(Der::from_slice),
        }
    }
}

/// The seconds with which something begins or ends, where it is not said whether the
/// last one counts.
fn turns((from, until): (i64, i64)) -> impl Iterator<Item = i64> {
    [from, until]
        .into_iter()
        .flat_map(|second| [second, second.saturating_add(1)])
}

/// `None` where there is no list.
fn revocation<'a>(lists: &'a [&'a CertRevocationList<'a>]) -> Option<RevocationOptions<'a>> {
    let options = RevocationOptionsBuilder::new(lists).ok()?;
    let options = options
        .with_depth(RevocationCheckDepth::EndEntity)
        .with_status_policy(UnknownStatusPolicy::Allow)
        .with_expiration_policy(ExpirationPolicy::Enforce);
    Some(options.build())
}

fn authority(der: &[u8], at: usize) -> Result<Authority, ClientAuthoritiesError> {
    use ClientAuthoritiesError::{NotAnAuthority, Unreadable};
    let Ok(([], certificate)) = X509Certificate::from_der(der) else {
        return Err(Unreadable(at));
    };
    let is_authority = matches!(certificate.basic_constraints(), Ok(Some(found)) if found.value.ca);
    let may_sign = match certificate.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    if !is_authority || !may_sign {
        return Err(NotAnAuthority(at));
    }
    let validity = certificate.validity();
    let validity = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let subject = certificate.subject().as_raw().into();
    let der = CertificateDer::from(der);
    let anchor = anchor_from_trusted_cert(&der).map_err(|_| Unreadable(at))?;
    Ok(Authority {
        anchor: anchor.to_owned(),
        subject,
        validity,
    })
}

impl core::fmt::Debug for ClientAuthorities {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ClientAuthorities")
            .field("authorities", &self.authorities.len())
            .field("lists", &self.lists.len())
            .field("max_depth", &self.requirements.max_depth)
            .field("names", &self.requirements.names)
            .finish()
    }
}
