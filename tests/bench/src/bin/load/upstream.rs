//! The upstream: the same answer to every request.

use portcullis_bench::address::Address;
use portcullis_bench::rpc::Failure;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";
const END: &[u8] = b"\r\n\r\n";

/// Serves until killed.
pub(crate) async fn serve(address: &Address) -> Result<(), Failure> {
    let Address::Tcp(address) = address else {
        return Err("the upstream listens on TCP".into());
    };
    let listener = TcpListener::bind(address).await?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // The peer's way to end a connection.
            let _ = answer(stream).await;
        });
    }
}

/// Requests without bodies, one after the other.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        buffer.clear();
        while !buffer.ends_with(END) {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        stream.write_all(ANSWER).await?;
    }
}
