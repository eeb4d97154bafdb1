//! The command line of the roles apart.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use portcullis_config::GrpcAddress;
use url::Url;

use super::{Config, LogFormat, Xds};

#[derive(Debug, Args)]
pub(crate) struct ControlPlane {
    #[command(flatten)]
    pub(crate) config: Config,
    /// The certificate chain shown to Envoys and authz-servers, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let in only who shows a certificate of these authorities, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// The authorities by which Envoys verify https authz-servers, PEM; without it the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) authorize_ca: Option<PathBuf>,
    /// Serve other machines in clear text
    #[arg(long)]
    pub(crate) plaintext: bool,
    /// How log lines look
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Args)]
pub(crate) struct AuthzServer {
    /// The control plane: https://HOST:PORT, http://HOST:PORT or unix:///PATH
    #[arg(long, value_name = "URL", value_parser = url)]
    pub(crate) control_plane: Option<Url>,
    /// The configuration file, for an authz-server beside an Envoy that somebody else configures: there is no control
    /// plane then
    #[arg(
        short = 'c',
        long = "config",
        value_name = "FILE",
        conflicts_with = "control_plane"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Where Envoy finds checks and pages: HOST:PORT or unix:///PATH; without it the configuration's `grpc_address`, or
    /// 127.0.0.1:5444
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) grpc_address: Option<GrpcPlace>,
    /// Where health, status and metrics stand; without it the configuration's `health_check_addr`, with a control plane
    /// 127.0.0.1:28081
    #[arg(long, value_name = "IP:PORT", value_parser = socket_address)]
    pub(crate) health_check_addr: Option<SocketAddr>,
    /// With -c: where the public keys of the assertions stand, and nothing else, for whatever host they are asked, in
    /// clear text; without it nowhere but on the hosts of the routes
    #[arg(long, value_name = "IP:PORT", value_parser = socket_address, conflicts_with = "control_plane")]
    pub(crate) jwks_address: Option<SocketAddr>,
    /// The control plane's shared secret, base64 of 32 bytes; without it the environment's
    /// SHARED_SECRET or SHARED_SECRET_FILE
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) shared_secret_file: Option<PathBuf>,
    /// The authorities by which the control plane is verified, PEM; without it the system's
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) ca: Option<PathBuf>,
    /// Our certificate chain, PEM: shown to the control plane, and to Envoy on a TCP address
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let in on a TCP address only who shows a certificate of these authorities, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Speak with other machines in clear text
    #[arg(long)]
    pub(crate) plaintext: bool,
    /// How long sessions are decided from memory when the control plane is away
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration, conflicts_with = "config")]
    pub(crate) state_max_staleness: Duration,
    /// The name in the control plane's log and status; without it the host's name and the process id
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    pub(crate) instance: Option<String>,
    /// What is logged: trace, debug, info, warn, error or off; without it the configuration's `log_level`, or info
    #[arg(long, value_name = "LEVEL", value_parser = ["trace", "debug", "info", "warn", "error", "off"])]
    pub(crate) log_level: Option<String>,
    /// How log lines look
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub(crate) log_format: LogFormat,
}

/// The bootstrap of an Envoy of its own.
#[derive(Debug, Args)]
pub(crate) struct DynamicEnvoy {
    /// Print the bootstrap of an Envoy that asks the control plane for everything; it holds a token
    #[arg(long)]
    pub(crate) dynamic: bool,
    /// What Envoy speaks on its configuration stream
    #[arg(long, value_enum, default_value_t = Xds::Delta, requires = "dynamic")]
    pub(crate) xds: Xds,
    /// Where Envoy finds the control plane, if not at `grpc_address` in clear text
    #[arg(long, value_name = "URL", requires = "dynamic", value_parser = url)]
    pub(crate) control_plane: Option<Url>,
    /// The authorities by which Envoy verifies the control plane: a file on Envoy's machine
    #[arg(long, value_name = "FILE", requires = "control_plane")]
    pub(crate) ca: Option<PathBuf>,
    /// Envoy's certificate chain: a file on Envoy's machine
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "control_plane")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key: a file on Envoy's machine
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A Unix socket that Envoy makes for its admin interface; without it there is none
    #[arg(long, value_name = "PATH", requires = "dynamic")]
    pub(crate) admin_socket: Option<PathBuf>,
}

/// A place to listen on, as an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GrpcPlace(pub(crate) GrpcAddress);

impl FromStr for GrpcPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') && path.len() > 1 {
                Ok(Self(GrpcAddress::Unix(PathBuf::from(path))))
            } else {
                Err("a socket is named by its absolute path: unix:///path".to_owned())
            };
        }
        let wrong = || "write HOST:PORT, :PORT or unix:///path".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        // `::1:80` could be read in two ways.
        if bare.contains(':') && bare.len() == host.len() {
            return Err("write an IPv6 address in brackets: [ADDRESS]:PORT".to_owned());
        }
        let host = (!bare.is_empty()).then(|| bare.to_owned());
        Ok(Self(GrpcAddress::Tcp { host, port }))
    }
}

/// Its scheme is looked at where it is used.
fn url(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|_| "write https://HOST:PORT, http://HOST:PORT or unix:///PATH".to_owned())
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "write IP:PORT, such as 127.0.0.1:28081".to_owned())
}

/// `90s`, `15m`, `1h`, or `0`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a whole number with its unit: `90s`, `15m` or `1h`".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (number, unit) = text
        .char_indices()
        .next_back()
        .map(|(at, _)| text.split_at(at))
        .ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let all = number.checked_mul(seconds).ok_or_else(wrong)?;
    Ok(Duration::from_secs(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::Parser;

    #[test]
    fn places_are_hosts_with_ports_or_sockets() {
        let tcp = |host: Option<&str>, port| {
            Ok(GrpcPlace(GrpcAddress::Tcp {
                host: host.map(str::to_owned),
                port,
            }))
        };
        for (text, wanted) in [
            ("127.0.0.1:5444", tcp(Some("127.0.0.1"), 5444)),
            ("localhost:1", tcp(Some("localhost"), 1)),
            (":5444", tcp(None, 5444)),
            ("[::1]:5444", tcp(Some("::1"), 5444)),
            (
                "unix:///run/authz.sock",
                Ok(GrpcPlace(GrpcAddress::Unix("/run/authz.sock".into()))),
            ),
        ] {
            assert_eq!(text.parse::<GrpcPlace>(), wanted, "{text}");
        }
        for bad in [
            "",
            "5444",
            "a:b",
            "::1:5444",
            "unix://",
            "unix://relative",
            "a:99999",
        ] {
            assert!(bad.parse::<GrpcPlace>().is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for bad in ["", "15", "m", "1.5h", "-1s", "1d", "99999999999999999999s", "1é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_in_words_that_show_one() {
        let words = |line: &str| {
            Arguments::try_parse_from(line.split(' '))
                .unwrap_err()
                .to_string()
        };
        let refused = words("portcullis authz-server --control-plane 127.0.0.1:5443");
        assert!(refused.contains("http://HOST:PORT"), "{refused}");
        let refused = words("portcullis envoy-config -c c --dynamic --control-plane control");
        assert!(refused.contains("https://HOST:PORT"), "{refused}");
        let refused = words("portcullis authz-server --health-check-addr :28081");
        assert!(refused.contains("IP:PORT, such as"), "{refused}");
    }

    #[test]
    fn what_belongs_together_is_asked_for_together() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(parse(
            "portcullis control-plane -c c --tls-cert a --tls-key b --client-ca d"
        ));
        assert!(!parse("portcullis control-plane -c c --tls-cert a"));
        assert!(!parse("portcullis control-plane -c c --client-ca d"));
        assert!(parse(
            "portcullis authz-server --control-plane http://127.0.0.1:5443"
        ));
        assert!(!parse(
            "portcullis authz-server --control-plane http://127.0.0.1:5443 -c c"
        ));
        assert!(parse(
            "portcullis authz-server -c c --tls-cert a --tls-key b --client-ca d"
        ));
        assert!(!parse("portcullis authz-server -c c --client-ca d"));
        assert!(parse(
            "portcullis authz-server -c c --jwks-address 127.0.0.1:5445"
        ));
        assert!(!parse(
            "portcullis authz-server --control-plane http://127.0.0.1:5443 --jwks-address 127.0.0.1:5445"
        ));
        for of_a_control_plane in [
            "--instance a",
            "--ca a",
            "--shared-secret-file a",
            "--state-max-staleness 5m",
        ] {
            assert!(!parse(&format!(
                "portcullis authz-server -c c {of_a_control_plane}"
            )));
        }
        assert!(parse("portcullis envoy-config -c c --dynamic --xds sotw"));
        assert!(!parse(
            "portcullis envoy-config -c c --control-plane http://127.0.0.1:5443"
        ));
        assert!(parse("portcullis run -c c --xds sotw"));
    }
}
