//! What travels along a wire: a time, where it came from, and a shared payload.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::error::NodeError;
use crate::time::Time;

/// One item on a wire.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Media time at which the payload holds.
    pub time: Time,
    /// Wall-clock time at which the oldest data that it stems from entered the graph; latency is
    /// measured from it.
    pub captured: Instant,
    /// The content, shared between all that read it.
    pub payload: Payload,
}

/// The content of a packet, one variant for each built-in port type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Payload {
    /// A picture.
    Frame(Arc<Frame>),
    /// A latent vector, one number per dimension; those of a good encoder are N(0, 1).
    Latent(Arc<[f32]>),
    /// Notes that begin or end at the packet's time.
    Notes(Arc<[Note]>),
    /// The same, after changes to the channels that the notes sound on. It travels wherever notes
    /// do; [`Packet::notes`] reads the notes of either.
    Performance(Arc<Performance>),
    /// A block of sound that begins at the packet's time.
    Audio(Arc<AudioBlock>),
    /// A number that steers something, usually 0 to 1.
    Control(f32),
    /// Something that happened: a cut, a cue.
    Event(Arc<Event>),
    /// A plugin's own type.
    Custom(Arc<dyn Any + Send + Sync>),
}

impl Payload {
    /// The name of the variant, as an error message gives it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Payload::Frame(_) => "Frame",
            Payload::Latent(_) => "Latent",
            Payload::Notes(_) | Payload::Performance(_) => "Notes",
            Payload::Audio(_) => "Audio",
            Payload::Control(_) => "Control",
            Payload::Event(_) => "Event",
            Payload::Custom(_) => "Custom",
        }
    }
}

macro_rules! payload_accessor {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// The payload is of another type, which a checked patch rules out.
        pub fn $name(&self) -> Result<$type, NodeError> {
            match &self.payload {
                Payload::$variant(content) => Ok(content),
                other => Err(NodeError::wrong_payload(stringify!($variant), other.type_name())),
            }
        }
    };
}

impl Packet {
    payload_accessor!(
        /// The picture in this packet.
        frame, Frame, &Arc<Frame>);
    payload_accessor!(
        /// The latent vector in this packet.
        latent, Latent, &Arc<[f32]>);
    /// The notes in this packet.
    ///
    /// # Errors
    /// The payload is of another type, which a checked patch rules out.
    pub fn notes(&self) -> Result<&Arc<[Note]>, NodeError> {
        match &self.payload {
            Payload::Notes(notes) => Ok(notes),
            Payload::Performance(performance) => Ok(&performance.notes),
            other => Err(NodeError::wrong_payload("Notes", other.type_name())),
        }
    }

    /// What is done to channels before the notes in this packet begin or end.
    pub fn changes(&self) -> &[ChannelChange] {
        match &self.payload {
            Payload::Performance(performance) => &performance.changes,
            _ => &[],
        }
    }

    payload_accessor!(
        /// The block of sound in this packet.
        audio, Audio, &Arc<AudioBlock>);
    payload_accessor!(
        /// The control value in this packet.
        control, Control, &f32);
    payload_accessor!(
        /// The event in this packet.
        event, Event, &Arc<Event>);

    /// The value of a plugin's own type `T` in this packet.
    ///
    /// # Errors
    /// The payload is of another type, or was made by another library than the one that reads it.
    pub fn custom<T: Any + Send + Sync>(&self) -> Result<&T, NodeError> {
        let expected = std::any::type_name::<T>();
        match &self.payload {
            Payload::Custom(content) => content.downcast_ref().ok_or_else(|| {
                NodeError::wrong_payload(expected, "a value that another library made")
            }),
            other => Err(NodeError::wrong_payload(expected, other.type_name())),
        }
    }
}

/// A picture of 8-bit RGB pixels.
#[derive(Clone)]
pub struct Frame {
    width: u32,
    height: u32,
    pixels: Pixels,
}

/// Where the bytes of a picture lie.
#[derive(Clone)]
enum Pixels {
    Own(Vec<u8>),
    Shared(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl Frame {
    /// A picture of `width` × `height` pixels, rows from the top, three bytes (R, G, B) per pixel;
    /// `None` when `pixels` has another length.
    pub fn rgb(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        Self::of(width, height, Pixels::Own(pixels))
    }

    /// The same, of pixels in memory that is shared, not copied.
    pub fn shared(
        width: u32,
        height: u32,
        pixels: Arc<dyn AsRef<[u8]> + Send + Sync>,
    ) -> Option<Self> {
        Self::of(width, height, Pixels::Shared(pixels))
    }

    fn of(width: u32, height: u32, pixels: Pixels) -> Option<Self> {
        let frame = Frame {
            width,
            height,
            pixels,
        };
        let length = u64::from(width) * u64::from(height) * 3;
        (u64::try_from(frame.pixels().len()) == Ok(length)).then_some(frame)
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels: rows from the top, three bytes (R, G, B) per pixel.
    pub fn pixels(&self) -> &[u8] {
        match &self.pixels {
            Pixels::Own(pixels) => pixels,
            Pixels::Shared(pixels) => (**pixels).as_ref(),
        }
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        (self.width, self.height, self.pixels()) == (other.width, other.height, other.pixels())
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({}×{})", self.width, self.height)
    }
}

/// A note that begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// A key goes down.
    On {
        /// MIDI channel, 0 to 15; 9 is drums.
        channel: u8,
        /// MIDI pitch, 0 to 127; 60 is middle C.
        pitch: u8,
        /// How hard, above 0 up to 1.
        velocity: f32,
    },
    /// A key comes up.
    Off {
        /// MIDI channel, 0 to 15.
        channel: u8,
        /// MIDI pitch, 0 to 127.
        pitch: u8,
    },
}

impl Note {
    /// MIDI channel, 0 to 15.
    pub fn channel(&self) -> u8 {
        match *self {
            Note::On { channel, .. } | Note::Off { channel, .. } => channel,
        }
    }

    /// MIDI pitch, 0 to 127.
    pub fn pitch(&self) -> u8 {
        match *self {
            Note::On { pitch, .. } | Note::Off { pitch, .. } => pitch,
        }
    }
}

/// Notes, and what is done to their channels before they begin or end.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// What is done to channels.
    pub changes: Vec<ChannelChange>,
    /// The notes.
    pub notes: Arc<[Note]>,
}

/// Something that is done to a channel, and holds for all its notes from then on. The pedals that
/// hold notes are not among them: whoever reads a player's hands applies them to the notes' ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ChannelChange {
    /// A controller goes to a value.
    Controller {
        /// MIDI channel, 0 to 15.
        channel: u8,
        /// MIDI's number for it: 7 is volume, 10 pan, 11 expression.
        number: u8,
        /// 0 to 1.
        value: f32,
    },
    /// The pitch is bent.
    Bend {
        /// MIDI channel, 0 to 15.
        channel: u8,
        /// −1 to 1: how much of the span that registered parameter 0 gives, else of two semitones.
        value: f32,
    },
    /// Another program is chosen.
    Program {
        /// MIDI channel, 0 to 15.
        channel: u8,
        /// General MIDI's number for it, from 0.
        number: u8,
    },
}

impl ChannelChange {
    /// The same on another MIDI channel.
    #[must_use]
    pub fn on_channel(mut self, wanted: u8) -> Self {
        let (ChannelChange::Controller { channel, .. }
        | ChannelChange::Bend { channel, .. }
        | ChannelChange::Program { channel, .. }) = &mut self;
        *channel = wanted;
        self
    }

    /// MIDI channel, 0 to 15.
    pub fn channel(&self) -> u8 {
        match *self {
            ChannelChange::Controller { channel, .. }
            | ChannelChange::Bend { channel, .. }
            | ChannelChange::Program { channel, .. } => channel,
        }
    }
}

/// A block of sound: interleaved samples, full scale from −1 to 1.
#[derive(Clone, PartialEq)]
pub struct AudioBlock {
    /// Frames per second, Hz.
    pub rate: u32,
    /// Samples in a frame: 1 mono, 2 stereo (left, right).
    pub channels: u16,
    /// Samples, frame by frame.
    pub samples: Vec<f32>,
}

impl AudioBlock {
    /// Frames in the block.
    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }
}

impl fmt::Debug for AudioBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "AudioBlock({} × {} at {} Hz)",
            self.frames(),
            self.channels,
            self.rate
        )
    }
}

/// Something that happened in the picture or on the stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What: `cut`, or a cue's name.
    pub name: String,
    /// How much, 0 to 1.
    pub strength: f32,
}
