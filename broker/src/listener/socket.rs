//! Listening sockets.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel holds until a worker accepts them; a wave of reconnects must fit.
const BACKLOG: i32 = 4_096;

/// One listening socket a worker, on one port. Fails if the port is taken, be it by another
/// program with SO_REUSEPORT.
pub fn bind_group(address: SocketAddr, workers: usize) -> io::Result<Vec<std::net::TcpListener>> {
    // Without SO_REUSEPORT the kernel refuses a port that is in use. It also finds the port when
    // the setting says 0.
    let address = {
        let probe = open(address, false)?;
        probe.local_addr()?.as_socket().unwrap_or(address)
    };
    (0..workers.max(1))
        .map(|_| {
            let socket = open(address, true)?;
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        })
        .collect()
}

fn open(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A port in TIME_WAIT from our own last run is not taken.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_shares_a_port_that_nobody_else_can_have() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let group = bind_group(any, 3).expect("a free port");
        let address = group[0].local_addr().expect("bound");
        assert!(
            group
                .iter()
                .all(|one| one.local_addr().expect("bound") == address)
        );
        let second = bind_group(address, 1).expect_err("the port is taken");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
    }
}
