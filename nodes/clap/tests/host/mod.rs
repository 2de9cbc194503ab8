//! A DAW of the tests' own, which plays the plug-in in real time, and remembers where its playhead was
//! when a note was heard.
#![allow(dead_code, unreachable_pub)]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use clack_extensions::latency::PluginLatency;
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamRescanFlags,
    PluginParams,
};
use clack_extensions::state::PluginState;
use clack_host::events::event_types::{TransportEvent, TransportFlags};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::events::{EventFlags, EventHeader};
use clack_host::factory::plugin::PluginFactory;
use clack_host::prelude::*;
use clack_host::utils::FixedPoint;
use clack_plugin::entry::SinglePluginEntry;

pub const RATE: f64 = 48_000.0;
pub const BLOCK: u32 = 512;

/// Quarter notes from one note of a run to the next, in the tests.
pub const GRID: f64 = 0.25;

/// The variable that says where the sockets of runs are.
pub const FOLDER: &str = "SCORE_RUNTIME_DIR";

/// Runs the test called `name` in a process of its own, which finds no runs but those in a folder of
/// its own: a process can change its own variables only by unsafe code.
pub fn in_own_folder(name: &str, test: impl FnOnce()) {
    const MARK: &str = "SCORE_CLAP_TEST";
    if std::env::var_os(MARK).is_some() {
        return test();
    }
    let above = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .env(MARK, "1")
        .env(FOLDER, above.path().join("score"))
        .status()
        .unwrap();
    assert!(status.success());
}

struct Shared;

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {}
}

impl HostParamsImplShared for Shared {
    fn request_flush(&self) {}
}

/// How often the plug-in has said that its parameters' values changed without the DAW.
#[derive(Default)]
struct MainThread(Cell<u32>);

impl MainThreadHandler<'_> for MainThread {}

impl HostParamsImplMainThread for MainThread {
    fn rescan(&self, flags: ParamRescanFlags) {
        if flags.contains(ParamRescanFlags::VALUES) {
            self.0.set(self.0.get() + 1);
        }
    }

    fn clear(&self, _param: ClapId, _flags: ParamClearFlags) {}
}

struct Handlers;

impl HostHandlers for Handlers {
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<'_, Self>, _shared: &Shared) {
        builder.register::<HostParams>();
    }
}

/// A note that begins or ends, at the frame at which it is heard where the DAW makes up for the
/// latency.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub frame: u64,
    pub is_on: bool,
    pub pitch: u16,
}

/// From a frame on the playhead moves so.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub frame: u64,
    pub beat: f64,
    pub tempo: f64,
    pub plays: bool,
    /// Whether it has started or jumped there.
    pub jumps: bool,
}

/// Calls something, and counts what happens meanwhile.
pub type Watch = fn(&mut dyn FnMut()) -> u64;

pub struct Daw {
    instance: PluginInstance<Handlers>,
    processor: Option<StartedPluginAudioProcessor<Handlers>>,
    latency: u64,
    /// The playhead.
    pub beat: f64,
    pub tempo: f64,
    pub plays: bool,
    pub loops: Option<(f64, f64)>,
    is_moved: bool,
    /// Frames so far.
    pub frame: u64,
    begun: Instant,
    pub heard: Vec<Heard>,
    pub segments: Vec<Segment>,
    pub sounding: BTreeSet<u16>,
    /// How often the playhead has started or jumped.
    pub jumps: u32,
    /// The plug-in's own parameter.
    pub state: u32,
    /// Whether it ever said that notes came late.
    pub was_late: bool,
    /// What counts something of each call of the plug-in, and the sum.
    pub watch: Option<Watch>,
    pub watched: u64,
}

impl Daw {
    pub fn new() -> Self {
        let info = HostInfo::new("test", "", "", "").unwrap();
        let entry = PluginEntry::load_from_clack::<SinglePluginEntry<score_clap::Score>>(c"");
        let entry = entry.unwrap();
        let factory = entry.get_factory::<PluginFactory>().unwrap();
        let id = factory.plugin_descriptor(0).unwrap().id().unwrap();
        let mut instance = PluginInstance::<Handlers>::new(
            |_| Shared,
            |_| MainThread::default(),
            &entry,
            id,
            &info,
        )
        .unwrap();
        let configuration = PluginAudioConfiguration {
            sample_rate: RATE,
            min_frames_count: 1,
            max_frames_count: BLOCK,
        };
        let stopped = instance.activate(|_, _| (), configuration).unwrap();
        let handle = instance.plugin_handle();
        let latency = handle.get_extension::<PluginLatency>().unwrap();
        let latency = latency.get(&handle);
        assert!(latency > 0 && f64::from(latency) < RATE / 10.0, "{latency}");
        Daw {
            processor: Some(stopped.start_processing().unwrap()),
            instance,
            latency: latency.into(),
            beat: 0.0,
            tempo: 120.0,
            plays: false,
            loops: None,
            is_moved: false,
            frame: 0,
            begun: Instant::now(),
            heard: Vec::new(),
            segments: Vec::new(),
            sounding: BTreeSet::new(),
            jumps: 0,
            state: 0,
            was_late: false,
            watch: None,
            watched: 0,
        }
    }

    /// The value of the plug-in's parameter with this id, as its main thread says it.
    pub fn parameter(&mut self, id: u32) -> f64 {
        let handle = self.instance.plugin_handle();
        let params = handle.get_extension::<PluginParams>().unwrap();
        params.get_value(&handle, ClapId::new(id)).unwrap()
    }

    /// Gives the plug-in what a project has kept; whether it took it, and how often it said then that
    /// its values have changed.
    pub fn load(&mut self, kept: &[u8]) -> (bool, u32) {
        let told = |daw: &Self| daw.instance.access_handler(|handler| handler.0.get());
        let before = told(self);
        let handle = self.instance.plugin_handle();
        let state = handle.get_extension::<PluginState>().unwrap();
        let is_taken = state.load(&handle, &mut &*kept).is_ok();
        (is_taken, told(self) - before)
    }

    /// What a project keeps of the plug-in.
    pub fn save(&mut self) -> Vec<u8> {
        let mut kept = Vec::new();
        let handle = self.instance.plugin_handle();
        let state = handle.get_extension::<PluginState>().unwrap();
        state.save(&handle, &mut kept).unwrap();
        kept
    }

    pub fn start(&mut self, beat: f64) {
        (self.beat, self.plays, self.is_moved) = (beat, true, true);
    }

    pub fn locate(&mut self, beat: f64) {
        (self.beat, self.is_moved) = (beat, true);
    }

    pub fn stop(&mut self) {
        self.plays = false;
    }

    /// Plays a block in real time, in two parts where the loop ends within it.
    pub fn block(&mut self) {
        let due = Duration::from_secs_f64(self.frame as f64 / RATE);
        match due.checked_sub(self.begun.elapsed()) {
            Some(wait) => std::thread::sleep(wait),
            // It was held up, and does not catch up.
            None => self.begun = Instant::now().checked_sub(due).unwrap_or(self.begun),
        }
        let per_frame = self.tempo / 60.0 / RATE;
        let end = self.beat + f64::from(BLOCK) * per_frame;
        let loops = self
            .loops
            .filter(|(_, last)| self.beat < *last && end >= *last);
        match loops.filter(|_| self.plays) {
            None => self.process(BLOCK),
            Some((first, last)) => {
                let frames = ((last - self.beat) / per_frame).ceil() as u32;
                let frames = frames.clamp(1, BLOCK);
                let beyond = self.beat + f64::from(frames) * per_frame - last;
                self.process(frames);
                self.locate(first + beyond);
                if frames < BLOCK {
                    self.process(BLOCK - frames);
                }
            }
        }
    }

    fn process(&mut self, frames: u32) {
        let jumps = self.plays && std::mem::take(&mut self.is_moved);
        self.jumps += u32::from(jumps);
        self.segments.push(Segment {
            frame: self.frame,
            beat: self.beat,
            tempo: self.tempo,
            plays: self.plays,
            jumps,
        });
        let mut samples = vec![0_f32; frames as usize];
        let mut ports = AudioPorts::with_capacity(1, 1);
        let mut output = ports.with_output_buffers([AudioPortBuffer {
            channels: AudioPortBufferType::f32_output_only([samples.as_mut_slice()].into_iter()),
            latency: 0,
        }]);
        let mut events = EventBuffer::with_capacity(256);
        let transport = self.transport();
        let processor = self.processor.as_mut().unwrap();
        let mut call = || {
            let done = processor.process(
                &InputAudioBuffers::empty(),
                &mut output,
                &InputEvents::empty(),
                &mut events.as_output(),
                Some(self.frame),
                Some(&transport),
            );
            done.unwrap();
        };
        match self.watch {
            Some(watch) => self.watched += watch(&mut call),
            None => call(),
        }
        let mut last = 0;
        for event in &events {
            let offset = event.header().time();
            assert!(offset >= last && offset < frames, "{offset} of {frames}");
            last = offset;
            self.take(event, offset);
        }
        if self.plays {
            self.beat += f64::from(frames) * self.tempo / 60.0 / RATE;
        }
        self.frame += u64::from(frames);
    }

    fn take(&mut self, event: &UnknownEvent, offset: u32) {
        let frame = (self.frame + u64::from(offset)).saturating_sub(self.latency);
        let (is_on, pitch) = match event.as_core_event() {
            Some(CoreEventSpace::NoteOn(on)) => (true, on.key().into_specific().unwrap()),
            Some(CoreEventSpace::NoteOff(off)) => (false, off.key().into_specific().unwrap()),
            Some(CoreEventSpace::ParamValue(value)) => {
                self.state = value.value() as u32;
                self.was_late |= self.state == 2;
                return;
            }
            _ => panic!("an event of another kind"),
        };
        let is_right = match is_on {
            true => self.sounding.insert(pitch),
            false => self.sounding.remove(&pitch),
        };
        assert!(is_right, "{pitch} begins or ends twice");
        self.heard.push(Heard {
            frame,
            is_on,
            pitch,
        });
    }

    fn transport(&self) -> TransportEvent {
        let mut flags = TransportFlags::HAS_TEMPO
            | TransportFlags::HAS_BEATS_TIMELINE
            | TransportFlags::HAS_TIME_SIGNATURE;
        flags.set(TransportFlags::IS_PLAYING, self.plays);
        flags.set(TransportFlags::IS_LOOP_ACTIVE, self.loops.is_some());
        let (first, last) = self.loops.unwrap_or_default();
        let none = FixedPoint::from_int(0);
        TransportEvent {
            header: EventHeader::new_core(0, EventFlags::empty()),
            flags,
            song_pos_beats: self.beat.into(),
            song_pos_seconds: none,
            tempo: self.tempo,
            tempo_inc: 0.0,
            loop_start_beats: first.into(),
            loop_end_beats: last.into(),
            loop_start_seconds: none,
            loop_end_seconds: none,
            bar_start: none,
            bar_number: 0,
            time_signature_numerator: 4,
            time_signature_denominator: 4,
        }
    }

    /// Where the playhead was at a frame, if it moved.
    pub fn beat_at(&self, frame: u64) -> Option<f64> {
        let at = self.segments.partition_point(|it| it.frame <= frame);
        let segment = self.segments.get(at.checked_sub(1)?)?;
        let since = (frame - segment.frame) as f64 / RATE;
        (segment.plays).then_some(segment.beat + since * segment.tempo / 60.0)
    }
}

impl Drop for Daw {
    fn drop(&mut self) {
        if let Some(processor) = self.processor.take() {
            self.instance.deactivate(processor.stop_processing());
        }
    }
}
