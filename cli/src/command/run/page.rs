//! The page of a run, as soon as it can be served.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use score_engine::Settings;

use super::playing::Playing;
use crate::arguments::Run;
use crate::failure::Failure;
use crate::log;
use crate::page::{self, Door, PageServer, Shown, Writer};
use crate::terminal::tell;

/// How long it waits before a page that cannot be served is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// The page of a run. It is closed with this value.
pub(super) enum RunPage {
    There(#[expect(dead_code, reason = "it serves until it is dropped")] PageServer),
    Later(#[expect(dead_code, reason = "it tries until it is dropped")] Later),
}

/// Waits until the page can be served, and serves it then.
pub(super) struct Later {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Later {
    fn start(
        door: Door,
        serve: impl FnOnce(&Door) -> Result<PageServer, Failure> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = bounded::<()>(0);
        let wait = move || {
            while stopped.recv_timeout(AGAIN) == Err(RecvTimeoutError::Timeout) {
                if door.require().is_err() {
                    continue;
                }
                match serve(&door) {
                    // Until the run ends.
                    Ok(_server) => drop(stopped.recv()),
                    Err(why) => tracing::error!("{why}"),
                }
                return;
            }
        };
        let thread = std::thread::Builder::new().name("page later".to_owned());
        Ok(Later {
            stop: Some(stop),
            thread: Some(thread.spawn(wait)?),
        })
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves the page, if it is asked for, and says where. A run that is kept alive plays without one
/// that cannot be served yet: nobody is there to choose another address, and the network may come
/// later than the music.
///
/// # Errors
/// It cannot be served.
pub(super) fn open(
    arguments: &Run,
    settings: &Settings,
    playing: &Playing<'_>,
) -> Result<Option<RunPage>, Failure> {
    if arguments.page.page.is_none() {
        return Ok(None);
    }
    let door = Door::from(&arguments.page);
    let shown = Shown {
        steering: playing.steering(),
        published: playing.published().clone(),
        lessons: playing.lessons().clone(),
        writer: Writer {
            patch: arguments.patch.clone(),
            kinds: playing.kinds_of_file(),
            built_in: playing.built_in(),
            overrides: arguments.overrides.set.clone(),
            settings: settings.clone(),
        },
    };
    let (is_file, opens) = (arguments.log_file.is_some(), arguments.page.reach.open);
    let serve = move |door: &Door| serve(door, shown, is_file, opens);
    match door.require() {
        Ok(()) => Ok(Some(RunPage::There(serve(&door)?))),
        Err(why) if arguments.keep_alive => {
            tracing::error!(
                "{why}; the music plays without it, and it is tried again every {} s",
                AGAIN.as_secs()
            );
            let later = Later::start(door, serve)?;
            Ok(Some(RunPage::Later(later)))
        }
        Err(why) => Err(why),
    }
}

/// Serves it at once.
fn serve(door: &Door, shown: Shown, is_file: bool, opens: bool) -> Result<PageServer, Failure> {
    // A log outlives the run, and others read it: what opens the page is only shown, and not even that
    // where all that is shown is logged.
    let is_journal = log::is_journal();
    let say = move |what: &str, address: &str| match (is_journal, is_file) {
        (true, _) => {}
        (false, true) => tell(format_args!("{what} {address}")),
        (false, false) => tracing::info!("{what} {address}"),
    };
    let next = move |address: &str| say("the page opens in another browser at", address);
    let server = PageServer::start(door, shown, next)?;
    if is_file || is_journal {
        let at = server.base.trim_start_matches("http://");
        tracing::info!("the page is served at {}", server.base);
        tracing::info!("`score page link --see --at {at}` makes an address that opens it");
    }
    say("the page opens once at", &server.address);
    if opens && let Err(error) = page::open_browser(&server.address) {
        tracing::warn!("no browser can be opened ({error}); open the address by hand");
    }
    Ok(server)
}
