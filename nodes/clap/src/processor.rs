//! What the DAW's audio thread calls: neither allocates, locks nor waits.

use std::sync::atomic::Ordering;

use clack_extensions::params::PluginAudioProcessorParams;
use clack_plugin::events::Pckn;
use clack_plugin::events::event_types::{NoteOffEvent, NoteOnEvent, ParamValueEvent};
use clack_plugin::events::spaces::CoreEventSpace;
use clack_plugin::host::HostAudioProcessorHandle;
use clack_plugin::prelude::{
    Audio, Events, InputEvents, OutputEvents, PluginAudioConfiguration, PluginAudioProcessor,
    PluginError, Process, ProcessStatus,
};
use score_link::monotonic;

use crate::line::Line;
use crate::params::{self, State};
use crate::player::{Played, Player};
use crate::playhead::Reading;
use crate::plugin::{MainThread, Shared};

/// How late all is played, in seconds, beyond two blocks of the DAW: as long as a note may be on its
/// way.
const LATENCY: f64 = 0.04;

/// Frames of a block beyond which no more is added: DAWs announce far longer blocks than they hand
/// out.
const LONGEST_BLOCK: u32 = 2_048;

/// How long notes that came late are shown, in seconds.
const SHOWN: f64 = 5.0;

/// How late all is played, in frames.
fn latency(config: &PluginAudioConfiguration) -> u32 {
    let blocks = 2 * config.max_frames_count.min(LONGEST_BLOCK);
    (config.sample_rate * LATENCY).ceil() as u32 + blocks
}

/// What the DAW's audio thread has.
pub struct Processor<'a> {
    shared: &'a Shared,
    line: Line,
    player: Player,
    reading: Reading,
    rate: f64,
    /// The run that was spoken to last.
    connection: u32,
    /// The frame up to which it is shown that notes came late.
    late_until: u64,
    /// What the DAW was told of the state.
    told: Option<State>,
}

impl<'a> PluginAudioProcessor<'a, Shared, MainThread<'a>> for Processor<'a> {
    fn activate(
        _host: HostAudioProcessorHandle<'a>,
        main_thread: &MainThread<'a>,
        shared: &'a Shared,
        config: PluginAudioConfiguration,
    ) -> Result<Self, PluginError> {
        let latency = latency(&config);
        main_thread.set_latency(latency);
        Ok(Processor {
            shared,
            line: Line::open()?,
            player: Player::new(config.sample_rate, latency),
            reading: Reading::new(config.sample_rate),
            rate: config.sample_rate,
            connection: 0,
            late_until: 0,
            told: None,
        })
    }

    fn process(
        &mut self,
        process: Process<'_>,
        audio: Audio<'_>,
        events: Events<'_>,
    ) -> Result<ProcessStatus, PluginError> {
        let frames = audio.frames_count();
        self.reading.begin(monotonic(), self.player.head());
        if let Some(transport) = process.transport {
            self.reading.hear(&mut self.player, 0, transport);
        }
        let mut says_more = false;
        for event in events.input {
            if let Some(CoreEventSpace::Transport(transport)) = event.as_core_event() {
                let offset = event.header().time().min(frames.saturating_sub(1));
                self.reading.hear(&mut self.player, offset, transport);
                says_more = true;
            }
            self.choose(event);
        }
        self.player.choose(self.shared.part());
        if let Some(transport) = process.transport.filter(|_| !says_more) {
            self.reading.wrap(&mut self.player, frames, transport);
        }
        self.hear();
        if let Some(place) = self.reading.tell()
            && self.line.tell(place)
        {
            self.reading.has_told(place);
        }
        self.show(events.output);
        self.player.play(frames, |offset, played| {
            // A DAW that takes no more is told that they end when the plug-in is switched off.
            let _ = match played {
                Played::On {
                    id,
                    channel,
                    pitch,
                    velocity,
                } => {
                    let which = Pckn::new(0_u16, channel, pitch, id);
                    let event = NoteOnEvent::new(offset, which, velocity.into());
                    events.output.try_push(event)
                }
                Played::Off { id, channel, pitch } => {
                    let which = Pckn::new(0_u16, channel, pitch, id);
                    events
                        .output
                        .try_push(NoteOffEvent::new(offset, which, 0.0))
                }
            };
        });
        // It is never put to sleep: a run is told where the playhead is.
        Ok(ProcessStatus::Continue)
    }

    fn deactivate(self, _main_thread: &MainThread<'a>) {
        self.shared.show(State::NoRun);
    }

    fn reset(&mut self) {
        self.player.reset();
    }
}

impl Processor<'_> {
    /// Takes in a part that an event chooses.
    fn choose(&mut self, event: &clack_plugin::events::UnknownEvent) {
        if let Some(part) = params::chosen(event) {
            self.shared.part.store(part.into(), Ordering::Relaxed);
        }
    }

    /// Takes in what the run says.
    fn hear(&mut self) {
        let connection = self.line.connection();
        if connection != self.connection {
            self.connection = connection;
            self.player.lose();
        }
        let is_connected = is_connected(connection);
        while let Some(message) = self.line.hear() {
            // Of one that is gone, it is old.
            if is_connected {
                self.player.receive(message);
            }
        }
        if self.player.was_late() {
            self.late_until = self.player.head() + (SHOWN * self.rate) as u64;
        }
    }

    /// Shows how it is doing.
    fn show(&mut self, output: &mut OutputEvents<'_>) {
        let state = match is_connected(self.connection) {
            true if self.player.head() < self.late_until => State::Late,
            true => State::Connected,
            false => State::NoRun,
        };
        if self.told != Some(state) {
            self.shared.show(state);
            let value = f64::from(state.value());
            let event = ParamValueEvent::new(0, params::STATE, Pckn::match_all(), value);
            if output.try_push(event).is_ok() {
                self.told = Some(state);
            }
        }
    }
}

/// Whether there is a run.
fn is_connected(connection: u32) -> bool {
    connection % 2 == 1
}

impl PluginAudioProcessorParams for Processor<'_> {
    fn flush(&mut self, input: &InputEvents<'_>, _output: &mut OutputEvents<'_>) {
        for event in input {
            self.choose(event);
        }
    }
}
