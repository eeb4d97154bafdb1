//! The bootstrap of an Envoy that asks a control plane for everything.

use std::path::PathBuf;

use portcullis_config::GrpcAddress;
use portcullis_control_plane::Loaded;
use portcullis_envoy_config::{ControlPlaneAddress, ControlPlaneTls, RemoteBootstrap};
use portcullis_proto::credential::Key;
use serde_json::Value;
use url::{Host, Url};

use crate::args::DynamicEnvoy;
use crate::roles::{grpc_address, show};

/// The name by which Envoy knows itself.
const NODE_ID: &str = "portcullis";

/// The bootstrap for the configuration that was read.
pub(super) fn bootstrap(loaded: &Loaded, arguments: &DynamicEnvoy) -> Result<Value, String> {
    let (Some(config), Some(bundle)) = (&loaded.config, &loaded.bundle) else {
        return Err("the configuration cannot take effect".to_owned());
    };
    let DynamicEnvoy {
        dynamic: _,
        xds,
        control_plane,
        ca,
        tls_cert,
        tls_key,
        admin_socket,
    } = arguments;
    let identity = tls_cert.clone().zip(tls_key.clone());
    let address = match control_plane {
        Some(url) => named(url, ca.clone(), identity)?,
        None => local(&grpc_address(config))?,
    };
    let token = Key::derive(&bundle.settings.keys.shared_secret).xds_token();
    let bootstrap = RemoteBootstrap {
        node_id: NODE_ID,
        control_plane: &address,
        token: &token,
        admin: admin_socket.as_deref(),
        protocol: (*xds).into(),
    };
    Ok(bootstrap.render())
}

/// Where the control plane says that it is; from there, so on this machine.
fn local(address: &GrpcAddress) -> Result<ControlPlaneAddress, String> {
    let (host, port) = match address {
        GrpcAddress::Unix(path) => return Ok(ControlPlaneAddress::Unix(path.clone())),
        GrpcAddress::Tcp { host, port } => (host.as_deref(), *port),
    };
    let host = match host {
        None | Some("0.0.0.0" | "localhost") => "127.0.0.1",
        Some("::") => "::1",
        Some(host) => host,
    };
    if port == 0 {
        return Err(format!(
            "`grpc_address` `{}` has no port yet: name the control plane by --control-plane URL",
            show(address)
        ));
    }
    Ok(ControlPlaneAddress::Tcp {
        host: host.to_owned(),
        port,
        tls: None,
    })
}

fn named(
    url: &Url,
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
) -> Result<ControlPlaneAddress, String> {
    let wrong =
        || format!("--control-plane `{url}` is none of https://HOST:PORT, http://HOST:PORT, unix:///PATH");
    if url.scheme() == "unix" {
        let is_path = url.host().is_none() && url.path().len() > 1;
        return if is_path {
            Ok(ControlPlaneAddress::Unix(url.path().into()))
        } else {
            Err(wrong())
        };
    }
    let (is_tls, default_port) = match url.scheme() {
        "https" => (true, 443),
        "http" => (false, 80),
        _ => return Err(wrong()),
    };
    let has_extra = url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
        || !matches!(url.path(), "" | "/");
    if has_extra {
        return Err("--control-plane is a scheme, a host and a port alone".to_owned());
    }
    if !is_tls && (ca.is_some() || identity.is_some()) {
        return Err(format!(
            "--ca and --tls-cert are for https, and --control-plane is `{url}`"
        ));
    }
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        None => return Err(wrong()),
    };
    Ok(ControlPlaneAddress::Tcp {
        host,
        port: url.port().unwrap_or(default_port),
        tls: is_tls.then_some(ControlPlaneTls { ca, identity }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> ControlPlaneAddress {
        ControlPlaneAddress::Tcp {
            host: host.to_owned(),
            port,
            tls: None,
        }
    }

    #[test]
    fn every_address_is_reached_from_this_machine() {
        for (host, wanted) in [
            (None, "127.0.0.1"),
            (Some("0.0.0.0"), "127.0.0.1"),
            (Some("localhost"), "127.0.0.1"),
            (Some("::"), "::1"),
            (Some("192.0.2.7"), "192.0.2.7"),
        ] {
            let address = GrpcAddress::Tcp {
                host: host.map(str::to_owned),
                port: 5443,
            };
            assert_eq!(local(&address), Ok(tcp(wanted, 5443)));
        }
        let unix = GrpcAddress::Unix("/run/grpc.sock".into());
        assert_eq!(
            local(&unix),
            Ok(ControlPlaneAddress::Unix("/run/grpc.sock".into()))
        );
    }

    #[test]
    fn a_named_control_plane_wins_and_must_be_a_place_alone() {
        let at = |url: &str| named(&Url::parse(url).unwrap(), None, None);
        assert_eq!(at("http://192.0.2.1:5443"), Ok(tcp("192.0.2.1", 5443)));
        assert_eq!(at("http://[2001:db8::1]"), Ok(tcp("2001:db8::1", 80)));
        assert_eq!(
            at("unix:///run/grpc.sock"),
            Ok(ControlPlaneAddress::Unix("/run/grpc.sock".into()))
        );
        let secure = at("https://control.example.com");
        assert!(
            matches!(
                &secure,
                Ok(ControlPlaneAddress::Tcp {
                    port: 443,
                    tls: Some(_),
                    ..
                })
            ),
            "{secure:?}"
        );
        for bad in [
            "ftp://a",
            "unix://",
            "https://a/b",
            "https://a?b",
            "https://user@a",
            "http://a#b",
        ] {
            assert!(at(bad).is_err(), "{bad}");
        }
        let clear = Url::parse("http://a:1").unwrap();
        assert!(named(&clear, Some("ca.pem".into()), None).is_err());
    }
}
