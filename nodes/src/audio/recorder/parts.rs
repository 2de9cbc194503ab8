//! A recording that goes on in one take after another.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use score_engine::{
    Build, Counters, Flow, Io, LiveClock, NodeError, PortType, Processor, Progress, Revision,
    Settings, Steered, Time, Transport,
};

use super::Recorder;
use super::keeping::Keeping;
use super::picture_log::Finishing;
use super::recording::Recording;

/// Seconds of an hour.
const HOUR: f64 = 3600.0;

/// How long before a part ends its sound may have ended: so late does sound come, and no later.
const NEAR: Time = Time::from_nanos(2_000_000_000);

/// What a take is begun with: the node's [`Build`], for as long as the node lives.
struct Kit {
    id: String,
    transport: Transport,
    settings: Settings,
    progress: Arc<Progress>,
    counters: Arc<Counters>,
    clock: Option<Arc<LiveClock>>,
    inputs: Vec<Option<PortType>>,
    wires: Vec<usize>,
    sources: Vec<Vec<String>>,
    outputs: Vec<PortType>,
}

impl Kit {
    fn of(build: &Build<'_>) -> Self {
        Kit {
            id: build.id.to_owned(),
            transport: build.transport.clone(),
            settings: build.settings.clone(),
            progress: build.progress.clone(),
            counters: build.counters.clone(),
            clock: build.clock.cloned(),
            inputs: build.inputs.to_vec(),
            wires: build.wires.to_vec(),
            sources: build.sources.to_vec(),
            outputs: build.outputs.to_vec(),
        }
    }

    /// As a node is built that an edit adds: with a beat of its own.
    fn build(&self) -> Build<'_> {
        Build {
            id: &self.id,
            transport: &self.transport,
            settings: &self.settings,
            progress: &self.progress,
            counters: &self.counters,
            clock: self.clock.as_ref(),
            ends: false,
            with_run: false,
            inputs: &self.inputs,
            wires: &self.wires,
            sources: &self.sources,
            outputs: &self.outputs,
        }
    }
}

/// A recording of a live run, in takes of some hours.
pub(super) struct Parts {
    kit: Kit,
    path: PathBuf,
    traces: bool,
    recording: Recording,
    /// When the take began that is being written; `None`: it has not yet.
    began: Option<Time>,
    /// What the next take must know of those before it.
    revision: Option<Revision>,
    held: BTreeMap<(String, String), Steered>,
    keeping: Keeping,
    /// The films of earlier takes whose encoders write their last pictures.
    films: Vec<Finishing>,
    /// Why one of them may lack its end.
    lost: Option<NodeError>,
}

impl Parts {
    /// Begins the first take.
    ///
    /// # Errors
    /// A file cannot be made, or the disk is full.
    pub(super) fn begin(recorder: &Recorder, build: &Build<'_>) -> Result<Self, NodeError> {
        Ok(Parts {
            kit: Kit::of(build),
            recording: Recording::live(&recorder.path, build, recorder.trace)?,
            path: recorder.path.clone(),
            traces: recorder.trace,
            began: None,
            revision: None,
            held: BTreeMap::new(),
            keeping: Keeping::of(&recorder.path, build),
            films: Vec::new(),
            lost: None,
        })
    }

    /// Ends the take, and begins the next where its sound ends.
    fn go_on(&mut self, now: Time) -> Result<(), NodeError> {
        // Sound that has ended long ago says nothing of what else is recorded.
        let sound = self.recording.end_of_sound();
        let end = sound.filter(|end| now - *end < NEAR).unwrap_or(now);
        // Sound that comes meanwhile must not wait for an encoder, nor end for a film that fails.
        match self.recording.let_go_of_film(end) {
            Ok(film) => self.films.extend(film),
            Err(error) => self.lose(error),
        }
        self.recording.finish_at(end)?;
        // Its file has its name before the next is begun, which may find the disk full.
        self.recording.commit()?;
        let mut next = Recording::live(&self.path, &self.kit.build(), self.traces)?;
        next.begin_at(end);
        if let Some(revision) = &self.revision {
            next.revised(end, revision);
        }
        for steered in self.held.values() {
            next.steered(&Steered {
                time: end,
                ..steered.clone()
            });
        }
        self.recording = next;
        self.began = Some(end);
        Ok(())
    }

    /// Takes the films that have come to their ends; `all`: waits for those that have not.
    fn gather_films(&mut self, all: bool) {
        let films = std::mem::take(&mut self.films);
        for film in films {
            if !all && !film.is_finished() {
                self.films.push(film);
            } else if let Ok(Err(error)) = film.join() {
                self.lose(error);
            }
        }
    }

    /// A film of an earlier take may lack its end, which is told at once, and when all is over.
    fn lose(&mut self, error: NodeError) {
        tracing::warn!(node = %self.kit.id, "the pictures of a take: {error}");
        self.lost.get_or_insert(error);
    }
}

impl Processor<Recorder> for Parts {
    fn process(&mut self, params: &Recorder, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let flow = self.recording.process(params, io)?;
        let now = io.now();
        let began = *self.began.get_or_insert(now);
        if let Some(hours) = params.part
            && now - began >= Time::from_seconds(hours * HOUR)
        {
            self.go_on(now)?;
        }
        self.gather_films(false);
        self.keeping.look(params, now);
        Ok(flow)
    }

    fn revised(&mut self, time: Time, revision: &Revision) {
        self.revision = Some(revision.clone());
        self.recording.revised(time, revision);
    }

    fn steered(&mut self, steered: &Steered) {
        let key = (steered.node.clone(), steered.param.clone());
        match steered.value {
            Some(_) => self.held.insert(key, steered.clone()),
            None => self.held.remove(&key),
        };
        self.recording.steered(steered);
    }

    fn changed(&mut self, params: &Recorder, transport: &Transport) -> Result<(), NodeError> {
        self.kit.transport = transport.clone();
        self.recording.changed(params, transport)
    }

    fn finish(&mut self, params: &Recorder, io: &mut Io<'_>) -> Result<(), NodeError> {
        let finished = self.recording.finish(params, io);
        self.gather_films(true);
        finished?;
        let Some(lost) = self.lost.take() else {
            return Ok(());
        };
        self.recording.commit()?;
        Err(lost)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.recording.commit()
    }
}
