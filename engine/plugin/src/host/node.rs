//! A node of a plugin, as the engine sees it.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use score_node::foreign::{AnyNode, AnyProcessor, BuildRequest, CheckReply, CheckRequest};
use score_node::{
    Build, Check, Counters, Flow, Io, NodeError, Packet, Progress, Revision, Time, Transport, Value,
};

use super::library::{Plugin, answer, qualify, unqualify};
use crate::abi::{self, Library, Reply, Text};
use crate::packets;

/// A node on the plugin's side.
pub(super) struct ForeignNode {
    plugin: Arc<Plugin>,
    node: *mut c_void,
}

// SAFETY: a `Node` is `Send + Sync`.
unsafe impl Send for ForeignNode {}
// SAFETY: as above.
unsafe impl Sync for ForeignNode {}

impl ForeignNode {
    /// A node of `kind` from its parameters.
    pub(super) fn parse(
        plugin: Arc<Plugin>,
        kind: &str,
        params: &Value,
    ) -> Result<Self, NodeError> {
        let params = params.to_string();
        // SAFETY: the plugin's own function; both texts outlive the call.
        let reply = unsafe { (plugin.header.parse)(Text::of(kind), Text::of(&params)) };
        let node = reply.object;
        answer(reply).map_err(|refused| refused.into_error())?;
        Ok(ForeignNode { plugin, node })
    }

    fn checked(&self, check: &Check<'_>) -> Result<CheckReply, NodeError> {
        let mut request = CheckRequest::of(check);
        request
            .types()
            .for_each(|port_type| unqualify(&self.plugin.name, port_type));
        let request = json(&request)?;
        // SAFETY: the plugin's function and its node; the text outlives the call.
        let reply = unsafe { (self.plugin.header.library.check)(self.node, Text::of(&request)) };
        let text = answer(reply).map_err(|refused| refused.into_error())?;
        let mut reply: CheckReply = serde_json::from_str(&text)
            .map_err(|error| NodeError::internal(format!("its check cannot be read: {error}")))?;
        reply
            .types()
            .for_each(|port_type| qualify(&self.plugin.name, port_type));
        Ok(reply)
    }
}

impl Drop for ForeignNode {
    fn drop(&mut self) {
        // SAFETY: once, here.
        unsafe { (self.plugin.header.library.drop_node)(self.node) };
    }
}

impl AnyNode for ForeignNode {
    fn check(&self, check: &mut Check<'_>) {
        match self.checked(check) {
            Ok(reply) => reply.tell(check),
            Err(error) => {
                let message = format!("the plugin `{}` cannot check it: {error}", self.plugin.name);
                check.refuse("", message, error.advice().map(str::to_owned));
            }
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        let mut request = BuildRequest::of(build);
        request
            .types()
            .for_each(|port_type| unqualify(&self.plugin.name, port_type));
        let request = json(&request)?;
        let library = self.plugin.header.library;
        // SAFETY: the plugin's function and its node; the text outlives the call.
        let reply = unsafe { (library.build)(self.node, Text::of(&request)) };
        let processor = reply.object;
        answer(reply).map_err(|refused| refused.go_on())?;
        Ok(Box::new(ForeignProcessor {
            library,
            processor,
            pending: None,
            progress: build.progress.clone(),
            counters: build.counters.clone(),
            counted: BTreeMap::new(),
        }))
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, NodeError> {
    serde_json::to_string(value).map_err(|error| {
        NodeError::internal(format!(
            "what a plugin is sent cannot be written as JSON: {error}"
        ))
    })
}

/// A processor on the plugin's side.
struct ForeignProcessor {
    library: &'static Library,
    processor: *mut c_void,
    pending: Option<Time>,
    progress: Arc<Progress>,
    counters: Arc<Counters>,
    counted: BTreeMap<String, Arc<AtomicU64>>,
}

// SAFETY: a `Processor` is `Send`.
unsafe impl Send for ForeignProcessor {}

impl ForeignProcessor {
    /// Calls the plugin with a way to the ports.
    fn call<T>(
        &mut self,
        io: &mut Io<'_>,
        function: impl FnOnce(*mut c_void, *const abi::Io) -> T,
    ) -> T {
        let processor = self.processor;
        let mut call = HostCall {
            io,
            held: None,
            notes: packets::Notes::new(),
            processor: self,
        };
        let table = abi::Io {
            host: (&raw mut call).cast(),
            take,
            send,
            end_at,
            time,
            end,
            now,
            reached,
            stop_requested,
            set_idle,
            progress,
            count,
        };
        function(processor, &raw const table)
    }
}

impl AnyProcessor for ForeignProcessor {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let process = self.library.process;
        // SAFETY: the plugin's function and its processor, which only this thread uses; the table
        // outlives the call.
        let reply = self.call(io, |processor, io| unsafe { process(processor, io) });
        self.pending =
            (reply.pending != abi::NOTHING_PENDING).then_some(Time::from_nanos(reply.pending));
        answer(reply.reply).map_err(|refused| refused.go_on())?;
        Ok(match reply.flow {
            abi::ENDED => Flow::Done,
            abi::WAKE_AT => Flow::WakeAt(Time::from_nanos(reply.time)),
            _ => Flow::Continue,
        })
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let finish = self.library.finish;
        // SAFETY: as in `process`.
        let reply = self.call(io, |processor, io| unsafe { finish(processor, io) });
        done(reply)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        // SAFETY: as in `process`.
        done(unsafe { (self.library.commit)(self.processor) })
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.pending
    }

    fn revised(&mut self, time: Time, revision: &Revision) {
        let Ok(revision) = json(revision) else { return };
        // SAFETY: as in `process`; the text outlives the call.
        let reply =
            unsafe { (self.library.revised)(self.processor, time.nanos(), Text::of(&revision)) };
        if let Err(refused) = answer(reply) {
            // Only a panic comes here: a revision is always taken.
            refused.go_on();
        }
    }

    fn set(&mut self, values: &[(String, Value)]) -> Result<(), NodeError> {
        let values = json(&values)?;
        // SAFETY: as in `process`; the text outlives the call.
        done(unsafe { (self.library.set)(self.processor, Text::of(&values)) })
    }

    fn retime(&mut self, transport: &Transport) -> Result<(), NodeError> {
        let transport = json(transport)?;
        // SAFETY: as in `process`; the text outlives the call.
        done(unsafe { (self.library.retime)(self.processor, Text::of(&transport)) })
    }
}

impl Drop for ForeignProcessor {
    fn drop(&mut self) {
        // SAFETY: once, here. A panic in it has been told by the plugin's hook, and nothing waits
        // for it.
        let _ = answer(unsafe { (self.library.drop_processor)(self.processor) });
    }
}

fn done(reply: Reply) -> Result<(), NodeError> {
    answer(reply).map(|_| ()).map_err(|refused| refused.go_on())
}

/// A call of the plugin that is running: what stands behind its [`abi::Io`].
struct HostCall<'a, 'io> {
    io: &'a mut Io<'io>,
    /// The packet that was taken last, which the plugin may still read.
    held: Option<Packet>,
    notes: packets::Notes,
    processor: &'a mut ForeignProcessor,
}

/// Works with the call that `host` leads to; a panic ends in `otherwise`, since it must not cross.
///
/// # Safety
/// `host` leads to the [`HostCall`] that is running, and nobody else uses it.
unsafe fn at<T>(
    host: *mut c_void,
    otherwise: T,
    work: impl FnOnce(&mut HostCall<'_, '_>) -> T,
) -> T {
    catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise.
        work(unsafe { &mut *host.cast::<HostCall<'_, '_>>() })
    }))
    .unwrap_or(otherwise)
}

// In each function: `host` comes from the table that the plugin was called with, and the call is
// running.

unsafe extern "C" fn take(host: *mut c_void, into: *mut abi::Packet) -> bool {
    // SAFETY: as above; the plugin gives room for a packet.
    unsafe {
        at(host, false, |call| {
            let Some(input) = call.io.take() else {
                return false;
            };
            let packet = call.held.insert(input.packet);
            let mut raw = packets::write(packet, (input.port, input.wire), &mut call.notes);
            raw.heard = input.heard.nanos();
            into.write(raw);
            true
        })
    }
}

unsafe extern "C" fn send(host: *mut c_void, port: u32, raw: *mut abi::Packet) -> Reply {
    // SAFETY: as above; the plugin has written the packet and reads it no more.
    let sent = unsafe {
        at(host, None, |call| {
            let packet = packets::read(&*raw);
            Some(packet.and_then(|packet| call.io.send_packet(port as usize, packet)))
        })
    };
    let panicked = || NodeError::internal("the program failed to take a packet");
    match sent.unwrap_or_else(|| Err(panicked())) {
        Ok(()) => Reply::done(),
        Err(error) => Reply::refused(&error),
    }
}

unsafe extern "C" fn end_at(host: *mut c_void, time: i64) {
    // SAFETY: as above.
    unsafe { at(host, (), |call| call.io.end_at(Time::from_nanos(time))) }
}

unsafe extern "C" fn time(host: *mut c_void) -> i64 {
    // SAFETY: as above.
    unsafe { at(host, 0, |call| call.io.watermark().time().nanos()) }
}

unsafe extern "C" fn end(host: *mut c_void) -> i64 {
    // SAFETY: as above.
    unsafe {
        at(host, i64::MIN, |call| {
            call.io.end().map_or(i64::MIN, Time::nanos)
        })
    }
}

unsafe extern "C" fn now(host: *mut c_void) -> i64 {
    // SAFETY: as above.
    unsafe { at(host, 0, |call| call.io.now().nanos()) }
}

unsafe extern "C" fn reached(host: *mut c_void) -> i64 {
    // SAFETY: as above.
    unsafe { at(host, 0, |call| call.io.reached().time().nanos()) }
}

unsafe extern "C" fn stop_requested(host: *mut c_void) -> bool {
    // SAFETY: as above.
    unsafe { at(host, true, |call| call.io.stop_requested()) }
}

unsafe extern "C" fn set_idle(host: *mut c_void, idle: bool) {
    // SAFETY: as above.
    unsafe { at(host, (), |call| call.io.set_idle(idle)) }
}

unsafe extern "C" fn progress(host: *mut c_void, done: u64, total: u64) {
    // SAFETY: as above.
    unsafe {
        at(host, (), |call| {
            call.processor.progress.set_total(total);
            call.processor.progress.set_done(done);
        })
    }
}

unsafe extern "C" fn count(host: *mut c_void, name: Text, count: u64) {
    // SAFETY: as above; the name is there while the function runs.
    unsafe {
        at(host, (), |call| {
            let name = name.read();
            let ForeignProcessor {
                counters, counted, ..
            } = &mut *call.processor;
            let counter = counted
                .entry(name)
                .or_insert_with_key(|name| counters.counter(kept(name)));
            counter.store(count, Ordering::Relaxed);
        })
    }
}

/// The names of plugins' counters, kept for good, once each.
fn kept(name: &str) -> &'static str {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.push(name);
    name
}
