//! Asking a broker whether it is there.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(1);

/// Whether `GET path` on `port` of this machine is answered with 200.
pub fn is_ok(port: u16, path: &str) -> bool {
    status(port, path).is_ok_and(|status| status == *b"200")
}

fn status(port: u16, path: &str) -> std::io::Result<[u8; 3]> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut answer)?;
    let [.., a, b, c] = answer;
    Ok([a, b, c])
}
