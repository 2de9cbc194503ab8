//! What goes over the network between `net_out` and `net_in`: messages with a length before each,
//! little end first. Nothing is believed: every length has a limit before memory is taken for it,
//! and what is not a number, a note or a text ends the connection.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;

use score_engine::{Event, Frame, Note};

/// The widest and the highest picture, in pixels.
pub(super) const LARGEST_SIDE: u32 = 512;

/// The most numbers of a latent.
pub(super) const LONGEST_LATENT: usize = 4_096;

/// The longest name of an event, in bytes.
const LONGEST_NAME: usize = 1_000;

/// The most notes that begin or end together.
const MOST_NOTES: usize = 2_048;

/// Bytes before each message: its kind, and how long the rest is.
const HEAD: usize = 5;

/// When something holds, in nanoseconds by the sender's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// When it is meant to be heard or seen.
    pub(super) due: i64,
    /// When the oldest news in it was captured.
    pub(super) captured: i64,
}

/// Something that a patch sends.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Picture(Arc<Frame>),
    Latent(Arc<[f32]>),
    Control(f32),
    Event(Arc<Event>),
    Notes(Arc<[Note]>),
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// What a patch sends.
    Content(Stamp, Content),
    /// Asks for a `Pong`, at this time of the asker's clock.
    Ping(i64),
    /// Answers: the asker's time, and when the question came and the answer leaves by the other
    /// clock.
    Pong(i64, i64, i64),
    /// How many bytes of contents have been taken so far.
    Taken(u64),
    /// The sender ends.
    End,
}

const PICTURE: u8 = 1;
const LATENT: u8 = 2;
const CONTROL: u8 = 3;
const EVENT: u8 = 4;
const NOTES: u8 = 5;
const PING: u8 = 16;
const PONG: u8 = 17;
const TAKEN: u8 = 18;
const END: u8 = 19;

/// The most bytes that may follow the head of a message of this kind; `None`: there is none.
fn longest(kind: u8) -> Option<usize> {
    let side = LARGEST_SIDE as usize;
    Some(match kind {
        PICTURE => 16 + 8 + side * side * 3,
        LATENT => 16 + 4 * LONGEST_LATENT,
        CONTROL => 16 + 4,
        EVENT => 16 + 4 + LONGEST_NAME,
        NOTES => 16 + 6 * MOST_NOTES,
        PING | TAKEN => 8,
        PONG => 24,
        END => 0,
        _ => return None,
    })
}

/// Whether something fits into a message, and is made of numbers.
pub(super) fn fits(content: &Content) -> bool {
    match content {
        Content::Picture(frame) => {
            let sides = [frame.width(), frame.height()];
            sides.iter().all(|side| (1..=LARGEST_SIDE).contains(side))
        }
        Content::Latent(latent) => {
            latent.len() <= LONGEST_LATENT && latent.iter().all(|value| value.is_finite())
        }
        Content::Control(value) => value.is_finite(),
        Content::Event(event) => event.name.len() <= LONGEST_NAME && event.strength.is_finite(),
        Content::Notes(notes) => notes.len() <= MOST_NOTES,
    }
}

impl Message {
    /// Appends the message to `bytes`.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let begin = bytes.len();
        bytes.extend([0; HEAD]);
        let kind = match self {
            Message::Content(stamp, content) => {
                bytes.extend(stamp.due.to_le_bytes());
                bytes.extend(stamp.captured.to_le_bytes());
                write_content(content, bytes)
            }
            Message::Ping(sent) => {
                bytes.extend(sent.to_le_bytes());
                PING
            }
            Message::Pong(sent, came, leaves) => {
                for time in [sent, came, leaves] {
                    bytes.extend(time.to_le_bytes());
                }
                PONG
            }
            Message::Taken(count) => {
                bytes.extend(count.to_le_bytes());
                TAKEN
            }
            Message::End => END,
        };
        let length = (bytes.len() - begin - HEAD) as u32;
        bytes[begin] = kind;
        bytes[begin + 1..begin + HEAD].copy_from_slice(&length.to_le_bytes());
    }

    /// Reads the next message.
    ///
    /// # Errors
    /// The connection fails, or what comes is no message.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; HEAD];
        from.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        let longest = longest(kind).ok_or_else(|| wrong("a message of an unknown kind"))?;
        if length > longest {
            return Err(wrong("a message that is too long"));
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        parse(kind, &body).ok_or_else(|| wrong("a message that makes no sense"))
    }

    /// How many bytes of content it has for the count of [`Message::Taken`].
    pub(super) fn size(&self) -> u64 {
        match self {
            Message::Content(_, Content::Picture(frame)) => frame.pixels().len() as u64 + 64,
            Message::Content(_, Content::Latent(latent)) => latent.len() as u64 * 4 + 64,
            Message::Content(..) => 64,
            _ => 0,
        }
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{what} came"))
}

fn write_content(content: &Content, bytes: &mut Vec<u8>) -> u8 {
    match content {
        Content::Picture(frame) => {
            bytes.extend(frame.width().to_le_bytes());
            bytes.extend(frame.height().to_le_bytes());
            bytes.extend(frame.pixels());
            PICTURE
        }
        Content::Latent(latent) => {
            latent
                .iter()
                .for_each(|value| bytes.extend(value.to_le_bytes()));
            LATENT
        }
        Content::Control(value) => {
            bytes.extend(value.to_le_bytes());
            CONTROL
        }
        Content::Event(event) => {
            bytes.extend(event.strength.to_le_bytes());
            bytes.extend(event.name.as_bytes());
            EVENT
        }
        Content::Notes(notes) => {
            for note in notes.iter() {
                let velocity = match note {
                    Note::On { velocity, .. } if velocity.is_finite() => velocity.clamp(0.0, 1.0),
                    _ => 0.0,
                };
                bytes.extend([note.channel() & 0x0F, note.pitch() & 0x7F]);
                bytes.extend(velocity.to_le_bytes());
            }
            NOTES
        }
    }
}

/// Takes numbers from the beginning of bytes.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn time(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn side(&mut self) -> Option<u32> {
        let side = self.take().map(u32::from_le_bytes)?;
        (1..=LARGEST_SIDE).contains(&side).then_some(side)
    }

    fn number(&mut self) -> Option<f32> {
        self.take()
            .map(f32::from_le_bytes)
            .filter(|number| number.is_finite())
    }
}

fn parse(kind: u8, body: &[u8]) -> Option<Message> {
    let mut numbers = Numbers(body);
    let message = match kind {
        PING => Message::Ping(numbers.time()?),
        PONG => Message::Pong(numbers.time()?, numbers.time()?, numbers.time()?),
        TAKEN => Message::Taken(numbers.take().map(u64::from_le_bytes)?),
        END => Message::End,
        _ => {
            let stamp = Stamp {
                due: numbers.time()?,
                captured: numbers.time()?,
            };
            return Some(Message::Content(stamp, parse_content(kind, numbers)?));
        }
    };
    numbers.0.is_empty().then_some(message)
}

fn parse_content(kind: u8, mut numbers: Numbers<'_>) -> Option<Content> {
    Some(match kind {
        PICTURE => {
            let (width, height) = (numbers.side()?, numbers.side()?);
            let frame = Frame::rgb(width, height, numbers.0.to_vec())?;
            Content::Picture(Arc::new(frame))
        }
        LATENT => {
            let mut latent = Vec::with_capacity(numbers.0.len() / 4);
            while !numbers.0.is_empty() {
                latent.push(numbers.number()?);
            }
            Content::Latent(latent.into())
        }
        CONTROL => {
            let value = numbers.number()?;
            numbers.0.is_empty().then_some(Content::Control(value))?
        }
        EVENT => {
            let strength = numbers.number()?;
            let name = std::str::from_utf8(numbers.0).ok()?.to_owned();
            Content::Event(Arc::new(Event { name, strength }))
        }
        NOTES => {
            let mut notes = Vec::with_capacity(numbers.0.len() / 6);
            while !numbers.0.is_empty() {
                let [channel, pitch] = numbers.take()?;
                let velocity = numbers.number()?;
                let is_note = channel < 16 && pitch < 128 && (0.0..=1.0).contains(&velocity);
                notes.push(match velocity > 0.0 {
                    _ if !is_note => return None,
                    true => Note::On {
                        channel,
                        pitch,
                        velocity,
                    },
                    false => Note::Off { channel, pitch },
                });
            }
            Content::Notes(notes.into())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(message: &Message) -> Message {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        Message::read(&mut bytes.as_slice()).unwrap()
    }

    fn contents() -> Vec<Content> {
        let frame = Frame::rgb(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let event = Event {
            name: "cut é".to_owned(),
            strength: 0.5,
        };
        let notes = [
            Note::On {
                channel: 15,
                pitch: 127,
                velocity: 1.0,
            },
            Note::Off {
                channel: 0,
                pitch: 0,
            },
        ];
        vec![
            Content::Picture(Arc::new(frame)),
            Content::Latent([0.5, -1.0].into()),
            Content::Control(0.25),
            Content::Event(Arc::new(event)),
            Content::Notes(notes.into()),
            Content::Notes([].into()),
        ]
    }

    #[test]
    fn each_message_comes_out_as_it_went_in() {
        let stamp = Stamp {
            due: -5,
            captured: i64::MAX,
        };
        let own = [
            Message::Ping(-1),
            Message::Pong(1, 2, 3),
            Message::Taken(u64::MAX),
            Message::End,
        ];
        let all = contents()
            .into_iter()
            .map(|content| Message::Content(stamp, content));
        for message in all.chain(own) {
            assert_eq!(there_and_back(&message), message);
        }
    }

    /// The bytes are a promise to the other end, which may be another build.
    #[test]
    fn a_control_is_these_bytes() {
        let mut bytes = Vec::new();
        let stamp = Stamp {
            due: 1,
            captured: 2,
        };
        Message::Content(stamp, Content::Control(1.0)).write(&mut bytes);
        let expected = [
            3, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f,
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_is_too_large_or_no_number_is_refused_before_memory_is_taken_for_it() {
        for head in [
            [1_u8, 255, 255, 255, 255],
            [3, 21, 0, 0, 0],
            [99, 0, 0, 0, 0],
        ] {
            let refused = Message::read(&mut head.as_slice()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidData);
        }
        let with = |kind: u8, rest: &[u8]| {
            let body = [&[0; 16], rest].concat();
            let head = [&[kind][..], &(body.len() as u32).to_le_bytes()].concat();
            Message::read(&mut [head, body].concat().as_slice())
        };
        assert!(with(CONTROL, &f32::NAN.to_le_bytes()).is_err());
        assert!(with(LATENT, &[0; 5]).is_err());
        assert!(with(PICTURE, &[0; 8]).is_err());
        assert!(with(PICTURE, &[1, 0, 0, 0, 1, 0, 0, 0, 7, 7]).is_err());
        assert!(with(NOTES, &[16, 0, 0, 0, 0, 0]).is_err());
        assert!(with(NOTES, &[0, 128, 0, 0, 0, 0]).is_err());
        assert!(with(EVENT, &[0, 0, 0, 0, 0xff]).is_err());
        let large = Frame::rgb(513, 1, vec![0; 513 * 3]).unwrap();
        assert!(!fits(&Content::Picture(Arc::new(large))));
        assert!(!fits(&Content::Control(f32::INFINITY)));
        assert!(contents().iter().all(fits));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut rest = bytes.as_slice();
            while let Ok(message) = Message::read(&mut rest) {
                prop_assert_eq!(there_and_back(&message), message);
            }
        }
    }
}
