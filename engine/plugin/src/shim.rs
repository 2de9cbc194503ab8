//! The plugin's side: C functions around [`Node`] and [`crate::Processor`]. Every entry catches
//! panics.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use score_node::foreign::{
    AnyNode, AnyProcessor, BuildRequest, CheckRequest, Host, Lineage, panic_message,
};
use score_node::{
    Counters, Descriptor, Flow, Input, Io, Node, NodeError, Packet, ParamType, Progress, Revision,
    Time, Transport, Value, Watermark,
};
use serde::de::DeserializeOwned;

use crate::abi::{self, FlowReply, Header, Library, Reply, Text};
use crate::{instant, packets};

/// A kind of the plugin's.
pub struct Kind {
    descriptor: fn() -> Descriptor,
    parse: fn(Value) -> Result<Box<dyn AnyNode>, NodeError>,
}

impl Kind {
    /// The kind that `N` declares.
    pub const fn of<N: Node>() -> Self {
        Kind {
            descriptor: N::descriptor,
            parse: |params| Ok(Box::new(N::read(&params)?)),
        }
    }
}

/// A node.
struct Made(Box<dyn AnyNode>);

/// What [`crate::export`] puts among the library's symbols.
pub const fn header(
    plugin: &'static str,
    plugin_version: &'static str,
    describe: extern "C" fn() -> Reply,
    parse: unsafe extern "C" fn(Text, Text) -> Reply,
) -> Header {
    Header {
        magic: abi::MAGIC,
        version: abi::VERSION,
        padding: 0,
        layout: abi::LAYOUT,
        sdk: Text::of(env!("CARGO_PKG_VERSION")),
        plugin: Text::of(plugin),
        plugin_version: Text::of(plugin_version),
        library: &LIBRARY,
        describe,
        parse,
    }
}

static LIBRARY: Library = Library {
    start,
    check,
    build,
    drop_node,
    process,
    finish,
    commit,
    revised,
    set,
    retime,
    drop_processor,
};

/// The declarations of `kinds`.
pub fn describe(kinds: &[Kind]) -> Reply {
    guarded(|| {
        let mut descriptors: Vec<Descriptor> =
            kinds.iter().map(|kind| (kind.descriptor)()).collect();
        for param in descriptors.iter_mut().flat_map(|kind| &mut kind.params) {
            make_finite(&mut param.param_type);
        }
        Ok((std::ptr::null_mut(), json(&descriptors)?))
    })
}

/// Gives ends to ranges that have none, which JSON cannot write.
fn make_finite(param_type: &mut ParamType) {
    match param_type {
        ParamType::Number { min, max } | ParamType::Length { min, max } => {
            *min = min.max(f64::MIN);
            *max = max.min(f64::MAX);
        }
        ParamType::List(item) => make_finite(item),
        _ => {}
    }
}

/// A node of one of `kinds`.
///
/// # Safety
/// Both texts are valid while the function runs.
pub unsafe fn parse(kinds: &[Kind], kind: Text, params: Text) -> Reply {
    guarded(|| {
        // SAFETY: the caller's promise.
        let (name, params) = unsafe { (kind.read(), from_json::<Value>(&params)?) };
        let kind = (kinds.iter())
            .find(|kind| (kind.descriptor)().kind == name)
            .ok_or_else(|| NodeError::internal(format!("the plugin has no kind `{name}`")))?;
        let made = Box::new(Made((kind.parse)(params)?));
        Ok((Box::into_raw(made).cast(), String::new()))
    })
}

/// Does one thing and makes a reply of whatever comes of it.
fn guarded(work: impl FnOnce() -> Result<(*mut c_void, String), NodeError>) -> Reply {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok((object, text))) => Reply::with(abi::DONE, object, text),
        Ok(Err(error)) => Reply::refused(&error),
        Err(panic) => {
            let message = panic_message(panic.as_ref());
            // What a panic carries may panic once more when it is dropped.
            std::mem::forget(panic);
            Reply::with(abi::PANICKED, std::ptr::null_mut(), message)
        }
    }
}

fn quiet(work: impl FnOnce() -> Result<(), NodeError>) -> Reply {
    guarded(|| work().map(|()| (std::ptr::null_mut(), String::new())))
}

fn json(value: &impl serde::Serialize) -> Result<String, NodeError> {
    serde_json::to_string(value).map_err(|error| NodeError::internal(error.to_string()))
}

/// # Safety
/// As [`Text::read`].
unsafe fn from_json<T: DeserializeOwned>(text: &Text) -> Result<T, NodeError> {
    // SAFETY: the caller's promise.
    let text = unsafe { text.read() };
    serde_json::from_str(&text).map_err(|error| NodeError::internal(error.to_string()))
}

unsafe extern "C" fn start(elapsed: i64) {
    instant::start(elapsed);
}

unsafe extern "C" fn check(node: *const c_void, request: Text) -> Reply {
    guarded(|| {
        // SAFETY: the program hands in a node that `parse` made and that is not yet dropped.
        let (made, request) =
            unsafe { (&*node.cast::<Made>(), from_json::<CheckRequest>(&request)?) };
        let reply = request.answer(&*made.0);
        Ok((std::ptr::null_mut(), json(&reply)?))
    })
}

unsafe extern "C" fn build(node: *const c_void, request: Text) -> Reply {
    guarded(|| {
        // SAFETY: as in `check`.
        let (made, request) =
            unsafe { (&*node.cast::<Made>(), from_json::<BuildRequest>(&request)?) };
        let (progress, counters) = (Arc::<Progress>::default(), Arc::<Counters>::default());
        let processor = request.answer(&*made.0, &progress, &counters)?;
        let running = Box::new(Running {
            processor,
            lineage: Lineage::new(),
            progress,
            counters,
            told_progress: None,
            told: BTreeMap::new(),
        });
        Ok((Box::into_raw(running).cast(), String::new()))
    })
}

unsafe extern "C" fn drop_node(node: *mut c_void) {
    // SAFETY: the program drops what `parse` made, once.
    quiet(|| {
        drop(unsafe { Box::from_raw(node.cast::<Made>()) });
        Ok(())
    });
}

/// A processor that runs.
struct Running {
    processor: Box<dyn AnyProcessor>,
    lineage: Lineage,
    progress: Arc<Progress>,
    counters: Arc<Counters>,
    told_progress: Option<(u64, u64)>,
    told: BTreeMap<&'static str, u64>,
}

impl Running {
    /// Tells what has changed of how far it has come and of what it counts.
    fn tell(&mut self, io: &abi::Io) {
        let progress = self.progress.get();
        if progress != self.told_progress {
            self.told_progress = progress;
            if let Some((done, total)) = progress {
                // SAFETY: the program's function, with the program's own.
                unsafe { (io.progress)(io.host, done, total) };
            }
        }
        for (name, count) in self.counters.read() {
            if self.told.insert(name, count) != Some(count) {
                // SAFETY: as above; the name is there while the function runs.
                unsafe { (io.count)(io.host, Text::of(name), count) };
            }
        }
    }
}

/// # Safety
/// `processor` was made by `build` and is not used by anybody else meanwhile.
unsafe fn running<'a>(processor: *mut c_void) -> &'a mut Running {
    // SAFETY: the caller's promise.
    unsafe { &mut *processor.cast::<Running>() }
}

unsafe extern "C" fn process(processor: *mut c_void, io: *const abi::Io) -> FlowReply {
    let (mut flow, mut pending) = (Flow::Continue, None);
    let reply = quiet(|| {
        // SAFETY: a processor is called by its own thread only, and `io` is there while it is.
        let (running, io) = unsafe { (running(processor), &*io) };
        let mut remote = Remote {
            io,
            notes: packets::Notes::new(),
            broken: None,
        };
        let result = running
            .processor
            .process(&mut Io::new(&mut remote, &mut running.lineage));
        if let Some(broken) = remote.broken {
            return Err(broken);
        }
        flow = result?;
        pending = running.processor.earliest_pending();
        running.tell(io);
        Ok(())
    });
    let (flow, time) = match flow {
        Flow::Continue => (abi::CONTINUE, 0),
        Flow::WakeAt(time) => (abi::WAKE_AT, time.nanos()),
        Flow::Done => (abi::ENDED, 0),
    };
    FlowReply {
        reply,
        flow,
        time,
        pending: pending.map_or(abi::NOTHING_PENDING, Time::nanos),
    }
}

unsafe extern "C" fn finish(processor: *mut c_void, io: *const abi::Io) -> Reply {
    quiet(|| {
        // SAFETY: as in `process`.
        let (running, io) = unsafe { (running(processor), &*io) };
        let mut remote = Remote {
            io,
            notes: packets::Notes::new(),
            broken: None,
        };
        running
            .processor
            .finish(&mut Io::new(&mut remote, &mut running.lineage))?;
        running.tell(io);
        remote.broken.map_or(Ok(()), Err)
    })
}

unsafe extern "C" fn commit(processor: *mut c_void) -> Reply {
    // SAFETY: as in `process`.
    quiet(|| unsafe { running(processor) }.processor.commit())
}

unsafe extern "C" fn revised(processor: *mut c_void, time: i64, revision: Text) -> Reply {
    quiet(|| {
        // SAFETY: as in `process`.
        let (running, revision) =
            unsafe { (running(processor), from_json::<Revision>(&revision)?) };
        running.processor.revised(Time::from_nanos(time), &revision);
        Ok(())
    })
}

unsafe extern "C" fn set(processor: *mut c_void, values: Text) -> Reply {
    quiet(|| {
        // SAFETY: as in `process`.
        let (running, values) = unsafe {
            (
                running(processor),
                from_json::<Vec<(String, Value)>>(&values)?,
            )
        };
        running.processor.set(&values)
    })
}

unsafe extern "C" fn retime(processor: *mut c_void, transport: Text) -> Reply {
    quiet(|| {
        // SAFETY: as in `process`.
        let (running, transport) =
            unsafe { (running(processor), from_json::<Transport>(&transport)?) };
        running.processor.retime(&transport)
    })
}

unsafe extern "C" fn drop_processor(processor: *mut c_void) -> Reply {
    quiet(|| {
        // SAFETY: the program drops what `build` made, once.
        drop(unsafe { Box::from_raw(processor.cast::<Running>()) });
        Ok(())
    })
}

/// The program's ports, seen from the plugin.
struct Remote<'a> {
    io: &'a abi::Io,
    notes: packets::Notes,
    /// A packet that could not be read.
    broken: Option<NodeError>,
}

// In each method: the program's function is called with the program's own, while the call lasts
// that `io` came with.
impl Host for Remote<'_> {
    fn take(&mut self) -> Option<Input> {
        let mut raw = std::mem::MaybeUninit::<abi::Packet>::uninit();
        // SAFETY: as above; the packet is written where the function says `true`.
        let (raw, packet) = unsafe {
            if !(self.io.take)(self.io.host, raw.as_mut_ptr()) {
                return None;
            }
            let raw = raw.assume_init();
            let packet = packets::read(&raw);
            (raw, packet)
        };
        match packet {
            Ok(packet) => Some(Input {
                port: raw.port as usize,
                wire: raw.wire as usize,
                packet,
                heard: Time::from_nanos(raw.heard),
            }),
            Err(error) => {
                self.broken = Some(error);
                None
            }
        }
    }

    fn send(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        let mut raw = packets::write(&packet, (port, 0), &mut self.notes);
        // SAFETY: as above; what is lent lives until after the call, and what is owned goes over.
        let reply = unsafe { (self.io.send)(self.io.host, raw.port, &raw mut raw) };
        if reply.status == abi::DONE {
            return Ok(());
        }
        // SAFETY: the program's reply.
        Err(abi::error_of(unsafe { reply.into_text() }))
    }

    fn end_at(&mut self, time: Time) {
        // SAFETY: as above.
        unsafe { (self.io.end_at)(self.io.host, time.nanos()) };
    }

    fn watermark(&self) -> Watermark {
        // SAFETY: as above.
        Time::from_nanos(unsafe { (self.io.time)(self.io.host) }).into()
    }

    fn end(&self) -> Option<Time> {
        // SAFETY: as above.
        let nanos = unsafe { (self.io.end)(self.io.host) };
        (nanos != i64::MIN).then_some(Time::from_nanos(nanos))
    }

    fn now(&self) -> Time {
        // SAFETY: as above.
        Time::from_nanos(unsafe { (self.io.now)(self.io.host) })
    }

    fn reached(&self) -> Watermark {
        // SAFETY: as above.
        Time::from_nanos(unsafe { (self.io.reached)(self.io.host) }).into()
    }

    fn stop_requested(&self) -> bool {
        // SAFETY: as above.
        unsafe { (self.io.stop_requested)(self.io.host) }
    }

    fn set_idle(&self, idle: bool) {
        // SAFETY: as above.
        unsafe { (self.io.set_idle)(self.io.host, idle) };
    }
}
