//! Connects to the socket of a run, and never waits for one that has stopped.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

/// Connects to the socket at `path`, and does not wait where the program behind it has stopped and
/// takes no callers any more. The stream blocks, as that of [`UnixStream::connect`].
///
/// # Errors
/// Nobody listens there, or nobody takes callers ([`io::ErrorKind::WouldBlock`]).
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::from(socket()?);
    stream.set_nonblocking(true)?;
    rustix::net::connect(&stream, &SocketAddrUnix::new(path)?)?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// A socket that no program has which is started from here, not even one that starts meanwhile.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn socket() -> io::Result<OwnedFd> {
    let closes = rustix::net::SocketFlags::CLOEXEC;
    let stream = SocketType::STREAM;
    Ok(rustix::net::socket_with(
        AddressFamily::UNIX,
        stream,
        closes,
        None,
    )?)
}

/// A socket that programs which are started from here do not have. Where whoever listens is gone,
/// writing to it is an error and no signal, as with [`UnixStream::connect`].
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn socket() -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_program_that_takes_no_callers_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.sock");
        let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        assert!(connect(&path).is_err());
        rustix::net::listen(&listener, 0).unwrap();
        let mut waiting = Vec::new();
        let why = loop {
            match connect(&path) {
                Ok(stream) => waiting.push(stream),
                Err(why) => break why,
            }
        };
        assert_eq!(why.kind(), io::ErrorKind::WouldBlock);
        assert!(!waiting.is_empty());
    }
}
