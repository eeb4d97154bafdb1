//! What is shown: our own gateway, or Portcullis beside somebody else's Envoy.

/// Every host that the certificate is for.
pub(crate) const HOSTS: [&str; 5] = ["verify.localhost", ADMIN, "public.localhost", WIKI, AUTHENTICATE];
/// Where the gateway logs people in; beside another Envoy each host does so for itself.
pub(crate) const AUTHENTICATE: &str = "authenticate.localhost";
/// The applications of the mesh.
pub(crate) const WIKI: &str = "wiki.localhost";
/// It is in every shape.
pub(crate) const ADMIN: &str = "admin.localhost";

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `portcullis run`, which has an Envoy of its own.
    Gateway,
    /// `portcullis authz-server` and a stock Envoy with a file of its own.
    PlainEnvoy,
    /// The same with two Envoys as Istio would make them.
    Istio,
}

impl Shape {
    /// The one that the command line names.
    pub(crate) fn named(argument: Option<&str>) -> Option<Self> {
        match argument {
            None => Some(Self::Gateway),
            Some("plain-envoy") => Some(Self::PlainEnvoy),
            Some("istio") => Some(Self::Istio),
            Some(_) => None,
        }
    }

    /// How messages and the log are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "demo",
            Self::PlainEnvoy => "plain-envoy",
            Self::Istio => "istio",
        }
    }

    /// What a browser opens; `parts::GATEWAY_PORT` is the port of each.
    pub(crate) fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Gateway => &["verify.localhost", ADMIN, "public.localhost", AUTHENTICATE],
            Self::PlainEnvoy => &["verify.localhost", ADMIN, "public.localhost"],
            Self::Istio => &[WIKI, ADMIN],
        }
    }
}
