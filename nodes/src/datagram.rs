//! A socket that sends datagrams and never waits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// A socket from which packets can be sent to `to`, also where that is the address of a whole
/// network, such as 192.168.1.255. Sending through it never waits.
///
/// # Errors
/// The system has no socket for it.
pub(crate) fn open(to: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_nonblocking(true)?;
    if to.is_ipv4() {
        socket.set_broadcast(true)?;
    }
    Ok(socket)
}
