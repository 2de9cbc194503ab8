//! What the program's HTTP servers share: connections within limits, and the names by which this
//! computer is asked for.

pub(crate) mod host;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// How long a client may take to ask: one that does not holds a place that others need.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most bytes of a request's head.
const LONGEST_HEAD: usize = 16 * 1024;

/// After an error that may last, such as too many open files.
const REST: Duration = Duration::from_millis(100);

/// How long the end of a run waits until those who are connected have been told of it.
pub(crate) const CLOSES: Duration = Duration::from_millis(300);

/// How many clients a server has, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at the same time; those that are more are closed at once.
    pub(crate) connections: usize,
    /// How long a connection may last that has not become a WebSocket.
    pub(crate) lasts: Duration,
}

/// Both ends of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) here: SocketAddr,
    pub(crate) there: SocketAddr,
}

/// A runtime of one thread, and `door` within it.
///
/// # Errors
/// The system refuses.
pub(crate) fn async_listener(
    door: std::net::TcpListener,
) -> std::io::Result<(tokio::runtime::Runtime, TcpListener)> {
    door.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let within = runtime.enter();
    let door = TcpListener::from_std(door)?;
    drop(within);
    Ok((runtime, door))
}

/// Has `router` answer whoever comes to `door`, until `over` changes. `ready` may read what comes
/// first. A handler finds the [`Ends`] of the connection among the extensions of its request.
pub(crate) async fn serve<R, F, S>(
    door: TcpListener,
    router: Router,
    limits: Limits,
    mut over: watch::Receiver<bool>,
    ready: R,
) where
    R: Fn(TcpStream) -> F,
    F: Future<Output = S> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            accepted = door.accept() => accepted,
            _ = over.changed() => return,
        };
        let (stream, there) = match accepted {
            Ok(accepted) => accepted,
            Err(_) => {
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let (Ok(here), Ok(place)) = (stream.local_addr(), places.clone().try_acquire_owned())
        else {
            continue;
        };
        // Small messages leave at once.
        let _ = stream.set_nodelay(true);
        let service = router.clone().layer(Extension(Ends { here, there }));
        let ready = ready(stream);
        tokio::spawn(async move {
            if let Ok(stream) = timeout(PATIENCE, ready).await {
                let answers = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .max_buf_size(LONGEST_HEAD)
                    .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
                    .with_upgrades();
                // A client that leaves, or asks for nonsense, is none any more.
                let _ = timeout(limits.lasts, answers).await;
            }
            drop(place);
        });
    }
}
