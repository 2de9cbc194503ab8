//! The page of a run: what plays, seen, turned and edited in a browser.
//!
//! `server` answers requests, each of which passes `access`; `hub` looks at the run for all open
//! pages together; `socket` is one page; `editing` checks and saves the patch's text. The files of
//! the page are in `assets`. Nothing here makes the run wait: values are set and outputs are looked
//! at through [`Steering`], and the status is the one that the run has published last.

mod access;
mod assets;
mod editing;
mod health;
mod hub;
mod links;
mod plan;
mod seal;
mod server;
mod socket;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use score_engine::{Override, Registry, Settings, Steering};
use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) use access::Right;
pub(crate) use links::Links;

use self::access::Access;
use self::editing::Editing;
use self::hub::Hub;
use crate::arguments::PageDoor;
use crate::command::write_back::write_back;
use crate::failure::Failure;
use crate::remote::protocol::{Address, Refusal, Request};
use crate::remote::{Published, Remote};
use crate::web;

/// The port, where none is named: SONG on the keys of a telephone.
pub(crate) const PORT: u16 = 7664;

/// What writes values into the patch's file.
pub(crate) struct Writer {
    /// The patch.
    pub(crate) patch: PathBuf,
    /// The kinds that it may use.
    pub(crate) kinds: Box<dyn Fn() -> Registry + Send + Sync>,
    /// Those of them that are the program's own.
    pub(crate) built_in: Registry,
    /// The values of the command line.
    pub(crate) overrides: Vec<Override>,
    pub(crate) settings: Settings,
}

/// The run that a page shows.
pub(crate) struct Shown {
    pub(crate) steering: Steering,
    pub(crate) published: Published,
    pub(crate) writer: Writer,
}

/// The page of a run. It is closed with this value.
pub(crate) struct PageServer {
    over: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    /// Where it is.
    pub(crate) base: String,
    /// The address that lets in the first browser.
    pub(crate) address: String,
}

impl PageServer {
    /// Serves the page on a thread of its own. `tell` says each next one-time address.
    ///
    /// # Errors
    /// The port cannot be had, or a secret cannot be made.
    pub(crate) fn start(
        door: &PageDoor,
        shown: Shown,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<PageServer, Failure> {
        let ip = door.listen.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let failed = |error: std::io::Error| {
            let port = door.page.flatten().unwrap_or(PORT);
            Failure::Message(format!(
                "the page cannot be served at {}: {error}; choose another port with --page",
                SocketAddr::from((ip, port))
            ))
        };
        let listener = bind(ip, door.page.flatten()).map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        let folder = crate::folders::of_user();
        let hosts = door.page_host.clone();
        let access = Access::new(folder.as_deref(), at.port(), hosts, door.page_edit);
        let access = access.map_err(failed)?;
        let beyond = !at.ip().is_loopback();
        if beyond {
            tracing::warn!(
                "the page is open to the network without encryption: whoever can listen there can \
                 read along, and use the links that are opened there; see docs/studio.md for HTTPS"
            );
        }
        let url = move |secret: &str| format!("{}/enter#{secret}", base(at));
        let address = url(&access.once().map_err(failed)?);
        let (over, ends) = watch::channel(false);
        let Shown {
            steering,
            published,
            writer,
        } = shown;
        let remote = Remote::new(steering.clone(), published.clone(), &writer.patch);
        let name = writer.patch.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let editing = Arc::new(Editing::new(writer));
        let hub = Arc::new(Hub::new(steering, published, remote, editing, name));
        let shared = server::Shared {
            access,
            hub: hub.clone(),
            over: ends.clone(),
            tell_address: Box::new(move |secret: &str| tell(&url(secret))),
            pages: Arc::default(),
        };
        let (runtime, listener) = web::async_listener(listener).map_err(failed)?;
        let thread = std::thread::Builder::new().name("page".to_owned());
        let serve = move || {
            runtime.block_on(async move {
                tokio::spawn(hub.look(ends));
                server::serve(listener, shared).await;
            });
        };
        Ok(PageServer {
            over,
            thread: Some(thread.spawn(serve).map_err(failed)?),
            base: base(at),
            address,
        })
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        let _ = self.over.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Where browsers find the page.
fn base(at: SocketAddr) -> String {
    let is_everywhere = at.ip().is_unspecified();
    match web::host::host_name().filter(|_| is_everywhere) {
        Some(name) => format!("http://{name}.local:{}", at.port()),
        None => format!("http://{at}"),
    }
}

/// The port that is named; else the usual one, or another where that is taken.
fn bind(ip: IpAddr, port: Option<u16>) -> std::io::Result<TcpListener> {
    match port {
        Some(port) => TcpListener::bind((ip, port)),
        None => TcpListener::bind((ip, PORT)).or_else(|_| TcpListener::bind((ip, 0))),
    }
}

/// Opens `address` in the user's browser.
///
/// # Errors
/// No browser can be started.
pub(crate) fn open_browser(address: &str) -> std::io::Result<()> {
    let (program, before): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/c", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let mut opens = std::process::Command::new(program);
    let quiet = std::process::Stdio::null;
    opens.args(before).arg(address);
    opens.stdin(quiet()).stdout(quiet()).stderr(quiet());
    let mut child = opens.spawn()?;
    // It ends by itself, and leaves nothing behind once somebody has waited for it.
    let waits = std::thread::Builder::new().name("browser".to_owned());
    waits.spawn(move || child.wait()).map(drop)
}

impl Hub {
    /// Writes what hands hold into the patch; gives what was written, and what could not be
    /// released yet and why.
    fn write_back(&self, what: &[Address]) -> Result<Value, Vec<Refusal>> {
        let Writer {
            patch,
            kinds,
            settings,
            ..
        } = &self.editing.writer;
        let ask = |request: &Request| self.remote.ask(request.clone());
        let done = write_back(&ask, patch, what, kinds, settings);
        let done = done.map_err(|failure| match failure {
            Failure::Remote(refusals) => refusals,
            other => vec![Refusal::new("patch", other.to_string())],
        })?;
        let written = done.written.iter();
        let written: Vec<String> = written
            .map(|held| format!("{}.{}", held.node, held.param))
            .collect();
        Ok(json!({ "written": written, "stays": done.stays }))
    }
}

/// A run whose only live values are the transport's.
#[cfg(any(test, feature = "fuzzing"))]
static ANY_RUN: std::sync::LazyLock<Arc<Hub>> = std::sync::LazyLock::new(|| {
    use score_engine::{Live, LiveOptions};
    let mut live = Live::new(&Settings::default(), LiveOptions::default());
    let published = Published::default();
    published.publish(&live.status());
    let patch = PathBuf::from("show.ron");
    let remote = Remote::new(live.steering(), published.clone(), &patch);
    let writer = Writer {
        patch,
        kinds: Box::new(Registry::default),
        built_in: Registry::default(),
        overrides: Vec::new(),
        settings: Settings::default(),
    };
    let editing = Arc::new(Editing::new(writer));
    let name = "show.ron".to_owned();
    Arc::new(Hub::new(live.steering(), published, remote, editing, name))
});

/// Takes in `bytes` as what an open page sends.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(bytes: &[u8]) {
    socket::fuzz(&ANY_RUN, bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_a_page_sends_is_taken_or_left(
            bytes: Vec<u8>, kind in 0..5, text in ".{0,40}", number: u64,
        ) {
            fuzz(&bytes);
            let wish = match kind {
                0 => json!({ "look": { "outputs": [text, "transport.x"], "large": text } }),
                1 => json!({ "ask": { "id": number, "request": { "recall": { "preset": text } } } }),
                2 => json!({ "ask": { "id": number, "request": text } }),
                3 => json!({ "show": { "of": text } }),
                _ => json!({ "write_back": { "id": number, "what": [{ "node": text }] } }),
            };
            fuzz(wish.to_string().as_bytes());
        }
    }
}
