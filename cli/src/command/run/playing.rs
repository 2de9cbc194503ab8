//! A patch that plays, and the edits that are prepared beside it.

mod telling;
mod unattended;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, never, select_biased};
#[cfg(feature = "page")]
use score_engine::Registry;
use score_engine::{Edit, Follow, Graph, Live, RunError, Settings, Status, Steering};
use score_nodes::device::{Audible, DawNotes};
use score_nodes::following::Follower;
#[cfg(feature = "page")]
use score_nodes::lessons::Lessons;

use self::telling::{device, generations, short_hash, tell, used, written};
use self::unattended::options;
use super::loader::{Checked, Loaded, Loader, READ_TIMEOUT, Unloaded};
use super::{STOPPED, no_thread, plain, warn};
use crate::arguments::Run;
use crate::failure::Failure;
use crate::overload::Overload;
use crate::remote::Published;
use crate::service::Service;
use crate::service::kept::Kept;

/// How often the run is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How often the status is published.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// How long the end waits for the port of a clock to close.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// After this time the log says what an edit waits for; then at doubled intervals.
const FIRST_REPORT: Duration = Duration::from_secs(2);

/// A patch that plays, and the edits that are prepared beside it.
pub(super) struct Playing<'a> {
    arguments: &'a Run,
    live: Live,
    loader: Loader,
    pending: Option<Pending>,
    /// Values of the command line, and what the patch has in their place.
    overridden: BTreeMap<String, Option<String>>,
    /// Values of the command line that set nothing, as the log has said.
    left_out: Vec<String>,
    /// Whether the patch's file is gone.
    gone: bool,
    /// When the log next says what an edit waits for.
    patience: Duration,
    /// The models and the devices of the first patch.
    used: [String; 2],
    /// The last status, for other programs.
    published: Published,
    /// The clock that is followed, and what reads it.
    follower: Option<(Follow, Follower)>,
    /// Notes on their way to a DAW.
    daw: Arc<DawNotes>,
    /// What is told to a service manager.
    service: Service,
    /// What a keeper knows of it.
    kept: &'a mut Option<Kept>,
    /// The files that the patch writes.
    writes: Vec<PathBuf>,
    /// The device of its first `audio_out`, where it names one.
    device: Option<String>,
    /// Whether the run is heard by the patch's hours.
    audible: Arc<Audible>,
    /// What its nodes are taught.
    #[cfg(feature = "page")]
    lessons: Arc<Lessons>,
}

/// An edit whose nodes are being built.
struct Pending {
    edit: Edit,
    /// The reading of the patch that it is from.
    number: u64,
    begun: Instant,
}

/// What one step has come to.
type Step = Result<(), Failure>;

impl<'a> Playing<'a> {
    pub(super) fn new(
        arguments: &'a Run,
        settings: &Settings,
        (loader, kept): (Loader, &'a mut Option<Kept>),
        published: Published,
    ) -> Self {
        let audible = Arc::<Audible>::default();
        let daw = Arc::<DawNotes>::default();
        let settings = settings.clone().with_shared(audible.clone());
        #[cfg(feature = "page")]
        let lessons = Arc::<Lessons>::default();
        #[cfg(feature = "page")]
        let settings = settings.with_shared(lessons.clone());
        let settings = settings.with_shared(daw.clone());
        Playing {
            arguments,
            live: Live::new(&settings, options(kept.is_some())),
            loader,
            pending: None,
            overridden: BTreeMap::new(),
            left_out: Vec::new(),
            gone: false,
            patience: FIRST_REPORT,
            used: Default::default(),
            published,
            follower: None,
            daw,
            service: Service::new(kept.is_some(), Duration::from_secs(arguments.hangs_after)),
            kept,
            writes: Vec::new(),
            device: None,
            audible,
            #[cfg(feature = "page")]
            lessons,
        }
    }

    /// What its nodes are taught.
    #[cfg(feature = "page")]
    pub(super) fn lessons(&self) -> &Arc<Lessons> {
        &self.lessons
    }

    pub(super) fn steering(&self) -> Steering {
        self.live.steering()
    }

    /// What other programs are told.
    #[cfg(feature = "page")]
    pub(super) fn published(&self) -> &Published {
        &self.published
    }

    /// As [`Loader::kinds_of_file`].
    #[cfg(feature = "page")]
    pub(super) fn kinds_of_file(&self) -> Box<dyn Fn() -> Registry + Send + Sync> {
        self.loader.kinds_of_file()
    }

    /// As [`Loader::built_in`].
    #[cfg(feature = "page")]
    pub(super) fn built_in(&self) -> Registry {
        self.loader.built_in()
    }

    pub(super) fn into_parts(self) -> (Live, Loader) {
        if let Some((_, follower)) = self.follower {
            follower.finish(CLOSE_TIMEOUT);
        }
        (self.live, self.loader)
    }

    /// Follows the clock that the patch says.
    fn follow(&mut self) {
        let wanted = self.live.follow();
        if self.follower.as_ref().map(|(follow, _)| follow) == wanted {
            return;
        }
        let wanted = wanted.cloned();
        self.follower = None;
        let Some(follow) = wanted else { return };
        match Follower::start(&follow, self.live.clock(), &self.live.steering(), &self.daw) {
            Ok(follower) => self.follower = Some((follow, follower)),
            Err(error) => tracing::warn!("the clock is not followed: {error}"),
        }
    }

    /// Has the first patch built.
    pub(super) fn prepare_first(&mut self, graph: Graph) -> Step {
        // What begins outside its hours is not heard for a moment first.
        let own = graph.show().hours.as_ref();
        self.device = device(&graph);
        if let Some(kept) = self.kept {
            kept.expects(own, self.device.as_deref());
        }
        let kept = self.kept.as_ref().and_then(Kept::hours);
        if let Some(hours) = kept.or(own) {
            self.audible.set(hours.status(SystemTime::now()).open);
        }
        self.overridden = graph.overridden().clone();
        self.writes = written(&graph);
        self.used = [used(&graph, &["model"]), used(&graph, &["device", "port"])];
        let edit = self
            .live
            .prepare(graph, &Default::default())
            .map_err(Failure::Run)?;
        self.pending = edit.map(|edit| Pending {
            edit,
            number: 1,
            begun: Instant::now(),
        });
        Ok(())
    }

    /// Plays until a signal comes or every node has ended; `show` gets the status.
    pub(super) fn play(
        &mut self,
        stop: &Receiver<()>,
        show: impl Fn(&Status),
    ) -> Result<&'static str, Failure> {
        let played = self.play_on(stop, show);
        self.service.stopping();
        played
    }

    fn play_on(
        &mut self,
        stop: &Receiver<()>,
        show: impl Fn(&Status),
    ) -> Result<&'static str, Failure> {
        let mut overload = Overload::new();
        let mut told = Instant::now();
        let mut steered = None;
        loop {
            let saved = self.loader.saved().cloned().unwrap_or_else(never);
            let loaded = self.loader.loaded().clone();
            let built = match &self.pending {
                Some(pending) => pending.edit.ready().clone(),
                None => never(),
            };
            select_biased! {
                recv(stop) -> _ => return Ok(STOPPED),
                // Every thread reports before it ends, unless it ends as none should.
                recv(built) -> built => self.take(built.unwrap_or((0, Err(RunError::Stopped))))?,
                recv(loaded) -> loaded => if let Ok(loaded) = loaded { self.compare(loaded)? },
                recv(saved) -> files => self.loader.note(files.unwrap_or_default()),
                default(POLL_INTERVAL) => {}
            }
            self.tend();
            if self.live.is_over() && self.pending.is_none() {
                return Ok("every node has ended");
            }
            if told.elapsed() < STATUS_INTERVAL {
                continue;
            }
            told = Instant::now();
            let status = self.status();
            self.heed_hours(&status);
            if status.revision > 0
                && steered.replace(status.steered) != Some(status.steered)
                && !status.steered
            {
                tracing::info!("no sound device leads the clock; the system's clock does");
            }
            if let Some(warning) = overload.check(&status, told) {
                tracing::warn!("{warning}");
            }
            if status.revision > 0 {
                self.published.publish(&status);
            }
            self.look_after(&status, told)?;
            show(&status);
        }
    }

    /// How the run is, with what it plays in place of the patch.
    fn status(&mut self) -> Status {
        let mut status = self.live.status();
        if let Some(kept) = self.kept.as_ref() {
            kept.complete(&mut status, SystemTime::now());
        }
        status
    }

    /// Has saved files read, and reports what takes long.
    fn tend(&mut self) {
        let building = self.pending.as_ref().map(|pending| pending.begun);
        // What is being built is played before the next text is read, so that every one of several
        // quick saves is heard.
        if building.is_none_or(|begun| begun.elapsed() >= READ_TIMEOUT) {
            let live = &self.live;
            if let Err(error) = self.loader.tend(|| live.files()) {
                tracing::warn!("the edit is not read: {}", no_thread(error));
            }
        }
        let since = self.loader.since().or(building);
        let Some(waited) = since.map(|since| since.elapsed()) else {
            self.patience = FIRST_REPORT;
            return;
        };
        if waited < self.patience {
            return;
        }
        self.patience = waited.max(self.patience) * 2;
        let seconds = waited.as_secs();
        let what = match &self.pending {
            Some(pending) if self.loader.since().is_none() => {
                let nodes = pending.edit.waits_for();
                let named = nodes.iter().map(|(id, kind)| format!("`{id}` ({kind})"));
                let named: Vec<String> = named.collect();
                let are = if named.len() == 1 { "is" } else { "are" };
                format!("{} {are} not ready after {seconds} s", named.join(", "))
            }
            _ => {
                format!("the patch, or a file that it names, is still being read after {seconds} s")
            }
        };
        let revision = self.live.revision();
        let meanwhile = match revision {
            0 => "nothing plays yet".to_owned(),
            revision => format!("revision {revision} keeps playing"),
        };
        tracing::warn!(revision, "{what}; {meanwhile}");
    }

    /// Compares the saved patch with what plays, and has new nodes built.
    fn compare(&mut self, loaded: Loaded) -> Step {
        let Loaded {
            number,
            begun,
            patch,
            unwatched,
        } = loaded;
        for line in unwatched {
            tracing::warn!("{line}");
        }
        if !self.loader.is_over(number) {
            return Ok(());
        }
        let graph = match patch {
            Ok(Checked { graph, survey }) => {
                // Nobody is asked while the patch plays.
                if let Err(why) = self.loader.ownership().settle(survey, |_| None) {
                    self.refuse(&why);
                    return Ok(());
                }
                graph
            }
            Err(Unloaded::Gone) => {
                self.tell_gone();
                return Ok(());
            }
            Err(Unloaded::Refused(why)) => {
                self.refuse(&why);
                return Ok(());
            }
        };
        let was_gone = std::mem::take(&mut self.gone);
        warn(&graph);
        self.tell_typed(&graph);
        let touched = self.loader.touched_before(number);
        let text = Arc::from(graph.text());
        let (writes, device) = (written(&graph), device(&graph));
        match self.live.prepare(graph, &touched) {
            Ok(edit) => {
                if self.pending.take().is_some() {
                    if self.live.revision() == 0 {
                        tracing::info!(
                            "the patch was saved again before it played; the new text is prepared now"
                        );
                    } else {
                        tracing::info!("a newer edit replaces the one that was being prepared");
                    }
                }
                match edit {
                    None => {
                        self.loader.forget_before(number);
                        self.published.publish_text(text);
                        self.published.publish_refusal(None);
                        if was_gone {
                            let revision = self.live.revision();
                            tracing::info!(
                                revision,
                                "{} is back, with nothing changed",
                                self.name()
                            );
                        }
                    }
                    Some(edit) => {
                        self.patience = FIRST_REPORT;
                        (self.writes, self.device) = (writes, device);
                        self.pending = Some(Pending {
                            edit,
                            number,
                            begun,
                        });
                        self.commit();
                    }
                }
            }
            Err(error) => self.refuse(&Failure::Run(error)),
        }
        Ok(())
    }

    /// Takes a node that was built.
    fn take(&mut self, built: (usize, Result<(), RunError>)) -> Step {
        let Some(pending) = &mut self.pending else {
            return Ok(());
        };
        let Err(error) = pending.edit.take(built) else {
            self.commit();
            return Ok(());
        };
        self.pending = None;
        let why = match error {
            RunError::Stopped => Failure::Message("a node gave up".to_owned()),
            error => Failure::Run(error),
        };
        if self.live.revision() == 0 {
            return Err(why);
        }
        self.refuse(&why);
        Ok(())
    }

    /// Plays the edit, if all of it is built.
    fn commit(&mut self) {
        let Some(Pending {
            edit,
            number,
            begun,
        }) = self.pending.take_if(|pending| pending.edit.is_ready())
        else {
            return;
        };
        self.loader.forget_before(number);
        let Some(revision) = self.live.commit(edit) else {
            return;
        };
        self.published.publish_text(revision.patch.clone());
        self.follow();
        self.published.publish_refusal(None);
        if let Some(kept) = self.kept {
            kept.plays(
                revision.patch.clone(),
                revision.included.clone(),
                Instant::now(),
            );
        }
        if revision.number == 1 {
            if let Some(kept) = self.kept {
                kept.go_on(&self.live.steering(), &revision.patch);
            }
            let status = self.status();
            self.published.publish(&status);
            let [models, devices] = &self.used;
            tracing::info!(
                models,
                devices,
                hash = short_hash(&revision),
                revision = revision.number,
                nodes = revision.begun.len(),
                generations = generations(&revision),
                "plays"
            );
        } else {
            tell(&revision, begun.elapsed());
        }
    }

    fn refuse(&self, why: &Failure) {
        let running = self.live.revision();
        let why = plain(why);
        self.published.publish_refusal(Some(why.as_str().into()));
        tracing::warn!(
            revision = running,
            refused = true,
            "the edit is refused; revision {running} keeps playing:\n{why}"
        );
    }

    fn tell_gone(&mut self) {
        if !std::mem::replace(&mut self.gone, true) {
            let revision = self.live.revision();
            let why = format!("{} is gone", self.name());
            self.published.publish_refusal(Some(why.into()));
            tracing::warn!(
                revision,
                "{} is gone; revision {revision} keeps playing",
                self.name()
            );
        }
    }

    /// Warns of values of the command line that override an edit, or set nothing after it.
    fn tell_typed(&mut self, graph: &Graph) {
        let revision = self.live.revision();
        for line in graph.left_out() {
            if !self.left_out.contains(line) {
                tracing::warn!(revision, "{line}");
            }
        }
        self.left_out = graph.left_out().to_vec();
        for (typed, own) in graph.overridden() {
            let Some(before) = self.overridden.get(typed).filter(|before| *before != own) else {
                continue;
            };
            match own {
                Some(own) => tracing::warn!(
                    revision,
                    "{} now says {own}, which is not heard: {typed} overrides it",
                    self.name()
                ),
                None => tracing::info!(
                    revision,
                    "{} no longer says {}; {typed} stays",
                    self.name(),
                    before.as_deref().unwrap_or_default()
                ),
            }
        }
        self.overridden = graph.overridden().clone();
    }

    /// What the user calls the patch.
    fn name(&self) -> String {
        self.arguments.patch.display().to_string()
    }
}
