//! Where bundles come in, and what is derived once from each.

use crate::check::Remembered;
use crate::check::answer::Reserved;
use crate::metrics::Metrics;
use crate::page::Look;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use portcullis_bundle::{Authenticate, Bundle, Keys, Settings, Table, Version};
use portcullis_idp::{HttpClient, Provider, ProviderConfig, ProviderKind};
use portcullis_session::assertion::SigningKeys;
use portcullis_session::cookies::Names;
use portcullis_session::{KeyRing, hpke};
use secrecy::ExposeSecret as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use url::Url;

#[cfg(test)]
mod tests;

/// One bundle with everything that is derived from it. A request takes one
/// [`Arc<Active>`] and uses nothing else of the configuration (one bundle per
/// decision).
pub struct Active {
    /// The bundle.
    pub bundle: Arc<Bundle>,
    /// Opens and seals cookies and login transactions.
    pub keys: Arc<KeyRing>,
    /// Signs assertions.
    pub signing: Arc<SigningKeys>,
    /// The public half of `signing`, as served.
    pub jwks: Bytes,
    /// The public key that Pomerium's hosted sign-in would be sealed to, as served.
    pub hpke_public_key: Bytes,
    /// Speaks to the identity provider; `None` where none is configured, or no
    /// authenticate service of our own.
    pub provider: Option<Arc<Provider>>,
    /// The names of our cookies.
    pub cookies: Arc<Names>,
    /// How error pages look, where that is configured.
    pub error_look: Option<Look>,
    /// The header names that only we may say to an upstream.
    pub(crate) reserved: Reserved,
    /// Changes whenever keys or claim headers do: a cached assertion of another
    /// number is not served.
    pub(crate) identity_epoch: u64,
    /// What was found of client certificates by the authorities of the bundle.
    pub(crate) certificates: Remembered,
    /// How routes are found without their ids; made when the first request needs it, so
    /// that it costs nothing where our own Envoy names them.
    table: OnceLock<Option<Arc<Table>>>,
    /// That of the bundle before, which may be the same.
    former_table: Option<Arc<Table>>,
}

impl Active {
    /// The settings that all routes share.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.bundle.settings
    }

    /// How routes are found without their ids; `None` where an expression of theirs
    /// cannot be used here.
    pub(crate) fn table(&self) -> Option<Arc<Table>> {
        self.table
            .get_or_init(|| {
                Table::of(&self.bundle, self.former_table.as_ref())
                    .inspect_err(|error| tracing::error!(%error, "routes cannot be found without their ids"))
                    .ok()
            })
            .clone()
    }

    /// That which was made, or could be taken over.
    fn known_table(&self) -> Option<Arc<Table>> {
        let made = self.table.get().and_then(Option::as_ref);
        made.or(self.former_table.as_ref()).map(Arc::clone)
    }

    /// Whether every host of a route logs in for itself.
    #[must_use]
    pub fn each_host_logs_in(&self) -> bool {
        self.settings().authenticate == Authenticate::EachHost
    }

    /// Host and external port of our own authenticate service.
    #[must_use]
    pub fn authenticate(&self) -> Option<(&portcullis_model::Host, u16)> {
        match &self.settings().authenticate {
            Authenticate::Own { host, port } => Some((host, *port)),
            Authenticate::Hosted { .. } | Authenticate::EachHost | Authenticate::None => None,
        }
    }
}

/// A bundle that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishAck {
    /// The version that every later Check decides by.
    pub version: Version,
}

/// A bundle that cannot take effect; the one before serves on.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The signing key is of no use.
    #[error("the signing key cannot be used: {0}")]
    SigningKey(String),
    /// The identity provider's settings are of no use.
    #[error("the identity provider cannot be used: {0}")]
    Provider(String),
}

/// The current bundle.
pub struct Feed {
    current: ArcSwapOption<Active>,
    // Publications are rare and go one after the other; checks never take it.
    publishing: Mutex<()>,
    http: HttpClient,
    metrics: Metrics,
}

impl Feed {
    pub(crate) fn new(http: HttpClient, metrics: Metrics) -> Self {
        Self {
            current: ArcSwapOption::empty(),
            publishing: Mutex::new(()),
            http,
            metrics,
        }
    }

    /// Puts `bundle` in force; every Check that begins after the return uses it.
    ///
    /// # Errors
    ///
    /// [`PublishError`] if something cannot be derived from it; the bundle before
    /// stays in force.
    pub fn publish(&self, bundle: Arc<Bundle>) -> Result<PublishAck, PublishError> {
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current.load_full();
        let version = bundle.version.clone();
        let programs = bundle.programs();
        self.current
            .store(Some(Arc::new(self.derive(bundle, before.as_deref())?)));
        self.metrics.programs(programs);
        Ok(PublishAck { version })
    }

    /// The bundle in force with what derives from it.
    #[must_use]
    pub fn active(&self) -> Option<Arc<Active>> {
        self.current.load_full()
    }

    /// The bundle in force.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Bundle>> {
        self.active().map(|active| Arc::clone(&active.bundle))
    }

    fn derive(&self, bundle: Arc<Bundle>, before: Option<&Active>) -> Result<Active, PublishError> {
        let settings = &bundle.settings;
        let roots_kept = before.filter(|active| same_roots(&active.settings().keys, &settings.keys));
        let keys = match roots_kept {
            Some(active) => Arc::clone(&active.keys),
            None => Arc::new(KeyRing::new(
                &settings.keys.cookie_secret,
                &settings.keys.shared_secret,
            )),
        };
        let hpke_public_key = match roots_kept {
            Some(active) => active.hpke_public_key.clone(),
            None => hpke::public_key(settings.keys.shared_secret.first())
                .map(|key| Bytes::copy_from_slice(&key))
                .unwrap_or_default(),
        };
        let signing_kept = roots_kept.filter(|active| same_signing(&active.settings().keys, &settings.keys));
        let (signing, jwks) = match signing_kept {
            Some(active) => (Arc::clone(&active.signing), active.jwks.clone()),
            None => {
                let signing = signing_keys(&settings.keys)?;
                let jwks = Bytes::from(signing.jwks().to_string());
                (Arc::new(signing), jwks)
            }
        };
        let identity_kept =
            signing_kept.filter(|active| active.settings().jwt_claims_headers == settings.jwt_claims_headers);
        let identity_epoch = match (identity_kept, before) {
            (Some(active), _) => active.identity_epoch,
            (None, Some(active)) => active.identity_epoch.wrapping_add(1),
            (None, None) => 0,
        };
        let cookies = match before.filter(|active| active.settings().cookie.name == settings.cookie.name) {
            Some(active) => Arc::clone(&active.cookies),
            None => Arc::new(Names::new(&settings.cookie.name)),
        };
        let provider = self.provider(settings, before)?;
        let reserved = Reserved::new(settings);
        let error_look = Look::of(&settings.pages.branding);
        let active = Active {
            bundle,
            keys,
            signing,
            jwks,
            hpke_public_key,
            provider,
            cookies,
            error_look,
            reserved,
            identity_epoch,
            certificates: Remembered::default(),
            table: OnceLock::new(),
            former_table: before.and_then(Active::known_table),
        };
        // Where they are needed they are made before the bundle decides.
        if active.former_table.is_some() {
            let _made = active.table();
        }
        Ok(active)
    }

    fn provider(
        &self,
        settings: &Settings,
        before: Option<&Active>,
    ) -> Result<Option<Arc<Provider>>, PublishError> {
        let (Some(wanted), Authenticate::Own { .. } | Authenticate::EachHost) =
            (&settings.provider, &settings.authenticate)
        else {
            return Ok(None);
        };
        // A provider holds discovery and key caches: it lives on while nothing that
        // it is made of has changed.
        if let Some(active) = before
            && let (Some(had), Some(provider)) = (&active.settings().provider, &active.provider)
            && had.id == wanted.id
            && same_secret(had.client_secret.as_ref(), wanted.client_secret.as_ref())
            && active.settings().authenticate == settings.authenticate
        {
            return Ok(Some(Arc::clone(provider)));
        }
        let redirect_url = callback_url(&settings.authenticate)
            .ok_or_else(|| PublishError::Provider("no callback URL can be built".to_owned()))?;
        let kind = ProviderKind::from_name(&wanted.kind)
            .ok_or_else(|| PublishError::Provider(format!("the kind `{}` is unknown", wanted.kind)))?;
        let config = ProviderConfig {
            kind,
            issuer_url: wanted.issuer_url.clone(),
            client_id: wanted.client_id.clone(),
            client_secret: wanted.client_secret.clone(),
            scopes: wanted.scopes.clone(),
            redirect_url,
        };
        Ok(Some(Arc::new(Provider::new(config, self.http.clone()))))
    }
}

/// Where the identity provider sends the browser back: Pomerium's fixed path on
/// the authenticate host.
#[must_use]
pub fn callback_url(authenticate: &Authenticate) -> Option<Url> {
    let (host, port) = match authenticate {
        Authenticate::Own { host, port } => (host, *port),
        // Stands for the host that each login begins at; nobody can have this one (RFC 6761).
        Authenticate::EachHost => return Url::parse("https://each-host.invalid/oauth2/callback").ok(),
        Authenticate::Hosted { .. } | Authenticate::None => return None,
    };
    Url::parse(&format!(
        "https://{}/oauth2/callback",
        authority(host.as_str(), port)
    ))
    .ok()
}

/// `host`, or `host:port` where the port is not that of https.
#[must_use]
pub fn authority(host: &str, port: u16) -> String {
    if port == 443 {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}

fn signing_keys(keys: &Keys) -> Result<SigningKeys, PublishError> {
    match &keys.signing_key_pem {
        Some(pem) => SigningKeys::from_pem(pem.expose_secret()),
        None => SigningKeys::derived(&keys.shared_secret),
    }
    .map_err(|error| PublishError::SigningKey(error.to_string()))
}

// Both sides are our own configuration, nobody measures these comparisons.
fn same_roots(a: &Keys, b: &Keys) -> bool {
    a.shared_secret == b.shared_secret && a.cookie_secret == b.cookie_secret
}

fn same_signing(a: &Keys, b: &Keys) -> bool {
    same_secret(a.signing_key_pem.as_ref(), b.signing_key_pem.as_ref())
}

fn same_secret(a: Option<&secrecy::SecretString>, b: Option<&secrecy::SecretString>) -> bool {
    a.map(secrecy::ExposeSecret::expose_secret) == b.map(secrecy::ExposeSecret::expose_secret)
}
