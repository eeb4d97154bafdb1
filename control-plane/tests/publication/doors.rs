//! Who gets in where the roles are apart, and what is not listened to.

use std::{os::unix::fs::MetadataExt, sync::Arc, time::Duration};

use jiff::{Span, Timestamp};
use portcullis_proto::{
    channel::{ClientOptions, connect},
    credential::Key,
    feed::{Ack, BundleFeedClient, FollowRequest, Kind},
    listener::{Incoming, ServerTls},
    store::{GetRequest, RecordStoreClient},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::{net::UnixListener, time};
use tonic::{Code, Request, Status, transport::Endpoint};
use url::Url;

use crate::{
    apart::World,
    client::{CDS, Client},
    follower::{Follower, Word, hello, say},
    timeline::Timeline,
    world::config,
};

fn routes() -> String {
    config(&[("a", 9001, "x@example.com")])
}

fn get() -> GetRequest {
    GetRequest {
        kind: "session".to_owned(),
        id: "1".to_owned(),
    }
}

/// How the store answers a call over a channel of these options.
async fn asked(options: &ClientOptions) -> Result<(), Status> {
    let mut store = RecordStoreClient::new(connect(options).unwrap());
    let answer = time::timeout(Duration::from_secs(5), store.get(get())).await;
    answer.expect("no answer").map(drop)
}

async fn asked_with(world: &World, token: &str) -> Status {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", world.port)).unwrap();
    let mut store = RecordStoreClient::new(endpoint.connect().await.unwrap());
    let mut request = Request::new(get());
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    match store.get(request).await {
        Ok(_) => Status::ok(""),
        Err(status) => status,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_opens_all_and_nothing_else_does() {
    let world = World::start(&routes(), None).await;
    asked(&world.options()).await.unwrap();
    let now = Timestamp::now();
    let other = Key::derive(&[7; 32].into());
    let hour = Span::new().hours(1);
    for token in [
        other.mint(now),
        world.key.mint(now.checked_sub(hour).unwrap()),
        world.key.mint(now.checked_add(hour).unwrap()),
        world.key.xds_token(),
        String::new(),
    ] {
        let status = asked_with(&world, &token).await;
        assert_eq!(
            (status.code(), status.message()),
            (Code::Unauthenticated, "not authenticated")
        );
    }
    assert_eq!(asked_with(&world, &world.key.mint(now)).await.code(), Code::Ok);
    for reason in ["forged", "expired", "malformed"] {
        let name = format!("portcullis_grpc_refused_total{{reason=\"{reason}\"}}");
        assert!(world.metric(&name) >= Some(1), "{name}");
    }

    let without = ClientOptions {
        key: None,
        ..world.options()
    };
    assert_eq!(asked(&without).await.unwrap_err().code(), Code::Unauthenticated);
    let stranger = ClientOptions {
        key: Some(Arc::new(other)),
        ..world.options()
    };
    let feed = Follower::start(connect(&stranger).unwrap(), "x", None, Word::Ack, &world.timeline);
    assert_eq!(feed.ended().await.code(), Code::Unauthenticated);
    assert_eq!(world.handle.status().bundle.authz_servers, 0);

    // Configuration streams: with Envoy's token or a fresh one, not with another's.
    let stranger = Key::derive(&[7; 32].into());
    for (token, opens) in [
        (world.key.xds_token(), true),
        (world.key.mint(Timestamp::now()), true),
        (stranger.xds_token(), false),
        (stranger.mint(Timestamp::now()), false),
    ] {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", world.port)).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let mut envoy = Client::over(channel, Some(token), Timeline::default());
        envoy.subscribe(CDS, &[]).await;
        if opens {
            assert!(envoy.is_quiet().await, "open, and nobody decides yet");
        } else {
            assert_eq!(envoy.next_error().await.code(), Code::Unauthenticated);
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_follows_the_secrets_of_the_configuration() {
    let world = World::start(&routes(), None).await;
    let old = Key::derive(&(*b"0123456789abcdef0123456789abcdef").into());
    let new = Key::derive(&[7; 32].into());
    let opens = async |key: &Key| {
        let status = asked_with(&world, &key.mint(Timestamp::now())).await;
        status.code() == Code::Ok
    };
    assert_eq!((opens(&old).await, opens(&new).await), (true, false));
    let mut secrets = world.handle.shared_secrets();
    const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const NEW: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    for (list, first, expected) in [
        (format!("[{OLD}, {NEW}]"), &old, (true, true)),
        (format!("[{NEW}, {OLD}]"), &new, (true, true)),
        (NEW.to_owned(), &new, (false, true)),
    ] {
        let keys = format!("shared_secret: {list}\ncookie_secret: {OLD}\n");
        world.write_with(&keys, &routes());
        let told = time::timeout(Duration::from_secs(10), secrets.changed());
        told.await.expect("it is read").unwrap();
        assert_eq!((opens(&old).await, opens(&new).await), expected, "{list}");
        assert_eq!(world.key.xds_token(), first.xds_token(), "the first makes tokens");
    }
    // What must not take effect changes nothing.
    world.write_with(
        &format!("shared_secret: [{OLD}, x]\ncookie_secret: {OLD}\n"),
        &routes(),
    );
    let told = time::timeout(Duration::from_secs(2), secrets.changed()).await;
    assert!(told.is_err());
    assert_eq!((opens(&old).await, opens(&new).await), (false, true));
    world.stop().await;
}

/// An authority, and what it issues for `127.0.0.1`: certificate and key.
fn authority() -> (String, impl Fn() -> (Vec<u8>, Vec<u8>)) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let issue = move || {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    };
    (pem, issue)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_the_right_authority_needs_no_key() {
    let ((ca, issue), (_, strange)) = (authority(), authority());
    let (chain_pem, key_pem) = issue();
    let tls = ServerTls {
        chain_pem,
        key_pem,
        client_ca_pem: Some(ca.clone().into_bytes()),
    };
    let world = World::start(&routes(), Some(&tls)).await;
    let over = |identity, key| ClientOptions {
        url: Url::parse(&format!("https://127.0.0.1:{}", world.port)).unwrap(),
        ca_pem: Some(ca.clone().into_bytes()),
        identity,
        key,
        plaintext: false,
    };
    let good = over(Some(issue()), None);
    asked(&good).await.unwrap();
    let follower = Follower::start(connect(&good).unwrap(), "one", None, Word::Ack, &world.timeline);
    world.until(|status| status.bundle.acknowledged == 1).await;
    drop(follower);

    // Another authority's certificate, or none, gets no connection, whatever is said on it.
    let key = Some(Arc::clone(&world.key));
    for refused in [over(Some(strange()), key.clone()), over(None, key)] {
        assert!(asked(&refused).await.is_err());
    }
    // Nor does an authz-server believe another control plane.
    let (elsewhere, _) = authority();
    let wary = ClientOptions {
        ca_pem: Some(elsewhere.into_bytes()),
        ..over(Some(issue()), None)
    };
    assert!(asked(&wary).await.is_err());
    asked(&good).await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_alone_authenticates_nobody() {
    let (ca, issue) = authority();
    let (chain_pem, key_pem) = issue();
    let tls = ServerTls {
        chain_pem,
        key_pem,
        client_ca_pem: None,
    };
    let world = World::start(&routes(), Some(&tls)).await;
    let over = |identity, key| ClientOptions {
        url: Url::parse(&format!("https://127.0.0.1:{}", world.port)).unwrap(),
        ca_pem: Some(ca.clone().into_bytes()),
        identity,
        key,
        plaintext: false,
    };
    // A certificate that nobody asked for and nobody verified is worth nothing.
    for anonymous in [over(None, None), over(Some(issue()), None)] {
        assert_eq!(asked(&anonymous).await.unwrap_err().code(), Code::Unauthenticated);
    }
    asked(&over(None, Some(Arc::clone(&world.key)))).await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_unix_socket_the_user_counts_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grpc.sock");
    let own = std::fs::metadata(directory.path()).unwrap().uid();
    let at = |world: &World, key: bool| ClientOptions {
        url: Url::parse(&format!("unix://{}", path.display())).unwrap(),
        key: key.then(|| Arc::clone(&world.key)),
        ..world.options()
    };
    let incoming = Incoming::unix(UnixListener::bind(&path).unwrap());
    let world = World::behind(&routes(), incoming, Some(own), 0);
    asked(&at(&world, true)).await.unwrap();
    assert_eq!(
        asked(&at(&world, false)).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    world.stop().await;
    std::fs::remove_file(&path).unwrap();

    // Root may do everything, so where the tests run as root there is no other user to play.
    let incoming = Incoming::unix(UnixListener::bind(&path).unwrap());
    let world = World::behind(&routes(), incoming, Some(own + 1), 0);
    let answer = asked(&at(&world, true)).await;
    assert_eq!(answer.is_ok(), own == 0, "{answer:?}");
    let refused = world.metric("portcullis_grpc_refused_total{reason=\"another_user\"}");
    assert_eq!(refused.is_some(), own != 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_of_the_protocol_ends_the_feed_and_attaches_nobody() {
    let world = World::start(&routes(), None).await;
    let first = |words: Vec<FollowRequest>| {
        let mut client = BundleFeedClient::new(world.channel());
        async move {
            let stream = client.follow(tokio_stream::iter(words)).await;
            let mut stream = match stream {
                Ok(stream) => stream.into_inner(),
                Err(status) => return status.code(),
            };
            loop {
                match stream.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return Code::Ok,
                    Err(status) => return status.code(),
                }
            }
        }
    };
    let ack = |version: &str| {
        say(Kind::Ack(Ack {
            version: version.to_owned(),
        }))
    };
    let long = "x".repeat(129);
    for words in [
        vec![ack("x")],
        vec![FollowRequest { kind: None }],
        vec![],
        vec![hello("", None)],
        vec![hello("a b", None)],
        vec![hello("a\nb", None)],
        vec![hello(&long, None)],
        vec![hello("a", Some(long.clone()))],
        vec![hello("a", None), hello("a", None)],
        vec![hello("a", None), ack("never given")],
    ] {
        let code = first(words.clone()).await;
        assert_eq!(code, Code::InvalidArgument, "{words:?}");
    }
    let liar = Follower::start(world.channel(), "liar", None, Word::Lie, &world.timeline);
    assert_eq!(liar.ended().await.code(), Code::InvalidArgument);
    world.until(|status| status.bundle.authz_servers == 0).await;
    assert_eq!(world.handle.status().xds.version, None, "nobody ever decided");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_is_not_waited_for() {
    let world = World::start(&routes(), None).await;
    let mut client = BundleFeedClient::new(world.channel());
    let begun = time::Instant::now();
    let mut stream = client.follow(tokio_stream::pending()).await.unwrap().into_inner();
    let ended = time::timeout(Duration::from_secs(10), stream.message()).await;
    assert_eq!(
        ended.expect("it waits").unwrap_err().code(),
        Code::DeadlineExceeded
    );
    assert!(begun.elapsed() >= Duration::from_secs(4));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_an_admitted_call_is_closed() {
    use tokio::io::AsyncReadExt as _;
    let world = World::start(&routes(), None).await;
    let mut idle = tokio::net::TcpStream::connect(("127.0.0.1", world.port))
        .await
        .unwrap();
    let known = connect(&world.options()).unwrap();
    let mut store = RecordStoreClient::new(known);
    store.get(get()).await.unwrap();
    let closed = time::timeout(Duration::from_secs(15), async {
        let mut buffer = [0; 1024];
        while idle.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    });
    assert!(closed.await.is_ok(), "it stays open");
    // One that was let in stays.
    store.get(get()).await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_authz_servers_are_refused() {
    let world = World::start(&routes(), None).await;
    let channel = world.channel();
    let all: Vec<Follower> = (0..256)
        .map(|n| Follower::start(channel.clone(), &n.to_string(), None, Word::Ack, &world.timeline))
        .collect();
    world.until(|status| status.bundle.acknowledged == 256).await;
    let one_more = Follower::start(channel, "more", None, Word::Ack, &world.timeline);
    assert_eq!(one_more.ended().await.code(), Code::ResourceExhausted);
    drop(all.into_iter().map(Follower::vanish).collect::<Vec<_>>());
    world.until(|status| status.bundle.authz_servers == 0).await;
    world.stop().await;
}
