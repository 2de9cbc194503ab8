//! What the DAW sees of the plug-in on its main thread: ports, latency, parameters, and the state that
//! it keeps in its project.

use std::ffi::CStr;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};

use clack_extensions::latency::{HostLatency, PluginLatency, PluginLatencyImpl};
use clack_extensions::note_ports::{
    NoteDialect, NoteDialects, NotePortInfo, NotePortInfoWriter, PluginNotePorts,
    PluginNotePortsImpl,
};
use clack_extensions::params::{
    HostParams, ParamDisplayWriter, ParamInfoWriter, ParamRescanFlags, PluginMainThreadParams,
    PluginParams,
};
use clack_extensions::render::{PluginRender, PluginRenderImpl, RenderMode};
use clack_extensions::state::{PluginState, PluginStateImpl};
use clack_plugin::plugin::features::{NOTE_EFFECT, UTILITY};
use clack_plugin::prelude::{
    DefaultPluginFactory, HostMainThreadHandle, HostSharedHandle, InputEvents, OutputEvents,
    Plugin, PluginDescriptor, PluginError, PluginExtensions, PluginMainThread, PluginShared,
};
use clack_plugin::stream::{InputStream, OutputStream};
use clack_plugin::utils::ClapId;
use score_link::daw::PARTS;

use crate::params::{self, ALL, State};
use crate::processor::Processor;

/// What a saved state begins with; its part follows.
const SAVED: &[u8; 6] = b"SCORE\x01";

/// The plug-in.
#[derive(Debug)]
pub struct Score;

impl Plugin for Score {
    type AudioProcessor<'a> = Processor<'a>;
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread<'a>;

    fn declare_extensions(builder: &mut PluginExtensions<Self>, _shared: Option<&Shared>) {
        builder
            .register::<PluginNotePorts>()
            .register::<PluginLatency>()
            .register::<PluginParams>()
            .register::<PluginRender>()
            .register::<PluginState>();
    }
}

impl DefaultPluginFactory for Score {
    fn get_descriptor() -> PluginDescriptor {
        PluginDescriptor::new("score.score-clap", "SCORE!")
            .with_vendor("SCORE!")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_description("Leads a running `score run` and plays its notes")
            .with_features([NOTE_EFFECT, UTILITY])
    }

    fn new_shared(_host: HostSharedHandle<'_>) -> Result<Shared, PluginError> {
        Ok(Shared {
            part: AtomicU32::new(ALL.into()),
            state: AtomicU32::new(0),
            latency: AtomicU32::new(0),
        })
    }

    fn new_main_thread<'a>(
        host: HostMainThreadHandle<'a>,
        shared: &'a Shared,
    ) -> Result<MainThread<'a>, PluginError> {
        Ok(MainThread { host, shared })
    }
}

/// What all threads of the DAW share.
#[derive(Debug)]
pub struct Shared {
    /// The part that is played; 0: all.
    pub(crate) part: AtomicU32,
    /// How it is doing, as the parameter's value.
    state: AtomicU32,
    /// How late all is played, in frames.
    latency: AtomicU32,
}

impl PluginShared<'_> for Shared {}

impl Shared {
    /// The part that is played; 0: all.
    pub(crate) fn part(&self) -> u8 {
        let part = self.part.load(Ordering::Relaxed);
        u8::try_from(part).unwrap_or(ALL)
    }

    /// Shows how it is doing.
    pub(crate) fn show(&self, state: State) {
        self.state.store(state.value(), Ordering::Relaxed);
    }
}

/// What the DAW's main thread has.
pub struct MainThread<'a> {
    host: HostMainThreadHandle<'a>,
    shared: &'a Shared,
}

impl<'a> PluginMainThread<'a, Shared> for MainThread<'a> {}

impl MainThread<'_> {
    /// All is played so many frames late from now on. Called while the plug-in is switched on.
    pub(crate) fn set_latency(&self, latency: u32) {
        if self.shared.latency.swap(latency, Ordering::Relaxed) != latency
            && let Some(host) = self.host.get_extension::<HostLatency>()
        {
            host.changed(&self.host);
        }
    }
}

impl PluginLatencyImpl for MainThread<'_> {
    fn get(&self) -> u32 {
        self.shared.latency.load(Ordering::Relaxed)
    }
}

impl PluginNotePortsImpl for MainThread<'_> {
    fn count(&self, _is_input: bool) -> u32 {
        1
    }

    fn get(&self, index: u32, is_input: bool, writer: &mut NotePortInfoWriter<'_>) {
        if index != 0 {
            return;
        }
        writer.set(&NotePortInfo {
            id: ClapId::new(u32::from(is_input)),
            // Some DAWs take no note effect without an input. What comes in is not played.
            name: if is_input { b"unused" } else { b"notes" },
            supported_dialects: NoteDialects::CLAP,
            preferred_dialect: Some(NoteDialect::Clap),
        });
    }
}

impl PluginRenderImpl for MainThread<'_> {
    /// A run plays in real time, like an instrument in the room: where the DAW heeds this it exports
    /// in real time too.
    fn has_hard_realtime_requirement(&self) -> bool {
        true
    }

    fn set(&self, mode: RenderMode) -> Result<(), PluginError> {
        match mode {
            RenderMode::Realtime => Ok(()),
            RenderMode::Offline => Err(PluginError::Message("a run plays in real time only")),
        }
    }
}

impl PluginMainThreadParams for MainThread<'_> {
    fn count(&self) -> u32 {
        params::COUNT
    }

    fn get_info(&self, index: u32, info: &mut ParamInfoWriter<'_>) {
        params::describe(index, info);
    }

    fn get_value(&self, id: ClapId) -> Option<f64> {
        match id {
            params::PART => Some(self.shared.part().into()),
            params::STATE => Some(self.shared.state.load(Ordering::Relaxed).into()),
            _ => None,
        }
    }

    fn value_to_text(
        &self,
        id: ClapId,
        value: f64,
        writer: &mut ParamDisplayWriter<'_>,
    ) -> std::fmt::Result {
        params::write(id, value, writer)
    }

    fn text_to_value(&self, id: ClapId, text: &CStr) -> Option<f64> {
        params::read(id, text)
    }

    fn flush(&self, input: &InputEvents<'_>, _output: &mut OutputEvents<'_>) {
        for part in input.iter().filter_map(params::chosen) {
            self.shared.part.store(part.into(), Ordering::Relaxed);
        }
    }
}

impl PluginStateImpl for MainThread<'_> {
    fn save(&self, output: &mut OutputStream) -> Result<(), PluginError> {
        output.write_all(SAVED)?;
        output.write_all(&[self.shared.part()])?;
        Ok(())
    }

    fn load(&self, input: &mut InputStream) -> Result<(), PluginError> {
        let mut saved = [0; SAVED.len() + 1];
        input.read_exact(&mut saved)?;
        match saved.split_last() {
            Some((part, begin)) if begin == SAVED && *part <= PARTS => {
                self.shared.part.store((*part).into(), Ordering::Relaxed);
                // The DAW shows the values that it has read before, until it is told.
                if let Some(params) = self.host.get_extension::<HostParams>() {
                    params.rescan(&self.host, ParamRescanFlags::VALUES);
                }
                Ok(())
            }
            _ => Err(PluginError::Message("this is no state of SCORE!")),
        }
    }
}
