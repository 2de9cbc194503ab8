//! The page of a run: what plays, seen, turned and edited in a browser.
//!
//! `server` answers requests, each of which passes `access`; `hub` looks at the run for all open
//! pages together; `socket` is one page; `editing` checks and saves the patch's text. The files of
//! the page are in `assets`. Nothing here makes the run wait: values are set and outputs are looked
//! at through [`Steering`], and the status is the one that the run has published last.
//!
//! `film` is the page of films, which shows no run: it passes the same gate.

mod access;
mod assets;
mod editing;
mod film;
mod health;
mod hub;
mod learning;
mod links;
mod plan;
mod score;
mod seal;
mod server;
mod shape;
mod socket;
mod taught;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use score_engine::{Override, Registry, Settings, Steering};
use score_nodes::lessons::Lessons;
use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) use access::Right;
pub(crate) use film::Films;
pub(crate) use links::Links;

use self::access::Access;
use self::editing::Editing;
use self::hub::Hub;
use self::server::Gate;
use crate::arguments::PageDoor;
use crate::command::preset::keep;
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

/// Where and to whom a page is shown.
pub(crate) struct Door {
    /// `None`: the usual port, or another where that is taken.
    pub(crate) port: Option<u16>,
    /// How the user names the port.
    pub(crate) port_option: &'static str,
    /// The address that is listened at; `None`: this computer's own.
    pub(crate) listen: Option<IpAddr>,
    /// Further names by which browsers reach it.
    pub(crate) hosts: Vec<String>,
    /// Whether browsers of other computers may have the right to edit.
    pub(crate) may_edit_from_afar: bool,
}

impl From<&PageDoor> for Door {
    fn from(given: &PageDoor) -> Self {
        Door {
            port: given.page.flatten(),
            port_option: "--page",
            listen: given.reach.listen,
            hosts: given.reach.page_host.clone(),
            may_edit_from_afar: given.page_edit,
        }
    }
}

impl Door {
    /// Requires that the page can be served there now.
    ///
    /// # Errors
    /// It cannot.
    pub(crate) fn require(&self) -> Result<(), Failure> {
        self.bind().map(drop).map_err(|error| self.refused(&error))
    }

    fn ip(&self) -> IpAddr {
        self.listen.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// The port that is named; else the usual one, or another where that is taken.
    fn bind(&self) -> std::io::Result<TcpListener> {
        let ip = self.ip();
        match self.port {
            Some(port) => TcpListener::bind((ip, port)),
            None => TcpListener::bind((ip, PORT)).or_else(|_| TcpListener::bind((ip, 0))),
        }
    }

    fn refused(&self, error: &std::io::Error) -> Failure {
        let at = SocketAddr::from((self.ip(), self.port.unwrap_or(PORT)));
        let mend = match error.kind() {
            ErrorKind::AddrNotAvailable => {
                "this computer does not have that address now, and `ip address` lists those it has"
                    .to_owned()
            }
            _ => format!("choose another port with {}", self.port_option),
        };
        Failure::Message(format!(
            "the page cannot be served at {at}: {error}; {mend}"
        ))
    }
}

/// The run that a page shows.
pub(crate) struct Shown {
    pub(crate) steering: Steering,
    pub(crate) published: Published,
    pub(crate) writer: Writer,
    /// What its nodes are taught.
    pub(crate) lessons: Arc<Lessons>,
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
    /// Serves the page of a run on a thread of its own. `tell` says each next one-time address.
    ///
    /// # Errors
    /// The port cannot be had, or a secret cannot be made.
    pub(crate) fn start(
        door: &Door,
        shown: Shown,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<PageServer, Failure> {
        let Shown {
            steering,
            published,
            writer,
            lessons,
        } = shown;
        let remote = Remote::new(steering.clone(), published.clone(), &writer.patch);
        let name = writer.patch.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let editing = Arc::new(Editing::new(writer));
        let hub = Arc::new(Hub::new(steering, published, remote, editing, name));
        Self::open(door, tell, |listener, gate, over| async move {
            tokio::spawn(hub.clone().look(over.clone()));
            let shared = server::Shared {
                gate,
                hub,
                lessons,
                over,
                pages: Arc::default(),
            };
            server::serve(listener, shared).await;
        })
    }

    /// Opens a door on a thread of its own and has `serve` answer whoever comes through the gate,
    /// until what it is given changes. `tell` says each next one-time address.
    ///
    /// # Errors
    /// The port cannot be had, or a secret cannot be made.
    fn open<F: Future<Output = ()>>(
        door: &Door,
        tell: impl Fn(&str) + Send + Sync + 'static,
        serve: impl FnOnce(tokio::net::TcpListener, Gate, watch::Receiver<bool>) -> F + Send + 'static,
    ) -> Result<PageServer, Failure> {
        let failed = |error| door.refused(&error);
        let listener = door.bind().map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        if door.port.is_none() && at.port() != PORT {
            tracing::warn!(
                "port {PORT} is taken by another program, perhaps another run: the page is at port {} \
                 until this run ends; {} chooses one that stays",
                at.port(),
                door.port_option
            );
        }
        let folder = crate::folders::of_user();
        let (hosts, from_afar) = (door.hosts.clone(), door.may_edit_from_afar);
        let access = Access::new(folder.as_deref(), at.port(), hosts, from_afar);
        let access = access.map_err(failed)?;
        if !at.ip().is_loopback() {
            tracing::warn!(
                "the page is open to the network without encryption: whoever can listen there can \
                 read along, and use the links that are opened there; see docs/studio.md for HTTPS"
            );
        }
        let url = move |secret: &str| format!("{}/enter#{secret}", base(at));
        let address = url(&access.once().map_err(failed)?);
        let gate = Gate {
            access,
            tell_address: Box::new(move |secret: &str| tell(&url(secret))),
        };
        let (over, ends) = watch::channel(false);
        let (runtime, listener) = web::async_listener(listener).map_err(failed)?;
        let thread = std::thread::Builder::new().name("page".to_owned());
        let serve = move || runtime.block_on(serve(listener, gate, ends));
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
        let named = plan::named(&self.steering);
        let done = write_back(&ask, patch, (what, &named), kinds, settings);
        let done = done.map_err(refusals)?;
        let written = done.written.iter();
        let written: Vec<String> = written
            .map(|held| format!("{}.{}", held.node, held.param))
            .collect();
        Ok(json!({ "written": written, "stays": done.stays }))
    }

    /// Puts what hands hold into the patch as the preset `name`; gives how many values it has.
    fn keep_preset(&self, name: &str, replaces: bool) -> Result<Value, Vec<Refusal>> {
        let Writer {
            patch,
            kinds,
            settings,
            ..
        } = &self.editing.writer;
        let ask = |request: &Request| self.remote.ask(request.clone());
        let kept = keep(&ask, patch, (name, replaces), kinds, settings).map_err(refusals)?;
        Ok(json!({ "kept": kept.count }))
    }
}

/// What a page is told of a failure.
fn refusals(failure: Failure) -> Vec<Refusal> {
    match failure {
        Failure::Remote(refusals) => refusals,
        other => vec![Refusal::new("patch", other.to_string())],
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
            bytes: Vec<u8>, kind in 0..9, text in ".{0,40}", number: u64,
        ) {
            fuzz(&bytes);
            let wish = match kind {
                0 => json!({ "look": { "outputs": [text, "transport.x"], "large": text } }),
                1 => json!({ "ask": { "id": number, "request": { "recall": { "preset": text } } } }),
                2 => json!({ "ask": { "id": number, "request": text } }),
                3 => json!({ "show": { "of": text } }),
                5 => json!({ "score": { "is": number % 2 == 0 } }),
                6 => json!({ "enlarge": { "still": number as u32 } }),
                7 => json!({ "learn": { "id": number, "node": "transport", "param": text } }),
                8 => json!({ "keep_preset": { "id": number, "name": text } }),
                _ => json!({ "write_back": { "id": number, "what": [{ "node": text }] } }),
            };
            fuzz(wish.to_string().as_bytes());
        }
    }
}
