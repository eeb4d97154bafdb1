use futures::{FutureExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::unconstrained;

use super::*;

/// One end of a pipe as an accepted connection.
struct Pipe(DuplexStream);

impl Connected for Pipe {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer {
            address: None,
            uid: None,
            certified: false,
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn one() -> (Connection<Pipe>, DuplexStream) {
    let (incoming, mut clients) = waiting(1);
    (next(&mut Box::pin(incoming)).unwrap(), clients.remove(0))
}

async fn waited<T: core::fmt::Debug>(outcome: impl Future<Output = io::Result<T>>) -> Duration {
    let began = time::Instant::now();
    assert_eq!(outcome.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_stranger_has_its_time_and_no_more() {
    let (mut connection, _client) = one();
    let took = waited(connection.read_u8()).await;
    assert!(took >= MAX_UNKNOWN && took < MAX_UNKNOWN * 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_does_not_read_has_no_more_time() {
    let (mut connection, _client) = one();
    // Nobody reads from the connection here: HTTP/2 does not while it must write.
    let took = waited(connection.write_all(&[0; 1000])).await;
    assert!(took >= MAX_UNKNOWN && took < MAX_UNKNOWN * 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_known_stays_but_must_read() {
    let (mut connection, mut client) = one();
    connection.connect_info().admit();
    time::timeout(Duration::from_secs(3600), connection.read_u8())
        .await
        .unwrap_err();
    // One that reads slowly is no trouble …
    let reader = tokio::spawn(async move {
        for _ in 0..10 {
            time::sleep(MAX_STALL / 2).await;
            client.read_exact(&mut [0; 64]).await.unwrap();
        }
        client
    });
    connection.write_all(&[0; 640]).await.unwrap();
    let _client = reader.await.unwrap();
    // … one that has stopped is.
    let took = waited(connection.write_all(&[0; 1000])).await;
    assert!(took >= MAX_STALL && took < MAX_STALL * 2, "{took:?}");
}

/// `number` clients that wait to be accepted, and their own ends.
fn waiting(
    number: usize,
) -> (
    impl Stream<Item = io::Result<Connection<Pipe>>>,
    Vec<DuplexStream>,
) {
    let (ours, clients): (Vec<_>, Vec<_>) = (0..number).map(|_| duplex(64)).unzip();
    (
        bounded(stream::iter(ours.into_iter().map(|end| Ok(Pipe(end))))),
        clients,
    )
}

/// The next connection, if it is accepted at once.
fn next(
    incoming: &mut (impl Stream<Item = io::Result<Connection<Pipe>>> + Unpin),
) -> Option<Connection<Pipe>> {
    let next = unconstrained(incoming.next()).now_or_never()?;
    Some(next.unwrap().unwrap())
}

/// Whether the connection still stands, for a client that has said nothing.
fn stands(connection: &mut Connection<Pipe>) -> bool {
    unconstrained(connection.read_u8()).now_or_never().is_none()
}

#[tokio::test(start_paused = true)]
async fn the_oldest_stranger_makes_room() {
    let (incoming, _clients) = waiting(MAX_STRANGERS + 2);
    let mut incoming = Box::pin(incoming);
    let mut known = next(&mut incoming).unwrap();
    let mut oldest = next(&mut incoming).unwrap();
    let mut others: Vec<_> = (0..MAX_STRANGERS - 1)
        .map(|_| next(&mut incoming).unwrap())
        .collect();
    // Whoever has said who it is counts no more; then there is one too many.
    known.connect_info().admit();
    assert!(stands(&mut oldest));
    let mut newest = next(&mut incoming).unwrap();
    assert!(!stands(&mut oldest));
    assert!(stands(&mut known) && stands(&mut newest));
    assert!(others.iter_mut().all(stands));
}

#[tokio::test(start_paused = true)]
async fn no_more_than_so_many_are_open() {
    let (incoming, _clients) = waiting(MAX_CONNECTIONS + 1);
    let mut incoming = Box::pin(incoming);
    let mut open: Vec<_> = (0..MAX_CONNECTIONS)
        .map(|_| {
            let connection = next(&mut incoming).unwrap();
            connection.connect_info().admit();
            connection
        })
        .collect();
    assert!(next(&mut incoming).is_none());
    open.pop();
    assert!(next(&mut incoming).is_some());
}
