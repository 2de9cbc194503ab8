//! Shows what an output of a running node sends, for as long as somebody looks.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::packet::{AudioBlock, Event, Frame, Note, Packet, Payload};
use crate::time::Time;

/// Packets that wait to be looked at: those of notes, events and sound since the last look, a few
/// seconds of them. Of all else the newest is enough.
const MOST: usize = 512;

/// What an output sends, seen from outside while the node runs. It costs the node's thread next to
/// nothing, and never makes it wait: what comes while somebody looks is not seen. The tap is gone
/// when it is dropped.
#[derive(Debug)]
pub struct LiveTap {
    unseen: Arc<Unseen>,
    /// For as long as anybody holds it the node's thread shows what leaves the output.
    _shared: Arc<TapBuffer>,
    every: Duration,
    looked: Option<Instant>,
}

/// What was seen at an output since the last look.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Seen {
    /// The newest picture.
    Picture(Picture),
    /// The newest latent vector.
    Latent(Vec<f32>),
    /// Notes that began or ended, with their times in seconds.
    Notes(Vec<SeenNote>),
    /// The sound's level.
    Level(Level),
    /// The newest number.
    Control(f32),
    /// Events, with their times in seconds.
    Events(Vec<SeenEvent>),
    /// Something of a plugin's own type.
    Other,
}

/// A picture, scaled down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Rows from the top, three bytes (R, G, B) a pixel.
    #[serde(skip)]
    pub pixels: Vec<u8>,
}

/// How loud sound is, over the channels together, of full scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Level {
    /// The largest sample.
    pub peak: f32,
    /// The root of the samples' mean square.
    pub rms: f32,
}

/// A note that began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeenNote {
    /// When, in seconds on the run's clock.
    pub time: f64,
    /// MIDI channel, 0 to 15.
    pub channel: u8,
    /// MIDI pitch, 0 to 127.
    pub pitch: u8,
    /// How hard, above 0 up to 1; 0: it ended.
    pub velocity: f32,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeenEvent {
    /// When, in seconds on the run's clock.
    pub time: f64,
    /// What.
    pub name: String,
    /// How much, 0 to 1.
    pub strength: f32,
}

/// What a node's thread puts aside for all who look at one of its outputs.
#[derive(Debug, Default)]
pub(crate) struct TapBuffer(Mutex<Vec<Weak<Unseen>>>);

impl TapBuffer {
    /// Shows a packet to each who is not looking just now.
    pub(super) fn show(&self, packet: &Packet) {
        // Somebody else begins to look in this very moment.
        let Ok(mut all) = self.0.try_lock() else {
            return;
        };
        all.retain(|unseen| match unseen.upgrade() {
            Some(unseen) => {
                unseen.put(packet);
                true
            }
            None => false,
        });
    }

    /// One more looks.
    fn join(&self) -> Arc<Unseen> {
        let unseen = Arc::<Unseen>::default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of an output that sends nothing, those who look no more are noticed only here.
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&unseen));
        unseen
    }
}

/// What has come since a [`LiveTap`] looked last.
#[derive(Debug, Default)]
struct Unseen(Mutex<VecDeque<Packet>>);

impl Unseen {
    /// Puts a packet aside, unless somebody is looking just now.
    fn put(&self, packet: &Packet) {
        let Ok(mut packets) = self.0.try_lock() else {
            return;
        };
        let does_each_count = matches!(
            packet.payload,
            Payload::Notes(_) | Payload::Performance(_) | Payload::Audio(_) | Payload::Event(_)
        );
        if !does_each_count {
            packets.clear();
        } else if packets.len() >= MOST {
            packets.pop_front();
        }
        packets.push_back(packet.clone());
    }

    fn take(&self) -> VecDeque<Packet> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LiveTap {
    /// A tap that gives something at most `rate` times a second of what is shown through `shared`.
    pub(super) fn new(rate: f64, shared: Arc<TapBuffer>) -> Self {
        let rate = if rate.is_finite() {
            rate.clamp(0.01, 1_000.0)
        } else {
            1.0
        };
        LiveTap {
            unseen: shared.join(),
            _shared: shared,
            every: Duration::from_secs_f64(1.0 / rate),
            looked: None,
        }
    }

    /// What came since the last look; a picture is no wider than `width` pixels. `None`: nothing
    /// came, or it is not yet time for another look.
    pub fn look(&mut self, width: u32) -> Option<Seen> {
        let now = Instant::now();
        if (self.looked).is_some_and(|looked| now.duration_since(looked) < self.every) {
            return None;
        }
        let packets = self.unseen.take();
        let seen = seen(&packets, width)?;
        self.looked = Some(now);
        Some(seen)
    }

    /// The newest value of a type that is not built in, with its time in seconds on the run's clock.
    /// `None` as for [`LiveTap::look`], or it is of another type.
    pub fn newest<T: Any + Clone + Send + Sync>(&mut self) -> Option<(f64, T)> {
        let now = Instant::now();
        if (self.looked).is_some_and(|looked| now.duration_since(looked) < self.every) {
            return None;
        }
        let packets = self.unseen.take();
        let newest = packets.back()?;
        self.looked = Some(now);
        let value = newest.custom::<T>().ok()?;
        Some((newest.time.seconds(), value.clone()))
    }
}

/// What the packets, all of one type, show.
fn seen(packets: &VecDeque<Packet>, width: u32) -> Option<Seen> {
    Some(match &packets.back()?.payload {
        Payload::Frame(frame) => Seen::Picture(scaled_down(frame, width)),
        Payload::Latent(latent) => Seen::Latent(latent.to_vec()),
        Payload::Control(value) => Seen::Control(*value),
        Payload::Notes(_) | Payload::Performance(_) => Seen::Notes(
            (packets.iter())
                .filter_map(|packet| Some((packet.time, packet.notes().ok()?)))
                .flat_map(|(time, notes)| notes.iter().map(move |note| seen_note(time, note)))
                .collect(),
        ),
        Payload::Audio(_) => {
            let blocks = packets.iter().filter_map(|packet| packet.audio().ok());
            Seen::Level(level(blocks.map(|block| &**block)))
        }
        Payload::Event(_) => Seen::Events(
            (packets.iter())
                .filter_map(|packet| Some(seen_event(packet.time, packet.event().ok()?)))
                .collect(),
        ),
        // A plugin's own type, or one that nothing can show yet.
        _ => Seen::Other,
    })
}

fn seen_note(time: Time, note: &Note) -> SeenNote {
    SeenNote {
        time: time.seconds(),
        channel: note.channel(),
        pitch: note.pitch(),
        velocity: match note {
            Note::On { velocity, .. } => *velocity,
            Note::Off { .. } => 0.0,
        },
    }
}

fn seen_event(time: Time, event: &Event) -> SeenEvent {
    SeenEvent {
        time: time.seconds(),
        name: event.name.clone(),
        strength: event.strength,
    }
}

fn level<'a>(blocks: impl Iterator<Item = &'a AudioBlock>) -> Level {
    let (mut peak, mut squares, mut count) = (0.0_f32, 0.0_f64, 0_usize);
    for sample in blocks.flat_map(|block| &block.samples) {
        peak = peak.max(sample.abs());
        squares += f64::from(*sample).powi(2);
        count += 1;
    }
    Level {
        peak,
        rms: (squares / count.max(1) as f64).sqrt() as f32,
    }
}

/// A picture of at most `width` pixels a row; each is the mean of those that it stands for.
fn scaled_down(frame: &Frame, width: u32) -> Picture {
    let (from, rows) = (frame.width().max(1), frame.height().max(1));
    let to = width.clamp(1, from);
    let height =
        ((u64::from(rows) * u64::from(to)).div_ceil(u64::from(from)) as u32).clamp(1, rows);
    let edge = |index: u32, of: u32, all: u32| {
        (u64::from(index) * u64::from(all) / u64::from(of)) as usize
    };
    let mut pixels = Vec::with_capacity(to as usize * height as usize * 3);
    for y in 0..height {
        let top = edge(y, height, rows);
        let bottom = edge(y + 1, height, rows).max(top + 1);
        for x in 0..to {
            let left = edge(x, to, from);
            let right = edge(x + 1, to, from).max(left + 1);
            let mut sum = [0_u64; 3];
            for row in top..bottom {
                let start = (row * from as usize + left) * 3;
                let end = (row * from as usize + right) * 3;
                let row = frame.pixels().get(start..end).unwrap_or_default();
                for pixel in row.chunks_exact(3) {
                    for (sum, channel) in sum.iter_mut().zip(pixel) {
                        *sum += u64::from(*channel);
                    }
                }
            }
            let count = ((bottom - top) * (right - left)).max(1) as u64;
            pixels.extend(sum.map(|sum| (sum / count) as u8));
        }
    }
    Picture {
        width: to,
        height,
        pixels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: Payload) -> Packet {
        Packet {
            time: Time::from_seconds(1.0),
            captured: Instant::now(),
            payload,
        }
    }

    /// A tap, and what the node's thread shows it through.
    fn tap(rate: f64) -> (LiveTap, Arc<TapBuffer>) {
        let shared = Arc::<TapBuffer>::default();
        (LiveTap::new(rate, shared.clone()), shared)
    }

    #[test]
    fn of_pictures_the_newest_is_seen_no_wider_than_asked_and_evenly_mixed() {
        let (mut tap, buffer) = tap(1_000.0);
        assert_eq!(tap.look(2), None);
        let white = Frame::rgb(4, 2, vec![255; 24]).unwrap();
        buffer.show(&packet(Payload::Frame(Arc::new(white))));
        let halves: Vec<u8> = (0..8)
            .flat_map(|n| [if n % 4 < 2 { 10 } else { 30 }; 3])
            .collect();
        let newest = Frame::rgb(4, 2, halves).unwrap();
        buffer.show(&packet(Payload::Frame(Arc::new(newest))));
        let Some(Seen::Picture(picture)) = tap.look(2) else {
            panic!("no picture")
        };
        assert_eq!((picture.width, picture.height), (2, 1));
        assert_eq!(picture.pixels, [10, 10, 10, 30, 30, 30]);
    }

    #[test]
    fn a_picture_of_any_size_is_scaled_to_any_width() {
        for (width, height) in [(1, 1), (1, 999), (999, 1), (7, 5), (640, 360)] {
            let frame = Frame::rgb(width, height, vec![7; (width * height * 3) as usize]).unwrap();
            for wanted in [0, 1, 3, 64, 5_000] {
                let picture = scaled_down(&frame, wanted);
                assert_eq!(
                    picture.pixels.len(),
                    (picture.width * picture.height * 3) as usize
                );
                assert!(
                    picture.pixels.iter().all(|value| *value == 7)
                        && picture.width <= wanted.max(1)
                );
            }
        }
    }

    #[test]
    fn the_level_is_that_of_all_sound_since_the_last_look() {
        let (mut tap, buffer) = tap(1_000.0);
        for level in [0.5, -1.0] {
            let block = AudioBlock {
                rate: 48_000,
                channels: 1,
                samples: vec![level; 4],
            };
            buffer.show(&packet(Payload::Audio(Arc::new(block))));
        }
        let Some(Seen::Level(level)) = tap.look(0) else {
            panic!("no level")
        };
        assert_eq!(level.peak, 1.0);
        assert!((level.rms - 0.625_f32.sqrt()).abs() < 1e-6);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(tap.look(0), None);
    }

    #[test]
    fn nothing_is_given_more_often_than_was_asked_for_and_no_note_is_passed_over() {
        let (mut tap, buffer) = tap(0.01);
        let note = |pitch| Payload::Notes([Note::Off { channel: 0, pitch }].into());
        buffer.show(&packet(note(1)));
        assert!(tap.look(0).is_some());
        buffer.show(&packet(note(2)));
        buffer.show(&packet(note(3)));
        assert_eq!(tap.look(0), None);
        tap.looked = None;
        let Some(Seen::Notes(notes)) = tap.look(0) else {
            panic!("no notes")
        };
        assert_eq!(
            notes.iter().map(|note| note.pitch).collect::<Vec<_>>(),
            [2, 3]
        );
    }

    #[test]
    fn what_nobody_can_show_is_kept_once() {
        let (mut tap, buffer) = tap(1.0);
        for _ in 0..3 {
            buffer.show(&packet(Payload::Custom(Arc::new([0_u8; 1_000]))));
        }
        assert_eq!(tap.unseen.0.lock().unwrap().len(), 1);
        assert_eq!(tap.look(0), Some(Seen::Other));
    }

    #[test]
    fn a_value_of_a_type_that_is_not_built_in_is_seen_by_whoever_knows_it() {
        let (mut tap, buffer) = tap(1_000.0);
        buffer.show(&packet(Payload::Custom(Arc::new(7_u8))));
        assert_eq!(tap.newest::<u8>(), Some((1.0, 7)));
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(tap.newest::<u8>(), None);
        buffer.show(&packet(Payload::Custom(Arc::new(7_u8))));
        assert_eq!(tap.newest::<u16>(), None);
    }

    #[test]
    fn whoever_looks_holds_nobody_up() {
        let (tap, buffer) = tap(1.0);
        let (mut other, held) = (LiveTap::new(1.0, buffer.clone()), tap.unseen.0.lock());
        buffer.show(&packet(Payload::Control(1.0)));
        assert!(held.unwrap().is_empty());
        assert_eq!(other.look(0), Some(Seen::Control(1.0)));
        let held = buffer.0.lock();
        buffer.show(&packet(Payload::Control(2.0)));
        drop(held);
        assert_eq!(tap.unseen.take().len(), 0);
    }
}
