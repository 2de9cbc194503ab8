//! The only way of ffmpeg to the network: a proxy on this machine that asks [`Reach`] about each
//! host, by the address that it then connects to. So neither a redirect, nor a playlist, nor a name
//! that resolves to another address later gets past it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use score_engine::NodeError;

use super::reach::{Reach, public};

/// Bytes that a request's head may have.
const LONGEST_HEAD: usize = 64 << 10;

/// How long a host may take to answer a connection.
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);

/// A connection that is silent for this long is closed; ffmpeg has been restarted long before.
const SILENCE: Duration = Duration::from_secs(120);

/// A proxy that listens until it is dropped.
pub(crate) struct Gate {
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    reach: Reach,
    /// The host that the patch names.
    host: String,
    /// Whether that host was public when it was first found.
    is_public: Mutex<Option<bool>>,
    /// Why a host was refused last.
    refusal: Mutex<Option<String>>,
    closed: AtomicBool,
}

impl Gate {
    /// Begins to listen, for a stream of `host`.
    ///
    /// # Errors
    /// The system gives no port or no thread.
    pub(crate) fn open(host: &str, hosts: &[String]) -> Result<Self, NodeError> {
        let failed = |error: io::Error| {
            NodeError::internal(format!("the stream's network cannot be guarded: {error}"))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            reach: Reach::new(host, hosts),
            host: host.to_owned(),
            is_public: Mutex::default(),
            refusal: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let listening = shared.clone();
        std::thread::Builder::new()
            .name("stream gate".into())
            .spawn(move || listen(&listener, &listening))
            .map_err(failed)?;
        Ok(Gate { shared, address })
    }

    /// Its address, as ffmpeg takes one for a proxy.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Why a host was refused since this was last asked.
    pub(crate) fn take_refusal(&self) -> Option<String> {
        lock(&self.shared.refusal).take()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        // Wakes the one who listens.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.closed.load(Ordering::Acquire) {
            return;
        }
        let (Ok(client), shared) = (client, shared.clone()) else {
            continue;
        };
        // Ends with its connection. Without a thread, ffmpeg sees a connection that breaks off.
        let serves = std::thread::Builder::new().name("stream gate".into());
        drop(serves.spawn(move || serve(client, &shared)));
    }
}

/// Answers one request, and passes on what comes of it.
fn serve(mut client: TcpStream, shared: &Shared) {
    let _ = client.set_read_timeout(Some(SILENCE));
    let Some(request) = Request::read(&mut client) else {
        return;
    };
    let server = match shared.connect(&request.host, request.port) {
        Ok(server) => server,
        Err(why) => {
            *lock(&shared.refusal) = Some(why);
            let _ = client.write_all(
                b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
            return;
        }
    };
    let mut server = server;
    let greeted = match &request.forward {
        Some(head) => server.write_all(head),
        None => client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n"),
    };
    if greeted.is_err() {
        return;
    }
    let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let upwards = std::thread::Builder::new().name("stream gate".into());
    drop(upwards.spawn(move || pass_on(from_client, to_server)));
    pass_on(server, client);
}

/// Passes on what comes until one side has enough.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let _ = from.set_read_timeout(Some(SILENCE));
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

impl Shared {
    /// Connects to the first address of a host that may be reached.
    fn connect(&self, host: &str, port: u16) -> Result<TcpStream, String> {
        let unreachable = |why: &dyn std::fmt::Display| format!("{host} cannot be reached: {why}");
        let found = (host, port).to_socket_addrs();
        let addresses: Vec<SocketAddr> = found.map_err(|why| unreachable(&why))?.collect();
        let is_public = {
            let mut known = lock(&self.is_public);
            if known.is_none() && host.eq_ignore_ascii_case(&self.host) {
                *known = addresses.first().map(|address| public(address.ip()));
            }
            *known
        };
        let mut why = unreachable(&"it has no address");
        for address in addresses {
            if let Err(refused) = self.reach.judge(host, address.ip(), is_public) {
                why = refused;
                continue;
            }
            match TcpStream::connect_timeout(&address, CONNECTS_WITHIN) {
                Ok(server) => {
                    let _ = server.set_nodelay(true);
                    return Ok(server);
                }
                Err(error) => why = unreachable(&error),
            }
        }
        Err(why)
    }
}

/// What ffmpeg asks a proxy for.
struct Request {
    host: String,
    port: u16,
    /// What is said to the host; none where ffmpeg speaks to it itself, through a tunnel.
    forward: Option<Vec<u8>>,
}

impl Request {
    /// Reads a request's head and not a byte more.
    fn read(client: &mut TcpStream) -> Option<Request> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > LONGEST_HEAD || client.read(&mut byte).ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        Request::parse(str::from_utf8(&head).ok()?)
    }

    fn parse(head: &str) -> Option<Request> {
        let (line, fields) = head.split_once("\r\n")?;
        let [method, target, version] = line.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        if method == "CONNECT" {
            let (host, port) = host_and_port(target, None)?;
            return Some(Request {
                host,
                port,
                forward: None,
            });
        }
        let rest = target.strip_prefix("http://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority, Some(80))?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        // One connection, one request: the next may be for another host.
        let mut forward = format!("{method} {slash}{path} {version}\r\nConnection: close\r\n");
        for field in fields.split("\r\n").filter(|field| !field.is_empty()) {
            let name = field.split(':').next().unwrap_or_default().trim();
            let is_for_proxy = ["connection", "proxy-connection", "proxy-authorization"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own));
            if !is_for_proxy {
                forward.push_str(field);
                forward.push_str("\r\n");
            }
        }
        forward.push_str("\r\n");
        Some(Request {
            host,
            port,
            forward: Some(forward.into_bytes()),
        })
    }
}

/// `host:8080`, `[::1]:80`, `me:secret@host`: the host and the port, or the `usual` one.
pub(super) fn host_and_port(authority: &str, usual: Option<u16>) -> Option<(String, u16)> {
    let place = authority.rsplit('@').next()?;
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match place.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => usual?,
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_a_proxy_is_taken_apart() {
        let get = Request::parse(
            "GET http://me:pw@host:81/a?b HTTP/1.1\r\nHost: host:81\r\nConnection: keep-alive\r\n\r\n",
        )
        .unwrap();
        assert_eq!((get.host.as_str(), get.port), ("host", 81));
        let forward = String::from_utf8(get.forward.unwrap()).unwrap();
        assert_eq!(
            forward,
            "GET /a?b HTTP/1.1\r\nConnection: close\r\nHost: host:81\r\n\r\n"
        );
        let tunnel = Request::parse("CONNECT [::1]:443 HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!((tunnel.host.as_str(), tunnel.port), ("::1", 443));
        assert!(tunnel.forward.is_none());
        for wrong in [
            "GET /a HTTP/1.1\r\n\r\n",
            "GET ftp://host/ HTTP/1.1\r\n\r\n",
            "CONNECT host HTTP/1.1\r\n\r\n",
            "GET http://host:99999/ HTTP/1.1\r\n\r\n",
            "GET http:///a HTTP/1.1\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert!(Request::parse(wrong).is_none(), "{wrong}");
        }
    }
}
