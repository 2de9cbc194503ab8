//! A run that a keeper starts again when it dies: what it plays, what it goes on with, and what it
//! leaves to know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use score_engine::{Hours, Override, Recalled, Source, StandingIn, Status, Steering, patch_hash};
use score_nodes::recover;
use serde::{Deserialize, Serialize};

use super::ladder::{Ladder, Rung};
use super::state_file::{read, write};
use crate::background_queue::BackgroundQueue;
use crate::status::one_line;

/// What a keeper tells its run by: the rung, and the folder of what is known of the patch.
pub(crate) const RUNG: &str = "SCORE_KEPT";
pub(crate) const FOLDER: &str = "SCORE_KEPT_STATE";

/// The built-in patches of the lower rungs.
const QUIET: &str = include_str!("quiet.ron");
const SILENCE: &str = include_str!("silence.ron");

/// The files of the folder.
const RUN: &str = "run.state";
const GOOD: &str = "good.state";
const END: &str = "end.state";
pub(crate) const LADDER: &str = "ladder.state";

/// All of them.
pub(super) const FILES: [&str; 4] = [RUN, GOOD, END, LADDER];

/// Files that may wait for a slow disk.
const QUEUE_LENGTH: usize = 8;

/// What brings the patch back, where something else plays.
const AGAIN: &str = "mend and save the patch, or restart the service, to try it again";

/// The node of the quiet patch that plays on a device.
const OUTPUT: &str = "sound";

/// How long the end of the run waits for it.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// What another run goes on with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RunState {
    /// The SHA-256 of the patch's text, by which a run that goes on knows whether it is another.
    patch: String,
    /// The preset or the cue that was recalled last.
    recalled: Option<Recalled>,
    /// The files that the patch writes: what a run that was killed has left of them is kept, though
    /// something else plays that does not write them.
    takes: Vec<PathBuf>,
    /// When it is heard, which holds for what plays in its place, too.
    #[serde(default)]
    hours: Option<Hours>,
    /// The device of its first `audio_out`, on which what plays in its place is heard, too.
    #[serde(default)]
    device: Option<String>,
}

/// A text that has played long, with those that it includes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Good {
    text: String,
    included: BTreeMap<String, String>,
}

/// How a run has ended that should not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct End {
    why: String,
}

/// Whether a text has played long.
pub(crate) fn has_good(folder: &Path) -> bool {
    folder.join(GOOD).is_file()
}

/// Forgets how an earlier run has ended.
pub(crate) fn forget_end(folder: &Path) {
    let end = folder.join(END);
    // What is no such file is set aside by reading it.
    if read::<End>(&end).is_some() {
        let _ = std::fs::remove_file(end);
    }
}

/// Why the last run has ended, as it has said itself.
pub(crate) fn end(folder: &Path) -> Option<String> {
    read::<End>(&folder.join(END)).map(|end| end.why)
}

/// Since when a text plays, and those that it includes.
type Proving = (Instant, Arc<str>, BTreeMap<String, Arc<str>>);

/// A run that is kept alive.
pub(crate) struct Kept {
    rung: Rung,
    folder: PathBuf,
    /// Why something else plays.
    why: String,
    written: RunState,
    /// What the run before had recalled, until this one goes on with it.
    before: Option<Recalled>,
    /// Writes files, on a thread of its own.
    queue: BackgroundQueue,
    /// The text that plays, and those that it includes, until it has played long.
    proving: Option<Proving>,
    /// How long that is.
    proven_after: Duration,
    /// Who has started it.
    #[cfg(unix)]
    keeper: Option<rustix::process::Pid>,
}

impl Kept {
    /// As the keeper says it; `None`: there is none.
    pub(crate) fn new(proven_after: Duration) -> Option<Self> {
        let word = std::env::var(RUNG).ok()?;
        let folder = PathBuf::from(std::env::var_os(FOLDER)?);
        let rung = Rung::ALL.into_iter().find(|rung| rung.word() == word)?;
        let ladder = read::<Ladder>(&folder.join(LADDER));
        let written: RunState = read(&folder.join(RUN)).unwrap_or_default();
        Some(Kept {
            rung,
            why: ladder
                .map(|ladder| ladder.why().to_owned())
                .unwrap_or_default(),
            before: written.recalled.clone(),
            written,
            folder,
            queue: BackgroundQueue::start("state", QUEUE_LENGTH),
            proving: None,
            proven_after,
            #[cfg(unix)]
            keeper: rustix::process::getppid(),
        })
    }

    /// What is played in place of the patch; `None`: the patch itself. `folder` is that of the
    /// patch.
    pub(crate) fn instead(&self, folder: &Path) -> Option<Source> {
        let folder = folder.to_owned();
        match self.rung {
            Rung::Patch => None,
            Rung::LastGood => {
                let good: Good = read(&self.folder.join(GOOD)).unwrap_or(Good {
                    text: QUIET.to_owned(),
                    included: BTreeMap::new(),
                });
                let source = Source::text("the last good patch", &good.text, folder);
                let parts = good.included.iter();
                Some(parts.fold(source, |source, (name, text)| source.with_part(name, text)))
            }
            Rung::Quiet => Some(Source::text("the quiet patch", QUIET, folder)),
            Rung::Silence => Some(Source::text("the silent patch", SILENCE, folder)),
        }
    }

    /// Whether values of the command line belong to what is played.
    fn takes_values(&self) -> bool {
        matches!(self.rung, Rung::Patch | Rung::LastGood)
    }

    /// The values with which it is played, where those of the command line are `typed`.
    pub(crate) fn values(&self, typed: &[Override]) -> Vec<Override> {
        match (self.rung, &self.written.device) {
            _ if self.takes_values() => typed.to_owned(),
            (Rung::Quiet, Some(device)) => vec![Override::text(OUTPUT, "device", device)],
            _ => Vec::new(),
        }
    }

    /// Has a status say what plays in place of the patch, and by which hours.
    pub(crate) fn complete(&self, status: &mut Status, now: SystemTime) {
        if self.rung == Rung::Patch {
            return;
        }
        status.standing_in = Some(StandingIn {
            plays: self.rung.word().to_owned(),
            why: format!("{}; {AGAIN}", one_line(&self.why)),
        });
        if let Some(hours) = self.hours() {
            status.hours = Some(hours.status(now));
        }
    }

    /// The hours of the patch, where what plays in its place has none of its own.
    pub(crate) fn hours(&self) -> Option<&Hours> {
        match self.rung {
            Rung::Patch | Rung::LastGood => None,
            Rung::Quiet | Rung::Silence => self.written.hours.as_ref(),
        }
    }

    /// The patch that is to play has these hours, and this device: they are known though it dies
    /// before it plays.
    pub(crate) fn expects(&mut self, hours: Option<&Hours>, device: Option<&str>) {
        if self.rung != Rung::Patch {
            return;
        }
        let state = RunState {
            hours: hours.cloned(),
            device: device.map(str::to_owned),
            ..self.written.clone()
        };
        if state != self.written {
            self.write_run(state);
        }
    }

    /// Gives what a run that was killed has left of its takes their names, where nothing plays that
    /// would.
    pub(crate) fn keep_takes(&self) {
        if self.rung == Rung::Patch || self.written.takes.is_empty() {
            return;
        }
        let takes = self.written.takes.clone();
        // What plays must not wait for a disk.
        self.queue
            .push(move || takes.iter().for_each(|take| recover(take)));
    }

    /// A text begins to play.
    pub(crate) fn plays(
        &mut self,
        text: Arc<str>,
        included: BTreeMap<String, Arc<str>>,
        now: Instant,
    ) {
        if self.rung == Rung::Patch {
            self.proving = Some((now, text, included));
        }
    }

    /// Has the run go on with the preset or the cue that the one before had, where the patch still
    /// has it.
    pub(crate) fn go_on(&mut self, steering: &Steering, text: &str) {
        let before = self.before.take();
        if !self.takes_values() {
            return;
        }
        let known = &self.written.patch;
        let though = match !known.is_empty() && *known != patch_hash(text) {
            true => ", though the patch was changed since",
            false => "",
        };
        let (what, done) = match &before {
            Some(Recalled::Preset(name, _)) => (
                format!("preset {name}"),
                steering.recall(name, Duration::ZERO),
            ),
            Some(Recalled::Cue(name)) => (format!("cue {name}"), steering.cue(name)),
            Some(Recalled::Go) | None => return,
        };
        match done {
            Ok(()) => tracing::info!("goes on with {what}, as before it was started again{though}"),
            Err(error) => tracing::warn!("does not go on with {what}: {error}"),
        }
    }

    /// Has written down what another run would go on with, where that has changed, and the text that
    /// has played long.
    pub(crate) fn look(
        &mut self,
        text: Option<&str>,
        (recalled, hours): (Option<Recalled>, Option<&Hours>),
        (takes, device): (&[PathBuf], Option<&str>),
        now: Instant,
    ) {
        // Until the patch plays, all is as the run before has left it.
        let Some(text) = text.filter(|_| self.rung == Rung::Patch) else {
            return;
        };
        let state = RunState {
            patch: patch_hash(text),
            recalled: recalled.or_else(|| self.before.clone()),
            takes: takes.to_owned(),
            hours: hours.cloned(),
            device: device.map(str::to_owned),
        };
        if state != self.written {
            self.write_run(state);
        }
        let is_proven =
            |(since, ..): &mut Proving| now.saturating_duration_since(*since) >= self.proven_after;
        let Some((_, text, included)) = self.proving.take_if(is_proven) else {
            return;
        };
        let included = included.into_iter();
        let good = Good {
            text: text.to_string(),
            included: included
                .map(|(name, text)| (name, text.to_string()))
                .collect(),
        };
        self.has_written(GOOD, good);
    }

    /// Writes down why the run ends that should not.
    pub(crate) fn ends(&mut self, why: &str) {
        let why = why.to_owned();
        self.has_written(END, End { why });
        self.queue.finish(FLUSH_TIMEOUT);
    }

    fn write_run(&mut self, state: RunState) {
        if self.has_written(RUN, state.clone()) {
            self.written = state;
        }
    }

    /// Has a file written; whether there was room to have it wait.
    fn has_written<T: Serialize + Send + 'static>(&self, name: &str, content: T) -> bool {
        let path = self.folder.join(name);
        self.queue.push(move || {
            if let Err(error) = write(&path, &content) {
                tracing::warn!("`{}` cannot be written: {error}", path.display());
            }
        })
    }

    /// Whether nobody keeps the run any more.
    pub(crate) fn is_left_alone(&self) -> bool {
        #[cfg(unix)]
        return rustix::process::getppid() != self.keeper;
        #[cfg(not(unix))]
        false
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.queue.finish(FLUSH_TIMEOUT);
    }
}

#[cfg(test)]
mod tests {
    use score_engine::{Days, Opening, Settings, check};

    use super::*;

    /// A run on this rung, with what lies in the folder.
    fn kept(rung: Rung, folder: &Path) -> Kept {
        Kept {
            rung,
            folder: folder.to_owned(),
            why: "it is broken".to_owned(),
            written: read(&folder.join(RUN)).unwrap_or_default(),
            before: None,
            queue: BackgroundQueue::start("state", QUEUE_LENGTH),
            proving: None,
            proven_after: Duration::from_secs(3600),
            #[cfg(unix)]
            keeper: None,
        }
    }

    /// Closed on all days.
    fn closed() -> Hours {
        Hours {
            zone: Some("UTC".to_owned()),
            entries: vec![Opening {
                days: Days::Week((0..7).collect()),
                open: None,
            }],
        }
    }

    #[test]
    fn what_plays_in_place_of_the_patch_keeps_its_hours() {
        let folder = tempfile::tempdir().unwrap();
        // It dies before its first block.
        kept(Rung::Patch, folder.path()).expects(Some(&closed()), None);
        for (rung, hours) in [
            (Rung::LastGood, None),
            (Rung::Quiet, Some(false)),
            (Rung::Silence, Some(false)),
        ] {
            let kept = kept(rung, folder.path());
            let mut status = Status::default();
            kept.complete(&mut status, SystemTime::now());
            assert_eq!(status.hours.map(|hours| hours.open), hours, "{rung:?}");
            assert_eq!(status.standing_in.unwrap().plays, rung.word());
        }
        // An edit without hours takes them away, and what plays meanwhile does not.
        let now = Instant::now();
        kept(Rung::Quiet, folder.path()).look(Some(QUIET), (None, None), (&[], None), now);
        assert!(kept(Rung::Quiet, folder.path()).hours().is_some());
        kept(Rung::Patch, folder.path()).look(Some("a"), (None, None), (&[], None), now);
        assert!(kept(Rung::Quiet, folder.path()).hours().is_none());
    }

    #[test]
    fn what_stands_in_says_in_one_line_why_and_what_brings_the_patch_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = kept(Rung::Quiet, folder.path());
        kept.why = "show.ron:2:3: it is broken\n  help: mend it".to_owned();
        let mut status = Status::default();
        kept.complete(&mut status, SystemTime::now());
        assert_eq!(
            status.standing_in.unwrap().why,
            "show.ron:2:3: it is broken help: mend it; mend and save the patch, or restart the \
             service, to try it again"
        );
    }

    #[test]
    fn the_quiet_patch_is_heard_on_the_device_of_the_patch() {
        let folder = tempfile::tempdir().unwrap();
        let typed = [Override::text("tune", "tonic", "3")];
        let heard_on = |rung: Rung| {
            let kept = kept(rung, folder.path());
            let source = kept.instead(folder.path()).unwrap();
            let values = kept.values(&typed);
            let graph = check(
                &source,
                &values,
                &score_nodes::registry(),
                &Settings::default(),
            );
            let graph = graph.unwrap_or_else(|error| panic!("{error}"));
            Some(graph.value(OUTPUT, "device")?.as_str()?.to_owned())
        };
        assert_eq!(heard_on(Rung::Quiet), None);
        // It dies before its first block.
        kept(Rung::Patch, folder.path()).expects(None, Some("JACK"));
        assert_eq!(heard_on(Rung::Quiet).as_deref(), Some("JACK"));
        assert_eq!(heard_on(Rung::Silence), None);
        // An edit plays on another.
        let now = Instant::now();
        let other = "hw:CARD=\"A\"";
        let mut edited = kept(Rung::Patch, folder.path());
        edited.look(Some("a"), (None, None), (&[], Some(other)), now);
        drop(edited);
        assert_eq!(heard_on(Rung::Quiet).as_deref(), Some(other));
        let own = kept(Rung::Patch, folder.path()).values(&typed);
        assert_eq!(own.len(), typed.len());
    }

    #[test]
    fn a_take_of_a_run_that_was_killed_gets_its_name_though_something_else_plays() {
        let folder = tempfile::tempdir().unwrap();
        let take = folder.path().join("take.mid");
        let takes = std::slice::from_ref(&take);
        let now = Instant::now();
        kept(Rung::Patch, folder.path()).look(Some("a"), (None, None), (takes, None), now);
        std::fs::write(folder.path().join(".take.mid.partial"), "notes").unwrap();
        kept(Rung::Patch, folder.path()).keep_takes();
        let found = folder.path().join("take-recovered.mid");
        assert!(!found.exists(), "its own recorder does that");
        kept(Rung::Quiet, folder.path()).keep_takes();
        assert_eq!(std::fs::read_to_string(found).unwrap(), "notes");
    }

    #[test]
    fn state_of_a_version_that_knew_no_hours_is_read() {
        let old = r#"{"patch":"","recalled":null,"takes":[]}"#;
        assert_eq!(
            serde_json::from_str::<RunState>(old).unwrap(),
            RunState::default()
        );
    }

    #[test]
    fn the_built_in_patches_can_be_played() {
        for text in [QUIET, SILENCE] {
            let source = Source::text("p.ron", text, PathBuf::new());
            let graph = check(&source, &[], &score_nodes::registry(), &Settings::default());
            assert!(graph.is_ok(), "{}", graph.err().unwrap());
            assert_eq!(source.formatted().unwrap(), text);
        }
    }
}
