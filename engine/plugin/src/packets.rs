//! Packets on their way across: written into C structs on one side, read from them on the other.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::c_void;
use std::sync::Arc;

use score_node::{AudioBlock, Event, Frame, NodeError, Note, Packet, Payload, Time};

use crate::abi;
use crate::instant;

/// Something in this copy of this crate: its address tells the library that made a value from every
/// other, also from the same library loaded again, since none is ever unloaded.
static ORIGIN: u8 = 0;

fn origin() -> usize {
    std::ptr::from_ref(&ORIGIN).addr()
}

/// Notes as they cross, kept while the other side reads them.
pub(crate) type Notes = Vec<abi::Note>;

/// Writes `packet`, due at `port` and `wire`. What it lends is there as long as the packet and
/// `notes` are.
pub(crate) fn write(
    packet: &Packet,
    (port, wire): (usize, usize),
    notes: &mut Notes,
) -> abi::Packet {
    let mut raw = abi::Packet {
        time: packet.time.nanos(),
        captured: instant::to_nanos(packet.captured),
        port: u32::try_from(port).unwrap_or(u32::MAX),
        wire: u32::try_from(wire).unwrap_or(u32::MAX),
        payload: abi::CONTROL,
        first: 0,
        second: 0,
        number: 0.0,
        data: std::ptr::NonNull::<f32>::dangling().as_ptr().cast(),
        length: 0,
        owner: std::ptr::null_mut(),
        release: None,
        origin: 0,
        heard: 0,
    };
    match &packet.payload {
        Payload::Frame(frame) => {
            raw.payload = abi::FRAME;
            (raw.first, raw.second) = (frame.width(), frame.height());
            (raw.data, raw.length) = lend(frame.pixels());
            raw.owner = Arc::into_raw(frame.clone()).cast_mut().cast();
            raw.release = Some(release_frame);
        }
        Payload::Latent(latent) => {
            raw.payload = abi::LATENT;
            (raw.data, raw.length) = lend(latent);
        }
        Payload::Notes(these) => {
            raw.payload = abi::NOTES;
            notes.clear();
            notes.extend(these.iter().map(write_note));
            (raw.data, raw.length) = lend(notes);
        }
        // What is done to channels has no place in what crosses; the notes have.
        Payload::Performance(performance) => {
            raw.payload = abi::NOTES;
            notes.clear();
            notes.extend(performance.notes.iter().map(write_note));
            (raw.data, raw.length) = lend(notes);
        }
        Payload::Audio(block) => {
            raw.payload = abi::AUDIO;
            (raw.first, raw.second) = (block.rate, u32::from(block.channels));
            (raw.data, raw.length) = lend(&block.samples);
        }
        Payload::Control(value) => raw.number = *value,
        Payload::Event(event) => {
            raw.payload = abi::EVENT;
            raw.number = event.strength;
            (raw.data, raw.length) = lend(event.name.as_bytes());
        }
        Payload::Custom(value) => {
            raw.payload = abi::CUSTOM;
            // What came from elsewhere goes on with its own origin; it is lent, and who reads it
            // shares it.
            match value.downcast_ref::<Handle>() {
                Some(handle) => {
                    raw.data = handle.data;
                    raw.origin = handle.origin;
                }
                None => {
                    let shared: Box<Arc<dyn Any + Send + Sync>> = Box::new(value.clone());
                    raw.owner = Box::into_raw(shared).cast();
                    raw.data = raw.owner;
                    raw.release = Some(release_custom);
                    raw.origin = origin();
                }
            }
        }
        // Nothing that crosses stands for it; the other side reports that.
        _ => raw.payload = u32::MAX,
    }
    raw
}

fn lend<T>(items: &[T]) -> (*const c_void, usize) {
    (items.as_ptr().cast(), items.len())
}

fn write_note(note: &Note) -> abi::Note {
    let (on, velocity) = match *note {
        Note::On { velocity, .. } => (1, velocity),
        Note::Off { .. } => (0, 0.0),
    };
    abi::Note {
        on,
        channel: note.channel(),
        pitch: note.pitch(),
        padding: 0,
        velocity,
    }
}

fn read_note(note: &abi::Note) -> Note {
    let (channel, pitch) = (note.channel, note.pitch);
    if note.on == 0 {
        return Note::Off { channel, pitch };
    }
    Note::On {
        channel,
        pitch,
        velocity: note.velocity,
    }
}

/// Reads a packet and takes over what it owns.
///
/// # Errors
/// It is of no kind that this side knows, or says what cannot be.
///
/// # Safety
/// The packet was written by [`write`] on the other side, is read for the first time, and what it
/// lends is there.
pub(crate) unsafe fn read(raw: &abi::Packet) -> Result<Packet, NodeError> {
    let owned = Owned {
        owner: raw.owner,
        release: raw.release,
    };
    // SAFETY: the caller's promise, for the type that `payload` names.
    let payload = unsafe {
        match raw.payload {
            abi::FRAME => {
                let pixels = Pixels {
                    data: raw.data.cast(),
                    length: raw.length,
                    _owned: owned,
                };
                let frame = Frame::shared(raw.first, raw.second, Arc::new(pixels));
                Payload::Frame(Arc::new(frame.ok_or_else(|| broken("a picture"))?))
            }
            abi::LATENT => Payload::Latent(items::<f32>(raw).into()),
            abi::NOTES => Payload::Notes(items(raw).iter().map(read_note).collect()),
            abi::AUDIO => Payload::Audio(Arc::new(AudioBlock {
                rate: raw.first,
                channels: u16::try_from(raw.second).map_err(|_| broken("a sound"))?,
                samples: items(raw).to_vec(),
            })),
            abi::CONTROL => Payload::Control(raw.number),
            abi::EVENT => Payload::Event(Arc::new(Event {
                name: String::from_utf8_lossy(items(raw)).into_owned(),
                strength: raw.number,
            })),
            abi::CUSTOM if raw.origin == origin() => {
                // It was made here, and is held by whoever lends it.
                let shared = &*raw.data.cast::<Arc<dyn Any + Send + Sync>>();
                Payload::Custom(shared.clone())
            }
            abi::CUSTOM => Payload::Custom(Arc::new(Handle {
                data: raw.data,
                origin: raw.origin,
                _owned: owned,
            })),
            _ => return Err(broken("a payload")),
        }
    };
    Ok(Packet {
        time: Time::from_nanos(raw.time),
        captured: instant::from_nanos(raw.captured),
        payload,
    })
}

fn broken(what: &str) -> NodeError {
    NodeError::internal(format!("a plugin sent {what} that is not valid"))
}

/// # Safety
/// `data` leads to `length` items of type `T`.
unsafe fn items<T>(raw: &abi::Packet) -> &[T] {
    if raw.length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(raw.data.cast(), raw.length) }
}

/// Something of the other side's, given back when it is dropped.
struct Owned {
    owner: *mut c_void,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: what is owned is an `Arc` of something `Send + Sync`, and `release` may be called from
// any thread.
unsafe impl Send for Owned {}
// SAFETY: as above; a shared reference gives no way to it.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: once, here.
            unsafe { release(self.owner) };
        }
    }
}

/// The pixels of a picture on the other side.
struct Pixels {
    data: *const u8,
    length: usize,
    _owned: Owned,
}

// SAFETY: pixels that are shared do not change.
unsafe impl Send for Pixels {}
// SAFETY: as above.
unsafe impl Sync for Pixels {}

impl AsRef<[u8]> for Pixels {
    fn as_ref(&self) -> &[u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: they are there until the owner is released, and do not change.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }
}

/// A value of a type that only the library that made it knows.
struct Handle {
    data: *const c_void,
    origin: usize,
    _owned: Owned,
}

// SAFETY: it leads to an `Arc` of something `Send + Sync`.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

/// # Safety
/// `owner` is a frame that [`write`] gave out.
unsafe extern "C" fn release_frame(owner: *mut c_void) {
    // SAFETY: the caller's promise.
    drop(unsafe { Arc::from_raw(owner.cast::<Frame>()) });
}

/// # Safety
/// `owner` is a value that [`write`] gave out.
unsafe extern "C" fn release_custom(owner: *mut c_void) {
    // A value's own `drop` may panic, which must not cross.
    let _ = std::panic::catch_unwind(|| {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(owner.cast::<Arc<dyn Any + Send + Sync>>()) });
    });
}

#[cfg(test)]
mod tests {
    use score_node::{ChannelChange, Performance};

    use super::*;

    fn crossed(payload: Payload) -> Packet {
        let packet = Packet {
            time: Time::from_nanos(7),
            captured: std::time::Instant::now(),
            payload,
        };
        let mut notes = Notes::new();
        let raw = write(&packet, (1, 2), &mut notes);
        assert_eq!((raw.port, raw.wire), (1, 2));
        // SAFETY: written a line above, read once.
        let read = unsafe { read(&raw) }.unwrap();
        assert_eq!((read.time, read.captured), (packet.time, packet.captured));
        read
    }

    #[test]
    fn every_payload_arrives_as_it_was_sent() {
        let frame = Arc::new(Frame::rgb(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap());
        let sent = frame.clone();
        let arrived = crossed(Payload::Frame(sent));
        let shared = arrived.frame().unwrap();
        assert_eq!(**shared, *frame);
        assert_eq!(shared.pixels().as_ptr(), frame.pixels().as_ptr());
        drop(arrived);
        assert_eq!(Arc::strong_count(&frame), 1);

        let latent = crossed(Payload::Latent([0.5, -1.0].into()));
        assert_eq!(**latent.latent().unwrap(), [0.5, -1.0]);
        let notes = [
            Note::On {
                channel: 9,
                pitch: 60,
                velocity: 0.25,
            },
            Note::Off {
                channel: 0,
                pitch: 127,
            },
        ];
        assert_eq!(
            **crossed(Payload::Notes(notes.into())).notes().unwrap(),
            notes
        );
        let performance = Performance {
            changes: vec![ChannelChange::Bend {
                channel: 0,
                value: 0.5,
            }],
            notes: notes.into(),
        };
        let arrived = crossed(Payload::Performance(performance.into()));
        assert_eq!(**arrived.notes().unwrap(), notes);
        assert!(arrived.changes().is_empty());
        let block = AudioBlock {
            rate: 48_000,
            channels: 2,
            samples: vec![0.1, 0.2],
        };
        let audio = crossed(Payload::Audio(Arc::new(block.clone())));
        assert_eq!(**audio.audio().unwrap(), block);
        assert_eq!(crossed(Payload::Control(0.75)).control().unwrap(), &0.75);
        let event = Event {
            name: "cut".to_owned(),
            strength: 0.5,
        };
        let arrived = crossed(Payload::Event(Arc::new(event.clone())));
        assert_eq!(**arrived.event().unwrap(), event);
    }

    #[test]
    fn a_value_of_an_own_type_is_shared_with_its_own_library_and_with_no_other() {
        let value: Arc<dyn Any + Send + Sync> = Arc::new("curve".to_owned());
        let arrived = crossed(Payload::Custom(value.clone()));
        assert_eq!(arrived.custom::<String>().unwrap(), "curve");
        drop(arrived);
        assert_eq!(Arc::strong_count(&value), 1);

        // As another library sees it: a handle, which it hands on as it came.
        let packet = Packet {
            time: Time::ZERO,
            captured: std::time::Instant::now(),
            payload: Payload::Custom(value.clone()),
        };
        let mut raw = write(&packet, (0, 0), &mut Notes::new());
        raw.origin += 1;
        // SAFETY: written above, read once.
        let elsewhere = unsafe { read(&raw) }.unwrap();
        assert!(elsewhere.custom::<String>().is_err());
        let mut back = write(&elsewhere, (0, 0), &mut Notes::new());
        assert_eq!(back.origin, raw.origin);
        back.origin = origin();
        // SAFETY: lent by `elsewhere`, which is still there.
        let home = unsafe { read(&back) }.unwrap();
        assert_eq!(home.custom::<String>().unwrap(), "curve");
        drop((home, elsewhere, packet));
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
