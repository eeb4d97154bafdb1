use core::time::Duration;
use std::sync::{Arc, Mutex};

use futures::stream;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tonic::{Request, Response, Status};
use url::Url;

use super::{Incoming, MAX_HANDSHAKES, Peer, ServerTls, TlsError};
use crate::channel::{ClientOptions, PemError, connect};
use crate::store::{
    DeleteRequest, DeleteResponse, GetRequest, GetResponse, PutRequest, PutResponse, QueryRequest,
    QueryResponse, RecordStore, RecordStoreClient, RecordStoreServer, SyncRequest, WireEvent,
};

/// Notes who calls, and answers a get alone.
#[derive(Clone, Default)]
struct Doorman(Arc<Mutex<Option<Peer>>>);

#[tonic::async_trait]
impl RecordStore for Doorman {
    type SyncStream = stream::Empty<Result<WireEvent, Status>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        *self.0.lock().unwrap() = request.extensions().get::<Peer>().cloned();
        Ok(Response::new(GetResponse::default()))
    }
    async fn put(&self, _: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn delete(&self, _: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn query(&self, _: Request<QueryRequest>) -> Result<Response<QueryResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn sync(&self, _: Request<SyncRequest>) -> Result<Response<Self::SyncStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

fn serve(incoming: Incoming) -> Doorman {
    let doorman = Doorman::default();
    let service = RecordStoreServer::new(doorman.clone());
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );
    doorman
}

/// One call; who the server says it came from.
async fn call(doorman: &Doorman, options: &ClientOptions) -> Result<Peer, Status> {
    let mut client = RecordStoreClient::new(connect(options).unwrap());
    client.get(GetRequest::default()).await?;
    Ok(doorman.0.lock().unwrap().take().unwrap())
}

fn options(url: &str) -> ClientOptions {
    ClientOptions {
        url: Url::parse(url).unwrap(),
        ca_pem: None,
        identity: None,
        key: None,
        plaintext: false,
    }
}

/// An authority for one test.
struct Authority(Issuer<'static, KeyPair>, Vec<u8>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem().into_bytes();
        Self(Issuer::new(params, key), pem)
    }

    /// Chain and key, both PEM.
    fn leaf(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.0).unwrap().pem();
        (chain.into_bytes(), key.serialize_pem().into_bytes())
    }
}

async fn serve_tls(authority: &Authority, clients: Option<&Authority>) -> (Doorman, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (chain_pem, key_pem) = authority.leaf("localhost");
    let tls = ServerTls {
        chain_pem,
        key_pem,
        client_ca_pem: clients.map(|authority| authority.1.clone()),
    };
    let tls = tls.config(&[b"h2"]).unwrap();
    (serve(Incoming::tcp(listener, Some(tls))), url)
}

#[tokio::test]
async fn plain_tcp_and_unix_sockets_tell_who_calls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let doorman = serve(Incoming::tcp(listener, None));
    let peer = call(&doorman, &options(&url)).await.unwrap();
    assert!(peer.address.unwrap().ip().is_loopback() && peer.uid.is_none() && !peer.certified);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grpc.sock");
    let doorman = serve(Incoming::unix(UnixListener::bind(&path).unwrap()));
    let peer = call(&doorman, &options(&format!("unix://{}", path.display())))
        .await
        .unwrap();
    assert!(peer.address.is_none() && peer.uid.is_some() && !peer.certified);
}

#[tokio::test]
async fn tls_lets_in_only_who_trusts_the_authority() {
    let authority = Authority::new();
    let (doorman, url) = serve_tls(&authority, None).await;
    let trusting = ClientOptions {
        ca_pem: Some(authority.1.clone()),
        ..options(&url)
    };
    let peer = call(&doorman, &trusting).await.unwrap();
    assert!(!peer.certified);
    let other = ClientOptions {
        ca_pem: Some(Authority::new().1),
        ..options(&url)
    };
    call(&doorman, &other).await.unwrap_err();
    // The name counts, too.
    let elsewhere = ClientOptions {
        ca_pem: Some(authority.1.clone()),
        ..options(&url.replace("localhost", "127.0.0.1"))
    };
    call(&doorman, &elsewhere).await.unwrap_err();
    // And nobody speaks to it in the clear.
    call(&doorman, &options(&url.replace("https", "http")))
        .await
        .unwrap_err();
}

#[tokio::test]
async fn mutual_tls_lets_in_only_whom_the_authority_knows() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let (doorman, url) = serve_tls(&authority, Some(&clients)).await;
    let with = |identity| ClientOptions {
        ca_pem: Some(authority.1.clone()),
        identity,
        ..options(&url)
    };
    let known = call(&doorman, &with(Some(clients.leaf("authz-1"))))
        .await
        .unwrap();
    assert!(known.certified);
    call(&doorman, &with(None)).await.unwrap_err();
    call(&doorman, &with(Some(authority.leaf("authz-1"))))
        .await
        .unwrap_err();
    assert!(doorman.0.lock().unwrap().is_none(), "nothing came through");
}

#[tokio::test]
async fn who_never_shakes_hands_holds_up_nobody() {
    let authority = Authority::new();
    let (doorman, url) = serve_tls(&authority, None).await;
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let mut silent = Vec::new();
    for _ in 0..MAX_HANDSHAKES + 20 {
        silent.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let mut rude = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    rude.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let trusting = ClientOptions {
        ca_pem: Some(authority.1.clone()),
        ..options(&url)
    };
    tokio::time::timeout(Duration::from_secs(3), call(&doorman, &trusting))
        .await
        .expect("it is served at once")
        .unwrap();
}

#[test]
fn material_that_is_of_no_use_is_named() {
    let authority = Authority::new();
    let ((chain_pem, key_pem), (_, other_key)) = (authority.leaf("a"), authority.leaf("a"));
    let tls = |chain_pem: &[u8], key_pem: &[u8]| ServerTls {
        chain_pem: chain_pem.to_vec(),
        key_pem: key_pem.to_vec(),
        client_ca_pem: None,
    };
    tls(&chain_pem, &key_pem).config(&[b"h2"]).unwrap();
    for (bad, expected) in [
        (tls(b"", &key_pem), PemError::Certificate),
        (tls(&chain_pem, b""), PemError::PrivateKey),
        (tls(&chain_pem, &other_key), PemError::Mismatch),
    ] {
        let error = bad.config(&[b"h2"]).unwrap_err();
        assert!(matches!(error, TlsError::Pem(pem) if pem == expected), "{error}");
    }
}
