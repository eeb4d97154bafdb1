//! What is shown: our own gateway, or Portcullis beside somebody else's Envoy.

/// Every host that the certificate is for. The last is the gateway's alone: beside
/// another Envoy each host logs in for itself.
pub(crate) const HOSTS: [&str; 4] = [
    "verify.localhost",
    "admin.localhost",
    "public.localhost",
    AUTHENTICATE,
];
/// Where the gateway logs people in.
pub(crate) const AUTHENTICATE: &str = "authenticate.localhost";

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `portcullis run`, which has an Envoy of its own.
    Gateway,
    /// `portcullis authz-server` and a stock Envoy with a file of its own.
    PlainEnvoy,
}

impl Shape {
    /// The one that the command line names.
    pub(crate) fn named(argument: Option<&str>) -> Option<Self> {
        match argument {
            None => Some(Self::Gateway),
            Some("plain-envoy") => Some(Self::PlainEnvoy),
            Some(_) => None,
        }
    }

    /// How messages and the log are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "demo",
            Self::PlainEnvoy => "plain-envoy",
        }
    }

    /// What a browser opens; `parts::GATEWAY_PORT` is the port of each.
    pub(crate) fn hosts(self) -> impl Iterator<Item = &'static str> {
        HOSTS
            .into_iter()
            .filter(move |host| self == Self::Gateway || *host != AUTHENTICATE)
    }
}
