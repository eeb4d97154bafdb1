use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::*;

fn tcp(host: Option<&str>, port: u16) -> GrpcAddress {
    GrpcAddress::Tcp {
        host: host.map(str::to_owned),
        port,
    }
}

async fn bound(address: &GrpcAddress, plaintext: bool) -> Result<Bound, ListenError> {
    Bound::new(address, None, &[b"h2"], plaintext).await
}

#[tokio::test]
async fn other_machines_are_served_over_tls_unless_clear_text_is_asked_for() {
    for host in [None, Some("0.0.0.0"), Some("::"), Some("192.0.2.1")] {
        let refused = bound(&tcp(host, 0), false).await.err();
        assert!(matches!(refused, Some(ListenError::Plaintext(_))), "{host:?}");
    }
    assert!(bound(&tcp(None, 0), true).await.is_ok());
    for host in ["127.0.0.1", "localhost"] {
        assert!(bound(&tcp(Some(host), 0), false).await.is_ok(), "{host}");
    }
    let bad = ServerTls {
        chain_pem: b"none".to_vec(),
        key_pem: b"none".to_vec(),
        client_ca_pem: None,
    };
    let refused = Bound::new(&tcp(Some("127.0.0.1"), 0), Some(&bad), &[b"h2"], false).await;
    assert!(matches!(refused.err(), Some(ListenError::Tls(_))));
}

#[tokio::test]
async fn a_bound_port_is_refused_to_others_and_accepts_only_once_it_listens() {
    let one = bound(&tcp(Some("127.0.0.1"), 0), false).await.unwrap();
    let address: SocketAddr = one.address().parse().unwrap();
    assert!(
        TcpStream::connect(address).await.is_err(),
        "it does not listen yet"
    );
    let _listening = one.listen().unwrap();
    assert!(TcpStream::connect(address).await.is_ok());
    let taken = bound(&tcp(Some("127.0.0.1"), address.port()), false).await.err();
    let text = taken.unwrap().to_string();
    assert!(
        text.contains(&address.port().to_string()) && text.contains("in use"),
        "{text}"
    );
}

#[tokio::test]
async fn a_socket_is_private_replaces_a_dead_one_and_goes_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grpc.sock");
    let address = GrpcAddress::Unix(path.clone());
    // What a killed process leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listening = bound(&address, false).await.unwrap().listen().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(listening.owner, Some(fs::metadata(&path).unwrap().uid()));
    assert!(UnixStream::connect(&path).await.is_ok());

    let second = bound(&address, false).await.unwrap().listen().err();
    assert!(
        matches!(second, Some(ListenError::Bind { .. })),
        "one that is answered is kept"
    );
    drop(listening);
    assert!(!path.exists());

    // Not a socket: never removed.
    fs::write(&path, "mine").unwrap();
    assert!(bound(&address, false).await.unwrap().listen().is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[tokio::test]
async fn what_is_written_is_what_is_shown() {
    assert_eq!(show(&tcp(Some("::1"), 5443)), "[::1]:5443");
    assert_eq!(show(&tcp(None, 5443)), ":5443");
    assert_eq!(show(&tcp(Some("127.0.0.1"), 1)), "127.0.0.1:1");
    assert_eq!(show(&GrpcAddress::Unix("/run/a".into())), "unix:///run/a");
    let one = bound(&tcp(Some("127.0.0.1"), 0), false).await.unwrap();
    let address: SocketAddr = one.address().parse().unwrap();
    let _listening = one.listen().unwrap();
    // Nobody reads: the connection is there, and nothing comes.
    let mut client = TcpStream::connect(address).await.unwrap();
    let read = timeout(Duration::from_millis(50), client.read_u8()).await;
    assert!(read.is_err());
}
