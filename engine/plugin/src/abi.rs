//! What crosses between a program and a plugin: plain C structs and functions.
//!
//! Declarations, parameters, answers and errors cross as JSON. The pixels of a picture are shared:
//! they belong to who made them until the other side gives them back. Latents, notes, sound and
//! events are copied, which costs less than to share them. Values of a plugin's own type cross as
//! handles, which only the library that made them can look into.
//!
//! Whoever changes a struct here, or what the JSON says, raises [`VERSION`].
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::mem::{align_of, offset_of, size_of};

use score_node::NodeError;
use score_node::foreign::ErrorReply;

/// The version of what crosses.
pub const VERSION: u32 = 2;

/// What every plugin begins with: `SCOREPLG`.
pub const MAGIC: [u8; 8] = *b"SCOREPLG";

/// The name of the [`Header`] among a plugin's symbols.
pub const SYMBOL: &[u8] = b"SCORE_PLUGIN\0";

/// UTF-8 that belongs to somebody else.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    /// The first byte; never null.
    pub data: *const u8,
    /// Bytes.
    pub length: usize,
}

impl Text {
    /// The text as it stands.
    pub const fn of(text: &str) -> Self {
        Text {
            data: text.as_ptr(),
            length: text.len(),
        }
    }

    /// The text; what is not UTF-8 is replaced.
    ///
    /// # Safety
    /// The bytes are there and do not change while this runs.
    pub unsafe fn read(&self) -> String {
        if self.data.is_null() {
            return String::new();
        }
        // SAFETY: the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts(self.data, self.length) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// What a function gives back. Dropped, it gives its text back to the side that wrote it.
#[repr(C)]
pub struct Reply {
    /// One of [`DONE`], [`REFUSED`], [`PANICKED`].
    pub status: u32,
    /// What the function makes, an object of its own side; or null.
    pub object: *mut c_void,
    /// JSON of the answer or of the error, or what the panic says.
    pub text: Text,
    /// Frees the text; none where it is empty.
    pub release: Option<unsafe extern "C" fn(Text)>,
}

/// It worked.
pub const DONE: u32 = 0;
/// It did not work; the text is an error.
pub const REFUSED: u32 = 1;
/// It panicked; the text says what the panic did.
pub const PANICKED: u32 = 2;

/// What a processor wants next.
#[repr(C)]
pub struct FlowReply {
    /// Whether it went well, and what is wrong if not.
    pub reply: Reply,
    /// One of [`CONTINUE`], [`WAKE_AT`], [`ENDED`].
    pub flow: u32,
    /// When to call again, for [`WAKE_AT`].
    pub time: i64,
    /// The earliest time at which the processor may still send because of what it holds back, or
    /// [`NOTHING_PENDING`].
    pub pending: i64,
}

/// It holds nothing back.
pub const NOTHING_PENDING: i64 = i64::MAX;
/// Call when something is due.
pub const CONTINUE: u32 = 0;
/// Call at a time.
pub const WAKE_AT: u32 = 1;
/// Nothing more will come.
pub const ENDED: u32 = 2;

/// A packet.
#[repr(C)]
pub struct Packet {
    /// Media time in nanoseconds.
    pub time: i64,
    /// When its oldest ancestor was captured, in nanoseconds since the moment that
    /// [`Library::start`] tells.
    pub captured: i64,
    /// The input that it is due at.
    pub port: u32,
    /// The wire into that input.
    pub wire: u32,
    /// One of [`FRAME`] and its neighbours.
    pub payload: u32,
    /// A picture's width, a sound's rate.
    pub first: u32,
    /// A picture's height, a sound's channels.
    pub second: u32,
    /// A control's value, an event's strength.
    pub number: f32,
    /// Pixels, numbers of a latent, notes, samples, the name of an event.
    pub data: *const c_void,
    /// How many of them.
    pub length: usize,
    /// Whom `data` belongs to; null where it is only lent until the function returns or the next
    /// packet is taken.
    pub owner: *mut c_void,
    /// Gives `data` back; to be called once, from any thread.
    pub release: Option<unsafe extern "C" fn(*mut c_void)>,
    /// Which library made a value of a type of its own: the address of something in it.
    pub origin: usize,
    /// When it counts for a node that answers at once, in nanoseconds; 0 where it is sent.
    pub heard: i64,
}

/// A picture: `data` is bytes, three a pixel.
pub const FRAME: u32 = 0;
/// A latent: `data` is `f32`.
pub const LATENT: u32 = 1;
/// Notes: `data` is [`Note`].
pub const NOTES: u32 = 2;
/// Sound: `data` is `f32`.
pub const AUDIO: u32 = 3;
/// A control: `number`.
pub const CONTROL: u32 = 4;
/// An event: `data` is its name.
pub const EVENT: u32 = 5;
/// A value of a plugin's own type: `owner`, of `origin`.
pub const CUSTOM: u32 = 6;

/// A note that begins or ends.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Note {
    /// 1: it begins; 0: it ends.
    pub on: u8,
    /// MIDI channel.
    pub channel: u8,
    /// MIDI pitch.
    pub pitch: u8,
    /// Nothing.
    pub padding: u8,
    /// How hard.
    pub velocity: f32,
}

/// A processor's way to its inputs and outputs while one of its functions runs. Each function takes
/// `host` first.
#[repr(C)]
pub struct Io {
    /// The other side's own.
    pub host: *mut c_void,
    /// Takes the next packet that is due; false: there is none.
    pub take: unsafe extern "C" fn(*mut c_void, *mut Packet) -> bool,
    /// Sends a packet from an output.
    pub send: unsafe extern "C" fn(*mut c_void, u32, *mut Packet) -> Reply,
    /// Says when the outputs end.
    pub end_at: unsafe extern "C" fn(*mut c_void, i64),
    /// The watermark; `i64::MAX`: nothing more comes.
    pub time: unsafe extern "C" fn(*mut c_void) -> i64,
    /// When the inputs ended; `i64::MIN`: one goes on.
    pub end: unsafe extern "C" fn(*mut c_void) -> i64,
    /// The clock's time.
    pub now: unsafe extern "C" fn(*mut c_void) -> i64,
    /// Up to where everything is known that will count; `i64::MAX`: nothing more comes.
    pub reached: unsafe extern "C" fn(*mut c_void) -> i64,
    /// Whether the run is being stopped.
    pub stop_requested: unsafe extern "C" fn(*mut c_void) -> bool,
    /// The node begins or ends to wait for something outside.
    pub set_idle: unsafe extern "C" fn(*mut c_void, bool),
    /// How much work is done, and how much there is.
    pub progress: unsafe extern "C" fn(*mut c_void, u64, u64),
    /// What the node counts, by name.
    pub count: unsafe extern "C" fn(*mut c_void, Text, u64),
}

/// What a plugin can do. A node and a processor are objects of the plugin's side.
#[repr(C)]
pub struct Library {
    /// Called once, first: nanoseconds that have gone by since the moment from which times of
    /// capture count.
    pub start: unsafe extern "C" fn(i64),
    /// Lets a node check itself: a request, and an answer, in JSON.
    pub check: unsafe extern "C" fn(*const c_void, Text) -> Reply,
    /// Builds a processor, which the reply's object is, from a request in JSON.
    pub build: unsafe extern "C" fn(*const c_void, Text) -> Reply,
    /// Frees a node.
    pub drop_node: unsafe extern "C" fn(*mut c_void),
    /// See `Processor::process`.
    pub process: unsafe extern "C" fn(*mut c_void, *const Io) -> FlowReply,
    /// See `Processor::finish`.
    pub finish: unsafe extern "C" fn(*mut c_void, *const Io) -> Reply,
    /// See `Processor::commit`.
    pub commit: unsafe extern "C" fn(*mut c_void) -> Reply,
    /// See `Processor::revised`; the revision in JSON.
    pub revised: unsafe extern "C" fn(*mut c_void, i64, Text) -> Reply,
    /// See `AnyProcessor::set`; names and values in JSON, as `[["gain", -6.0]]`.
    pub set: unsafe extern "C" fn(*mut c_void, Text) -> Reply,
    /// See `AnyProcessor::retime`; the transport in JSON.
    pub retime: unsafe extern "C" fn(*mut c_void, Text) -> Reply,
    /// Frees a processor.
    pub drop_processor: unsafe extern "C" fn(*mut c_void) -> Reply,
}

/// What a plugin says of itself. Its first fields, up to `plugin_version`, never change, so that
/// one of another version can be told from a broken one.
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`] as the plugin was built with it.
    pub version: u32,
    /// Nothing.
    pub padding: u32,
    /// [`LAYOUT`] as the plugin was built with it.
    pub layout: u64,
    /// The version of this crate that the plugin was built with.
    pub sdk: Text,
    /// The plugin's crate.
    pub plugin: Text,
    /// Its version.
    pub plugin_version: Text,
    /// What it can do.
    pub library: &'static Library,
    /// The declarations of its kinds, in JSON.
    pub describe: extern "C" fn() -> Reply,
    /// A node, which the reply's object is, of a kind's name and its parameters in JSON.
    pub parse: unsafe extern "C" fn(Text, Text) -> Reply,
}

// SAFETY: what the pointers lead to never changes and never goes.
unsafe impl Sync for Header {}

/// A number that changes with every size and place of what crosses: FNV-1a (Fowler, Noll, Vo) over
/// them.
pub const LAYOUT: u64 = {
    let measures = [
        size_of::<usize>(),
        size_of::<Text>(),
        size_of::<Reply>(),
        offset_of!(Reply, object),
        offset_of!(Reply, text),
        offset_of!(Reply, release),
        size_of::<FlowReply>(),
        offset_of!(FlowReply, flow),
        offset_of!(FlowReply, time),
        offset_of!(FlowReply, pending),
        size_of::<Packet>(),
        align_of::<Packet>(),
        offset_of!(Packet, port),
        offset_of!(Packet, payload),
        offset_of!(Packet, number),
        offset_of!(Packet, data),
        offset_of!(Packet, owner),
        offset_of!(Packet, release),
        offset_of!(Packet, origin),
        offset_of!(Packet, heard),
        size_of::<Note>(),
        offset_of!(Note, velocity),
        size_of::<Io>(),
        offset_of!(Io, reached),
        offset_of!(Io, count),
        size_of::<Library>(),
        offset_of!(Library, drop_processor),
        size_of::<Header>(),
        offset_of!(Header, library),
        offset_of!(Header, parse),
    ];
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < measures.len() {
        hash = (hash ^ measures[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    hash
};

impl Reply {
    /// It is done, and there is nothing to say.
    pub fn done() -> Self {
        Self::with(DONE, std::ptr::null_mut(), String::new())
    }

    /// It cannot be done, because of `error`.
    pub(crate) fn refused(error: &NodeError) -> Self {
        let text = serde_json::to_string(&ErrorReply::from(error)).unwrap_or_default();
        Self::with(REFUSED, std::ptr::null_mut(), text)
    }

    pub(crate) fn with(status: u32, object: *mut c_void, text: String) -> Self {
        if text.is_empty() {
            return Reply {
                status,
                object,
                text: Text::of(""),
                release: None,
            };
        }
        let bytes = Box::leak(text.into_bytes().into_boxed_slice());
        Reply {
            status,
            object,
            text: Text {
                data: bytes.as_ptr(),
                length: bytes.len(),
            },
            release: Some(release_text),
        }
    }

    /// What it says.
    ///
    /// # Safety
    /// The reply comes from a function of this module's kinds.
    pub(crate) unsafe fn into_text(self) -> String {
        // SAFETY: a reply's text is there until the reply is dropped.
        unsafe { self.text.read() }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            // SAFETY: a reply's text is there until it is released, which happens once: here.
            unsafe { release(self.text) };
        }
    }
}

/// The error that the text of a refusal is.
pub(crate) fn error_of(text: String) -> NodeError {
    match serde_json::from_str::<ErrorReply>(&text) {
        Ok(error) => error.into(),
        Err(_) => NodeError::internal(text),
    }
}

/// # Safety
/// `text` was made by [`Reply::with`] on this side, and nobody reads it any more.
unsafe extern "C" fn release_text(text: Text) {
    let bytes = std::ptr::slice_from_raw_parts_mut(text.data.cast_mut(), text.length);
    // SAFETY: the caller's promise; it was leaked as this box.
    drop(unsafe { Box::from_raw(bytes) });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_text_of_every_reply_is_given_back_once_whether_it_is_read_or_not() {
        static RELEASED: AtomicUsize = AtomicUsize::new(0);
        unsafe extern "C" fn count(_text: Text) {
            RELEASED.fetch_add(1, Ordering::Relaxed);
        }
        let reply = || Reply {
            status: REFUSED,
            object: std::ptr::null_mut(),
            text: Text::of("no room"),
            release: Some(count),
        };
        drop(reply());
        assert_eq!(RELEASED.load(Ordering::Relaxed), 1);
        // SAFETY: its text is there for good.
        let text = unsafe { reply().into_text() };
        assert_eq!(text, "no room");
        assert_eq!(RELEASED.load(Ordering::Relaxed), 2);
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_changed_layout_comes_with_a_new_version() {
        assert_eq!((VERSION, LAYOUT), (2, 5_343_790_850_631_106_285));
    }
}
