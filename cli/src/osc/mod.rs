//! A run that other programs on a network steer and watch: by OSC over UDP, and by OSCQuery over
//! HTTP and WebSockets on the same port.
//!
//! The protocol is Vidvox's OSCQuery proposal
//! (<https://github.com/Vidvox/OSCQueryProposal>). It has no login, so it is off unless asked for,
//! lets no web page read or set anything, and reaches nothing but live values.

mod announce;
mod filter;
mod http;
mod last_setters;
mod listener;
mod namespace;
mod receive;
mod state;
mod value;

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use score_engine::Steering;
use tokio::sync::watch;

use crate::failure::Failure;
use crate::web;
use announce::Announcement;
pub(crate) use state::OscState;

/// How often another port is tried where the system chooses one.
const TRIES: usize = 20;

/// Bytes that the system is asked to keep of packets which gather. It allows less where
/// `net.core.rmem_max` says so, on Linux usually enough for 500 packets, twice as many as without.
const ROOM: usize = 1 << 20;

/// How often the thread that receives looks whether the run has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The doors of a run for OSC and OSCQuery. They are closed with this value.
pub(crate) struct OscServer {
    is_over: Arc<AtomicBool>,
    over: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    announcement: Option<Announcement>,
}

impl OscServer {
    /// Opens both doors at `address` and answers on threads of their own.
    ///
    /// # Errors
    /// The address or the port cannot be had, or the system refuses a thread.
    pub(crate) fn start(
        address: SocketAddr,
        steering: Steering,
        patch: &Path,
    ) -> Result<OscServer, Failure> {
        let failed = |error: std::io::Error| {
            Failure::Message(format!(
                "OSC cannot be received at {address}: {error}; choose another port with --osc"
            ))
        };
        let (tcp, udp) = bind(address).map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        let name = patch.file_stem().unwrap_or_default().to_string_lossy();
        let state = Arc::new(OscState::new(steering, &name, address));
        udp.set_read_timeout(Some(POLL_INTERVAL)).map_err(failed)?;
        // What fails from here on has nothing to do with the port.
        let refused = |error: std::io::Error| {
            Failure::Message(format!(
                "OSC and OSCQuery at {address} cannot be served ({error})"
            ))
        };
        let (over, ends) = watch::channel(false);
        // Dropped on the way, it ends the threads that have begun.
        let mut server = OscServer {
            is_over: Arc::default(),
            over,
            threads: Vec::new(),
            announcement: None,
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let (shared, is_over) = (state.clone(), server.is_over.clone());
        let receives = thread("osc").spawn(move || {
            receive::receive(&udp, &shared, || is_over.load(Ordering::Relaxed));
        });
        server.threads.push(receives.map_err(refused)?);
        let (runtime, tcp) = web::async_listener(tcp).map_err(refused)?;
        let answers =
            thread("osc query").spawn(move || runtime.block_on(http::serve(tcp, state, ends)));
        server.threads.push(answers.map_err(refused)?);
        server.announcement = Announcement::make(&name, address);
        tracing::info!(%address, "OSC is received, and OSCQuery answers, at this address");
        Ok(server)
    }
}

impl Drop for OscServer {
    fn drop(&mut self) {
        self.announcement = None;
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.over.send(true);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Both doors, with the same number.
fn bind(address: SocketAddr) -> std::io::Result<(std::net::TcpListener, UdpSocket)> {
    let mut tries = 0;
    loop {
        tries += 1;
        let tcp = std::net::TcpListener::bind(address)?;
        match UdpSocket::bind(tcp.local_addr()?) {
            Ok(udp) => {
                // Without more room only fewer may come at once.
                let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&udp, ROOM);
                return Ok((tcp, udp));
            }
            // What the system chose for one may be taken for the other.
            Err(_) if address.port() == 0 && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

/// Takes in `bytes` as a packet, and as what a listener says.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(state: &OscState, bytes: &[u8]) {
    receive::take_at_once(bytes, state, 1);
    listener::obey(bytes, state);
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use score_engine::{Live, LiveOptions, Settings};

    use super::*;

    static STATE: LazyLock<OscState> = LazyLock::new(|| {
        let live = Live::new(&Settings::default(), LiveOptions::default());
        OscState::new(
            live.steering(),
            "show",
            SocketAddr::from(([127, 0, 0, 1], 9)),
        )
    });

    proptest! {
        #[test]
        fn any_packet_is_taken_or_left(bytes: Vec<u8>, address in "/[a-z*?{,}\\[\\]/#]{0,30}", tags in ",[ifsbTFNItdSrhcm\\[\\]]{0,8}") {
            fuzz(&STATE, &bytes);
            let padded = |text: &str| {
                let length = text.len() / 4 * 4 + 4;
                let mut padded = text.as_bytes().to_vec();
                padded.resize(length, 0);
                padded
            };
            let packet = [padded(&address), padded(&tags), bytes].concat();
            fuzz(&STATE, &packet);
        }
    }
}
