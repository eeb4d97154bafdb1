use super::*;
use futures::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::unconstrained;

/// So many connections, accepted one after the other, and the clients' ends.
async fn opened(number: usize) -> (Vec<Connection<DuplexStream>>, Vec<DuplexStream>) {
    let (ours, clients): (Vec<_>, Vec<_>) = (0..number).map(|_| duplex(64)).unzip();
    let connections = bounded(stream::iter(ours.into_iter().map(Ok)));
    (connections.map(io::Result::unwrap).collect().await, clients)
}

/// Whether the connection still stands, for a client that has said nothing.
fn stands(connection: &mut Connection<DuplexStream>) -> bool {
    unconstrained(connection.read_u8()).now_or_never().is_none()
}

#[tokio::test(start_paused = true)]
async fn the_oldest_makes_room_whether_it_has_asked_or_not() {
    let (mut connections, _clients) = opened(MAX_CONNECTIONS).await;
    assert!(connections.iter_mut().all(stands));
    let (mut connections, _clients) = opened(MAX_CONNECTIONS + 10).await;
    for connection in &connections {
        connection.asker.has_asked();
    }
    let (given_up, kept) = connections.split_at_mut(10);
    assert!(!given_up.iter_mut().any(stands));
    assert!(kept.iter_mut().all(stands));
}

#[tokio::test(start_paused = true)]
async fn those_that_are_closed_count_for_nothing() {
    let (ours, _clients): (Vec<_>, Vec<_>) = (0..3 * MAX_CONNECTIONS).map(|_| duplex(64)).unzip();
    let mut connections = Box::pin(bounded(stream::iter(ours.into_iter().map(Ok))));
    let mut first = connections.next().await.unwrap().unwrap();
    for _ in 0..2 * MAX_CONNECTIONS {
        drop(connections.next().await.unwrap().unwrap());
    }
    assert!(stands(&mut first));
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_nothing_has_its_time_and_no_more() {
    let (mut connections, mut clients) = opened(3).await;
    let [silent, deaf, asking] = &mut connections[..] else {
        panic!("three");
    };
    asking.asker.has_asked();
    assert_eq!(
        silent.read_u8().await.unwrap_err().kind(),
        io::ErrorKind::TimedOut
    );
    // Nobody reads from a connection while it must write.
    let written = deaf.write_all(&[0; 1000]).await;
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    clients[2].write_u8(7).await.unwrap();
    assert_eq!(asking.read_u8().await.unwrap(), 7);
    assert!(stands(asking));
}
